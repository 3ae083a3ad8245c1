//! Comparisons of a job's tables with what consumers of its topics end with: asked for now or later, done in the
//! background, kept with the job.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tailrace_pipeline::compare::{CompareOutcome, CompareProgress, TableComparison};
use tailrace_pipeline::job::{SelectedDatabase, Selection};
use tailrace_pipeline::plan::JobPlan;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Error, ErrorKind};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::change::unchanged;
use super::command::Command;
use super::inner::{Inner, locked};
use super::job::{Job, TaskMode};
use super::probe::explain;
use super::query::QueryStatus;
use super::refusal::{Refusal, Result};
use super::runner::Compared;
use super::secrets::JobSecrets;
use super::{Control, spec};
use crate::store::{QueryKind, QueryRow};

/// Comparisons of one job that wait or run.
pub const COMPARISONS_PENDING_MAX: usize = 5;
/// Differences that are kept of one comparison.
pub const DIFFERENCES_KEPT_MAX: usize = 10_000;
/// Bytes of them that are kept of one comparison, about.
const DIFFERENCES_BYTES_MAX: usize = 16 << 20;
/// How often one that waits for its time looks at the clock.
const CLOCK_INTERVAL: Duration = Duration::from_millis(500);

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
}

impl CompareInput {
    /// A comparison of all tables, now.
    pub fn of(kind: CompareKind) -> Self {
        Self { kind, tables: BTreeMap::new(), start_ms: None, until_ms: None, by_policy: false }
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
    fn bytes(&self) -> usize {
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

    fn of(told: TableComparison, differences_max: usize) -> Self {
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
}

/// What is kept of one that ended.
#[derive(Debug, Serialize, Deserialize)]
struct Ended {
    started_ms: Option<i64>,
    ended_ms: i64,
    cancelled: bool,
    tables: Vec<ComparedTable>,
}

/// One that waits or runs in this process.
#[derive(Debug)]
pub(crate) struct LiveComparison {
    job_id: String,
    stop: StopSignal,
    cancelled: CancellationToken,
    /// 0 until it begins.
    started_ms: AtomicI64,
    progress: CompareProgress,
    tables: Mutex<Vec<ComparedTable>>,
}

impl LiveComparison {
    fn started(&self) -> Option<i64> {
        Some(self.started_ms.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    fn tell(&self, told: TableComparison) {
        let mut tables = locked(&self.tables);
        let kept: usize = tables.iter().map(|table| table.differences.len()).sum();
        let mut table = ComparedTable::of(told, DIFFERENCES_KEPT_MAX.saturating_sub(kept));
        let mut bytes: usize =
            tables.iter().flat_map(|table| &table.differences).map(RowDifference::bytes).sum();
        table.differences.retain(|one| {
            bytes += one.bytes();
            bytes <= DIFFERENCES_BYTES_MAX
        });
        tables.push(table);
    }
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
        let row = self.query(caller, job_id, id, QueryKind::Compare).await?;
        let live = locked(&self.inner.comparisons).get(id).cloned();
        // What is stored decides: for an instant one that has ended is still among the live ones.
        let live = live.filter(|_| row.status == QueryStatus::Pending);
        let Some(live) = live else {
            return Err(Refusal::invalid("compare_task_id", id, "one that waits or runs"));
        };
        live.stop.stop();
        live.cancelled.cancel();
        Ok(())
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
    /// Begins a comparison of a job in the background; gives its id.
    ///
    /// # Errors
    /// As [`Control::compare`], but for the job's status.
    pub(crate) async fn begin_comparison(
        self: &Arc<Self>,
        job: &Job,
        input: CompareInput,
    ) -> Result<String> {
        let job_id = job.id.as_str();
        if job.task == TaskMode::Incremental && input.kind != CompareKind::Object {
            return Err(Refusal::Unsupported {
                what: "comparing the rows of a job without a full phase".to_owned(),
                instead: "object".to_owned(),
            });
        }
        let secrets = self.secrets_of(job_id).await?;
        let (spec, tables) = spec_of(job, &secrets, &input)?;
        let pending = self.comparisons_of(job_id);
        if pending >= COMPARISONS_PENDING_MAX {
            let allowed = format!("at most {COMPARISONS_PENDING_MAX} that wait or run");
            return Err(Refusal::invalid("compare_task_param", pending, allowed));
        }
        let request = serde_json::to_string(&input).map_err(Refusal::internal)?;
        let id = self.add_query(job_id, QueryKind::Compare, request).await?;
        let live = Arc::new(LiveComparison {
            job_id: job_id.to_owned(),
            stop: StopSignal::new(),
            cancelled: CancellationToken::new(),
            started_ms: AtomicI64::new(0),
            progress: CompareProgress::default(),
            tables: Mutex::default(),
        });
        locked(&self.comparisons).insert(id.clone(), Arc::clone(&live));
        let what = Compared { tables, objects_only: input.kind == CompareKind::Object };
        let inner = Arc::clone(self);
        let query_id = id.clone();
        self.tasks.spawn(async move {
            inner
                .run_comparison(&query_id, &live, (input.start_ms, input.until_ms), (spec, what))
                .await;
            locked(&inner.comparisons).remove(&query_id);
        });
        Ok(id)
    }

    fn comparisons_of(&self, job_id: &str) -> usize {
        locked(&self.comparisons).values().filter(|live| live.job_id == job_id).count()
    }

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
            }
            (_, None) => {
                if let Some(live) = locked(&self.comparisons).get(&comparison.id) {
                    comparison.started_ms = live.started();
                    comparison.tables.clone_from(&locked(&live.tables));
                    comparison.rows_read = live.progress.rows.load(Ordering::Relaxed);
                    comparison.messages_read = live.progress.messages.load(Ordering::Relaxed);
                }
                if comparison.started_ms.is_some() {
                    comparison.status = CompareStatus::Running;
                }
            }
        }
        Ok(comparison)
    }

    /// Waits for the time and for room, compares, and keeps what came of it.
    async fn run_comparison(
        &self,
        id: &str,
        live: &Arc<LiveComparison>,
        (start_ms, until_ms): (Option<i64>, Option<i64>),
        (spec, what): (JobPlan, Compared),
    ) {
        let compared = tokio::select! {
            compared = self.compare_when_due(live, (start_ms, until_ms), spec, what) => compared,
            () = self.stop.cancelled() => {
                // The next start says that it was broken off.
                live.stop.stop();
                return;
            }
        };
        let cancelled = live.cancelled.is_cancelled();
        let outcome = match compared {
            Err(e) if cancelled && e.kind() == ErrorKind::Cancelled => Ok(()),
            // It says itself what to do.
            Err(e) if e.kind() == ErrorKind::Configuration => Err(e.message().to_owned()),
            Err(e) => Err(explain(&e)),
            Ok(()) => Ok(()),
        };
        let mut tables = locked(&live.tables).clone();
        let rows: Vec<Vec<RowDifference>> =
            tables.iter_mut().map(|table| std::mem::take(&mut table.differences)).collect();
        let outcome = match outcome {
            Err(why) => Err(why),
            Ok(()) => serde_json::to_string(&Ended {
                started_ms: live.started(),
                ended_ms: self.now_ms(),
                cancelled,
                tables,
            })
            .and_then(|ended| Ok((ended, serde_json::to_string(&rows)?)))
            .map_err(|e| e.to_string()),
        };
        let (outcome, detail) = match &outcome {
            Ok((ended, rows)) => (Ok(ended.as_str()), Some(rows.as_str())),
            Err(why) => (Err(why.as_str()), None),
        };
        if let Err(e) = self.store.finish_query(id, outcome, detail).await {
            tracing::error!(id, "the outcome of a comparison cannot be stored: {e}");
        }
    }

    /// Waits for the time, and then for room.
    async fn room_when_due(
        &self,
        start_ms: Option<i64>,
    ) -> std::result::Result<OwnedSemaphorePermit, Error> {
        while start_ms.is_some_and(|start| start > self.now_ms()) {
            tokio::time::sleep(CLOCK_INTERVAL).await;
        }
        let room = Arc::clone(&self.comparing).acquire_owned().await;
        room.map_err(|_| Error::new(ErrorKind::Cancelled, "the server stops"))
    }

    async fn compare_when_due(
        &self,
        live: &Arc<LiveComparison>,
        (start_ms, until_ms): (Option<i64>, Option<i64>),
        spec: JobPlan,
        what: Compared,
    ) -> std::result::Result<(), Error> {
        let room = tokio::select! {
            room = self.room_when_due(start_ms) => room?,
            () = live.cancelled.cancelled() => return live.stop.check(),
        };
        live.started_ms.store(self.now_ms(), Ordering::Relaxed);
        let (runner, told) = (Arc::clone(&self.runner), Arc::clone(live));
        let live = Arc::clone(live);
        let work = tokio::task::spawn_blocking(move || {
            let _room = room;
            let mut tell = |told| live.tell(told);
            runner.compare(&spec, &what, &live.progress, &live.stop, &mut tell)
        });
        let mut work = work;
        let ended = loop {
            tokio::select! {
                ended = &mut work => break ended,
                () = tokio::time::sleep(CLOCK_INTERVAL) => {}
            }
            if until_ms.is_some_and(|until| until <= self.now_ms()) {
                told.cancelled.cancel();
                told.stop.stop();
            }
        };
        ended.unwrap_or_else(|e| Err(Error::new(ErrorKind::Bug, format!("it broke off: {e}"))))
    }
}

/// What the data path needs, and which tables are meant.
pub(crate) fn spec_of(
    job: &Job,
    secrets: &JobSecrets,
    input: &CompareInput,
) -> Result<(JobPlan, Option<Selection>)> {
    let selection = job
        .selection
        .as_ref()
        .ok_or_else(|| Refusal::NotConfigured { reason: "no objects are selected".to_owned() })?;
    let mappings = selection.mappings.clone();
    let named = spec::named_selection(selection).unwrap_or_else(|| {
        spec::whole_databases(job.listed_databases.as_deref().unwrap_or_default())
    });
    for (database, tables) in &input.tables {
        let allowed = "objects that the job has";
        if !named.includes_database(database) {
            return Err(Refusal::invalid("db_object", database, allowed));
        }
        if let Some(table) = tables.iter().flatten().find(|table| !named.includes(database, table))
        {
            return Err(Refusal::invalid("db_object", format!("{database}.{table}"), allowed));
        }
    }
    let tables = (!input.tables.is_empty()).then(|| Selection {
        databases: input
            .tables
            .iter()
            .map(|(name, tables)| SelectedDatabase {
                name: name.clone(),
                tables: tables.as_ref().map(|tables| tables.iter().cloned().collect()),
            })
            .collect(),
    });
    Ok((spec::build(job, (named, mappings), secrets)?, tables))
}
