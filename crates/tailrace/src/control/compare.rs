//! Comparisons of a job's tables with what consumers of its topics end with: asked for now or later, done in the
//! background, kept with the job.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use tailrace_pipeline::compare::{CompareOutcome, TableComparison};

use super::Control;
use super::caller::Caller;
use super::change::unchanged;
use super::command::Command;
use super::comparing::LiveComparison;
use super::inner::{Inner, locked};
use super::query::QueryStatus;
use super::refusal::{Refusal, Result};
use crate::store::{QueryKind, QueryRow};

/// Comparisons of one job that wait or run.
pub const COMPARISONS_PENDING_MAX: usize = 5;
/// Differences that are kept of one comparison.
pub const DIFFERENCES_KEPT_MAX: usize = 10_000;
/// Bytes of them that are kept of one comparison, about.
pub(super) const DIFFERENCES_BYTES_MAX: usize = 16 << 20;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompareKind {
    /// Whether every table has its topic.
    Object,
    /// Numbers of rows.
    Lines,
    /// Rows.
    Contents,
}

impl CompareKind {
    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Lines => "lines",
            Self::Contents => "contents",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Object, Self::Lines, Self::Contents].into_iter().find(|kind| kind.name() == name)
    }
}

/// A comparison that someone wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareInput {
    /// What is compared.
    pub kind: CompareKind,
    /// Databases with their tables, `None` for all tables of one; empty: everything that the job has.
    #[serde(default)]
    pub tables: BTreeMap<String, Option<BTreeSet<String>>>,
    /// When; `None`: now. Milliseconds of the Unix epoch.
    #[serde(default)]
    pub start_ms: Option<i64>,
    /// When it is broken off, milliseconds of the Unix epoch; `None`: never.
    #[serde(default)]
    pub until_ms: Option<i64>,
    /// It was begun by the job's policy.
    #[serde(default)]
    pub by_policy: bool,
    /// Nothing is changed meanwhile: differences are not looked at again.
    #[serde(default)]
    pub is_static: bool,
    /// Of a database only a sample of so many of a million rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_per_million: Option<u32>,
}

impl CompareInput {
    /// A comparison of all tables, now.
    pub fn of(kind: CompareKind) -> Self {
        Self {
            kind,
            tables: BTreeMap::new(),
            start_ms: None,
            until_ms: None,
            by_policy: false,
            is_static: false,
            sample_per_million: None,
        }
    }
}

/// How far one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareStatus {
    /// It waits for its time, or for others.
    Waiting,
    /// It runs.
    Running,
    /// All tables have their result.
    Successful,
    /// It could not be done.
    Failed,
    /// Someone stopped it.
    Cancelled,
}

/// How a table and its topic compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableOutcome {
    /// A consumer ends with the table's rows.
    Consistent,
    /// It does not.
    Inconsistent,
    /// Nothing is known to differ, but not all could be looked at.
    Undecided,
    /// The topic does not exist.
    TopicMissing,
    /// The table cannot be compared.
    Impossible,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDifference {
    /// `missing`, `extra` or `content`.
    pub kind: String,
    /// Key columns with their values as messages have them.
    pub key: Vec<(String, String)>,
    /// Columns that differ.
    pub columns: Vec<String>,
    /// Partition and offset of the key's last message.
    pub last_message: Option<(i32, i64)>,
    /// Of a target that is a database: statements that show both rows, and one that would repair the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<DifferenceStatements>,
}

impl RowDifference {
    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let key: usize = self.key.iter().map(|(name, value)| name.len() + value.len()).sum();
        let columns: usize = self.columns.iter().map(String::len).sum();
        let statements = self.statements.as_ref().map_or(0, |statements| {
            statements.source_select.len()
                + statements.target_select.len()
                + statements.repair.as_ref().map_or(0, String::len)
        });
        100 + key + columns + statements
    }
}

/// Statements about a row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceStatements {
    /// Shows the source's row as it was compared.
    pub source_select: String,
    /// Shows the target's row.
    pub target_select: String,
    /// Makes the target's row what the source's was, as far as it was compared; none if it is long.
    pub repair: Option<String>,
}

/// What came of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedTable {
    /// Database at the source.
    pub database: String,
    /// Table at the source.
    pub table: String,
    /// Database as messages name it.
    pub target_database: String,
    /// Table as messages name it.
    pub target_table: String,
    /// Topic.
    pub topic: String,
    /// How they compare.
    pub outcome: TableOutcome,
    /// Rows of the source.
    pub source_rows: u64,
    /// Rows that a consumer ends with.
    pub target_rows: u64,
    /// Rows that only the source has.
    pub missing: u64,
    /// Rows that only the topic has.
    pub extra: u64,
    /// Rows with other content.
    pub differing: u64,
    /// Place of the log up to which everything was compared.
    pub position: Option<String>,
    /// What a reader of the result should know.
    pub notes: Vec<String>,
    /// Some of the differences; none in lists.
    #[serde(default)]
    pub differences: Vec<RowDifference>,
}

impl ComparedTable {
    /// Rows that differ in whichever way.
    pub fn difference_rows(&self) -> u64 {
        self.missing + self.extra + self.differing
    }

    pub(super) fn of(told: TableComparison, differences_max: usize) -> Self {
        let mut differences: Vec<RowDifference> = told
            .differences
            .into_iter()
            .map(|one| RowDifference {
                kind: one.kind.name().to_owned(),
                key: one.key,
                columns: one.columns,
                last_message: one.last_message,
                statements: one.statements.map(|statements| DifferenceStatements {
                    source_select: statements.source_select,
                    target_select: statements.target_select,
                    repair: statements.repair,
                }),
            })
            .collect();
        differences.truncate(differences_max);
        Self {
            database: told.database,
            table: told.table,
            target_database: told.seen.0,
            target_table: told.seen.1,
            topic: told.topic,
            outcome: match told.outcome {
                CompareOutcome::Consistent => TableOutcome::Consistent,
                CompareOutcome::Inconsistent => TableOutcome::Inconsistent,
                CompareOutcome::Undecided => TableOutcome::Undecided,
                CompareOutcome::TopicMissing => TableOutcome::TopicMissing,
                CompareOutcome::Impossible => TableOutcome::Impossible,
            },
            source_rows: told.source_rows,
            target_rows: told.target_rows,
            missing: told.missing,
            extra: told.extra,
            differing: told.differing,
            position: told.position.map(|(file, offset)| format!("{file}:{offset}")),
            notes: told.notes,
            differences,
        }
    }
}

/// A comparison, asked for, under way or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Its id.
    pub id: String,
    /// What was asked.
    pub input: CompareInput,
    /// How far it is.
    pub status: CompareStatus,
    /// Asked, milliseconds of the Unix epoch.
    pub created_ms: i64,
    /// When its work began.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Tables that are done.
    pub tables: Vec<ComparedTable>,
    /// Rows of the source read so far, while it runs.
    pub rows_read: u64,
    /// Messages read so far, while it runs.
    pub messages_read: u64,
    /// Tables that are to be compared, as far as that is known.
    pub tables_total: u64,
    /// It rests until it is told to go on.
    pub is_paused: bool,
}

impl Comparison {
    /// Whether it waits or runs.
    pub fn is_pending(&self) -> bool {
        matches!(self.status, CompareStatus::Waiting | CompareStatus::Running)
    }
}

/// What is kept of one that ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) started_ms: Option<i64>,
    pub(super) ended_ms: i64,
    pub(super) cancelled: bool,
    pub(super) tables: Vec<ComparedTable>,
}

impl Control {
    /// Compares a job's tables with their topics in the background, now or at a given time. Gives its id.
    ///
    /// # Errors
    /// [`Refusal::WrongState`], [`Refusal::Invalid`] for tables that are not the job's, [`Refusal::Unsupported`] for an
    /// increment-only job.
    pub async fn compare(
        &self,
        caller: &Caller,
        job_id: &str,
        input: CompareInput,
    ) -> Result<String> {
        let job = self.command(caller, job_id, Command::Compare, &unchanged).await?;
        self.inner.begin_comparison(&job, input).await
    }

    /// Stops a comparison; what it found so far stays.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`], and [`Refusal::Invalid`] if it has ended.
    pub async fn cancel_comparison(&self, caller: &Caller, job_id: &str, id: &str) -> Result<()> {
        let live = self.live_comparison(caller, job_id, ("compare_task_id", id)).await?;
        live.cancel();
        Ok(())
    }

    /// Lets comparisons rest, or go on: all of them, or none if one has ended.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`], and [`Refusal::Invalid`] if one has ended.
    pub async fn pause_comparisons(
        &self,
        caller: &Caller,
        job_id: &str,
        ids: &[String],
        pauses: bool,
    ) -> Result<()> {
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.push(self.live_comparison(caller, job_id, ("compare_job_ids", id)).await?);
        }
        for live in all {
            if pauses { live.pause() } else { live.go_on() }
        }
        Ok(())
    }

    /// Begins a comparison at once that waits for its time.
    ///
    /// # Errors
    /// As [`pause_comparisons`](Self::pause_comparisons).
    pub async fn start_comparison_now(
        &self,
        caller: &Caller,
        job_id: &str,
        id: &str,
    ) -> Result<()> {
        self.live_comparison(caller, job_id, ("compare_job_id", id)).await?.is_due_now();
        Ok(())
    }

    async fn live_comparison(
        &self,
        caller: &Caller,
        job_id: &str,
        (field, id): (&'static str, &str),
    ) -> Result<Arc<LiveComparison>> {
        let row = self.query(caller, job_id, id, QueryKind::Compare).await?;
        let live = locked(&self.inner.comparisons).get(id).cloned();
        // What is stored decides: for an instant one that has ended is still among the live ones.
        live.filter(|_| row.status == QueryStatus::Pending)
            .ok_or_else(|| Refusal::invalid(field, id, "one that waits or runs"))
    }

    /// The comparisons that are kept of a job, the newest first.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn comparisons(&self, caller: &Caller, job_id: &str) -> Result<Vec<Comparison>> {
        self.inner.load(caller, job_id).await?;
        let rows = self.inner.store.queries(job_id, QueryKind::Compare).await?;
        rows.into_iter().map(|row| self.inner.comparison(row)).collect()
    }

    /// One comparison of a job, with the rows that it lists.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`].
    pub async fn comparison_with_rows(
        &self,
        caller: &Caller,
        job_id: &str,
        id: &str,
    ) -> Result<Comparison> {
        let mut comparison = self.comparison(caller, job_id, id).await?;
        if let Some(detail) = self.inner.store.query_detail(id).await? {
            let rows: Vec<Vec<RowDifference>> =
                serde_json::from_str(&detail).map_err(Refusal::internal)?;
            for (table, rows) in comparison.tables.iter_mut().zip(rows) {
                table.differences = rows;
            }
        }
        Ok(comparison)
    }

    /// One comparison of a job.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`].
    pub async fn comparison(&self, caller: &Caller, job_id: &str, id: &str) -> Result<Comparison> {
        let row = self.query(caller, job_id, id, QueryKind::Compare).await?;
        self.inner.comparison(row)
    }
}

impl Inner {
    fn comparison(&self, row: QueryRow) -> Result<Comparison> {
        let input: CompareInput = serde_json::from_str(&row.request).map_err(Refusal::internal)?;
        let mut comparison = Comparison {
            id: row.id,
            input,
            status: CompareStatus::Waiting,
            created_ms: row.created_ms,
            started_ms: None,
            ended_ms: None,
            error: row.error,
            tables: Vec::new(),
            rows_read: 0,
            messages_read: 0,
            tables_total: 0,
            is_paused: false,
        };
        match (row.status, row.result) {
            (QueryStatus::Failed, _) => comparison.status = CompareStatus::Failed,
            (_, Some(result)) => {
                let ended: Ended = serde_json::from_str(&result).map_err(Refusal::internal)?;
                comparison.status = if ended.cancelled {
                    CompareStatus::Cancelled
                } else {
                    CompareStatus::Successful
                };
                comparison.started_ms = ended.started_ms;
                comparison.ended_ms = Some(ended.ended_ms);
                comparison.tables = ended.tables;
                comparison.tables_total = comparison.tables.len() as u64;
            }
            (_, None) => {
                if let Some(live) = locked(&self.comparisons).get(&comparison.id) {
                    comparison.started_ms = live.started();
                    comparison.tables.clone_from(&live.tables());
                    comparison.tables_total = live.progress.tables.load(Ordering::Relaxed);
                    comparison.is_paused = live.is_paused();
                    comparison.rows_read = live.progress.rows.load(Ordering::Relaxed);
                    comparison.messages_read = live.progress.messages.load(Ordering::Relaxed);
                }
                if comparison.started_ms.is_some() && !comparison.is_paused {
                    comparison.status = CompareStatus::Running;
                }
            }
        }
        Ok(comparison)
    }
}
