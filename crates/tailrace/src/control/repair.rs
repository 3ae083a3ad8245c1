//! Repairs of rows that a comparison has found to differ: in the background, beside the job, kept with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tailrace_pipeline::oracle_gaussdb::compare::{Repaired, RowKey};
use tailrace_pipeline::plan::JobPlan;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Error, ErrorKind};

use super::Control;
use super::caller::Caller;
use super::change::unchanged;
use super::command::Command;
use super::compare::{CompareInput, CompareKind, CompareStatus, ComparedTable, RowDifference};
use super::comparing::spec_of;
use super::inner::{Inner, locked};
use super::probe::explain;
use super::query::QueryStatus;
use super::refusal::{Refusal, Result};
use crate::store::{QueryKind, QueryRow};

/// What is to be repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairInput {
    /// The comparison that found it.
    pub comparison: String,
    /// Databases at the source with their tables, `None` for all tables of one; empty: every table with differences.
    #[serde(default)]
    pub tables: BTreeMap<String, Option<BTreeSet<String>>>,
}

/// How far one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairStatus {
    /// It waits for room, or runs.
    Running,
    /// Every row was looked at.
    Successful,
    /// It could not go on.
    Failed,
    /// Someone stopped it.
    Stopped,
}

/// What came of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowRepair {
    /// Its turn has not come.
    Open,
    /// It did not differ any more.
    Equal,
    /// It is now what it is at the source.
    Repaired,
    /// It could not be made so: why.
    Failed(String),
}

/// A table whose rows are repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairedTable {
    /// Database at the source.
    pub database: String,
    /// Table at the source.
    pub table: String,
    /// Schema at the target.
    pub target_database: String,
    /// Table at the target.
    pub target_table: String,
    /// Differences as the comparison told them, and what came of each.
    pub rows: Vec<(RowDifference, RowRepair)>,
    /// When the last of them was done, milliseconds of the Unix epoch.
    pub updated_ms: Option<i64>,
}

impl RepairedTable {
    fn of(table: ComparedTable) -> Self {
        Self {
            database: table.database,
            table: table.table,
            target_database: table.target_database,
            target_table: table.target_table,
            rows: table.differences.into_iter().map(|one| (one, RowRepair::Open)).collect(),
            updated_ms: None,
        }
    }

    /// How many rows have come to an end of this kind.
    pub fn count(&self, is: impl Fn(&RowRepair) -> bool) -> usize {
        self.rows.iter().filter(|(_, outcome)| is(outcome)).count()
    }
}

/// A repair, under way or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// Its id.
    pub id: String,
    /// What was asked.
    pub input: RepairInput,
    /// How far it is.
    pub status: RepairStatus,
    /// Asked, milliseconds of the Unix epoch.
    pub created_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its tables; none of one that failed and is not in this process any more.
    pub tables: Vec<RepairedTable>,
}

/// What is kept of one that ended.
#[derive(Debug, Serialize, Deserialize)]
struct Ended {
    ended_ms: i64,
    stopped: bool,
    /// Why it did not come to its end.
    error: Option<String>,
    tables: Vec<RepairedTable>,
}

/// One that waits or runs in this process.
#[derive(Debug)]
pub(crate) struct LiveRepair {
    job_id: String,
    stop: StopSignal,
    tables: Mutex<Vec<RepairedTable>>,
}

impl LiveRepair {
    fn tell(&self, table: usize, row: usize, outcome: Repaired, at_ms: i64) {
        let mut tables = locked(&self.tables);
        let Some(table) = tables.get_mut(table) else { return };
        table.updated_ms = Some(at_ms);
        if let Some((_, told)) = table.rows.get_mut(row) {
            *told = match outcome {
                Repaired::Equal => RowRepair::Equal,
                Repaired::Done => RowRepair::Repaired,
                Repaired::Failed(why) => RowRepair::Failed(why),
            };
        }
    }
}

impl Control {
    /// Repairs the rows that a comparison has listed, in the background. Gives the repair's id.
    ///
    /// # Errors
    /// [`Refusal::WrongState`]; [`Refusal::QueryMissing`] for a comparison that is not there; [`Refusal::Invalid`] for one that
    /// has no differences or has not ended, tables that are not among its, and where a repair runs already;
    /// [`Refusal::Unsupported`] for jobs to Kafka, whose messages stay as they were written.
    pub async fn repair(
        &self,
        caller: &Caller,
        job_id: &str,
        input: RepairInput,
    ) -> Result<String> {
        let job = self.command(caller, job_id, Command::Repair, &unchanged).await?;
        let secrets = self.inner.secrets_of(job_id).await?;
        let all = CompareInput::of(CompareKind::Contents);
        let (plan, _) = spec_of(&job, &secrets, &all)?;
        if plan.kafka().is_some() {
            return Err(Refusal::Unsupported {
                what: "repairing messages of a topic".to_owned(),
                instead: "reading tables again".to_owned(),
            });
        }
        let comparison = self.comparison_with_rows(caller, job_id, &input.comparison).await?;
        if !matches!(comparison.status, CompareStatus::Successful | CompareStatus::Cancelled) {
            let allowed = "a comparison that has ended";
            return Err(Refusal::invalid("query_id", &input.comparison, allowed));
        }
        let tables = chosen(comparison.tables, &input)?;
        if locked(&self.inner.repairs).values().any(|live| live.job_id == job_id) {
            let allowed = "one repair of a job at a time: stop_repair ends the one that runs";
            return Err(Refusal::invalid("action_name", "start_repair", allowed));
        }
        let request = serde_json::to_string(&input).map_err(Refusal::internal)?;
        let id = self.inner.add_query(job_id, QueryKind::Repair, request).await?;
        let live = Arc::new(LiveRepair {
            job_id: job_id.to_owned(),
            stop: StopSignal::new(),
            tables: Mutex::new(tables),
        });
        locked(&self.inner.repairs).insert(id.clone(), Arc::clone(&live));
        let (inner, query_id) = (Arc::clone(&self.inner), id.clone());
        self.inner.tasks.spawn(async move {
            inner.run_repair(&query_id, &live, plan).await;
            locked(&inner.repairs).remove(&query_id);
        });
        Ok(id)
    }

    /// Stops the job's repair; what is repaired stays so.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if none runs.
    pub async fn stop_repair(&self, caller: &Caller, job_id: &str) -> Result<()> {
        self.inner.load(caller, job_id).await?;
        let live = locked(&self.inner.repairs);
        let Some(live) = live.values().find(|live| live.job_id == job_id) else {
            let allowed = "a job with a repair that runs";
            return Err(Refusal::invalid("action_name", "stop_repair", allowed));
        };
        live.stop.stop();
        Ok(())
    }

    /// The job's newest repair, if there is one.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn newest_repair(&self, caller: &Caller, job_id: &str) -> Result<Option<Repair>> {
        self.inner.load(caller, job_id).await?;
        let row = self.inner.store.newest_query(job_id, QueryKind::Repair, None).await?;
        row.map(|row| self.inner.repair(row)).transpose()
    }

    /// One repair of a job.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`].
    pub async fn repair_by_id(&self, caller: &Caller, job_id: &str, id: &str) -> Result<Repair> {
        let row = self.query(caller, job_id, id, QueryKind::Repair).await?;
        self.inner.repair(row)
    }
}

/// The comparison's tables that have differences and are meant.
fn chosen(tables: Vec<ComparedTable>, input: &RepairInput) -> Result<Vec<RepairedTable>> {
    for (database, wanted) in &input.tables {
        let of_database = |table: &&ComparedTable| table.database == *database;
        let allowed = "tables of the comparison";
        if !tables.iter().any(|table| of_database(&table)) {
            return Err(Refusal::invalid("objects", database, allowed));
        }
        let is_there =
            |name: &String| tables.iter().filter(of_database).any(|table| table.table == *name);
        if let Some(name) = wanted.iter().flatten().find(|name| !is_there(name)) {
            return Err(Refusal::invalid("objects", format!("{database}.{name}"), allowed));
        }
    }
    let is_meant = |table: &ComparedTable| {
        input.tables.is_empty()
            || input
                .tables
                .get(&table.database)
                .is_some_and(|names| names.as_ref().is_none_or(|n| n.contains(&table.table)))
    };
    let with_differences = tables.into_iter().filter(|one| !one.differences.is_empty());
    let chosen: Vec<RepairedTable> =
        with_differences.filter(is_meant).map(RepairedTable::of).collect();
    if chosen.is_empty() {
        let allowed = "a comparison of contents that has found rows that differ";
        return Err(Refusal::invalid("query_id", &input.comparison, allowed));
    }
    Ok(chosen)
}

impl Inner {
    fn repair(&self, row: QueryRow) -> Result<Repair> {
        let mut repair = Repair {
            input: serde_json::from_str(&row.request).map_err(Refusal::internal)?,
            id: row.id,
            status: RepairStatus::Running,
            created_ms: row.created_ms,
            ended_ms: None,
            error: row.error,
            tables: Vec::new(),
        };
        match (row.status, row.result) {
            (QueryStatus::Failed, _) => repair.status = RepairStatus::Failed,
            (_, Some(result)) => {
                let ended: Ended = serde_json::from_str(&result).map_err(Refusal::internal)?;
                repair.status = match (&ended.error, ended.stopped) {
                    (Some(_), _) => RepairStatus::Failed,
                    (None, true) => RepairStatus::Stopped,
                    (None, false) => RepairStatus::Successful,
                };
                repair.ended_ms = Some(ended.ended_ms);
                repair.error = ended.error;
                repair.tables = ended.tables;
            }
            (_, None) => {
                if let Some(live) = locked(&self.repairs).get(&repair.id) {
                    repair.tables.clone_from(&locked(&live.tables));
                }
            }
        }
        Ok(repair)
    }

    /// Waits for room, repairs, and keeps what came of it.
    async fn run_repair(self: &Arc<Self>, id: &str, live: &Arc<LiveRepair>, plan: JobPlan) {
        let repaired = tokio::select! {
            repaired = self.repair_all(live, plan) => repaired,
            () = self.stop.cancelled() => {
                // The next start says that it was broken off.
                live.stop.stop();
                return;
            }
        };
        let stopped = live.stop.is_stopped();
        let error = match repaired {
            Err(e) if stopped && e.kind() == ErrorKind::Cancelled => None,
            Err(e) => Some(explain(&e)),
            Ok(()) => None,
        };
        let ended =
            Ended { ended_ms: self.now_ms(), stopped, error, tables: locked(&live.tables).clone() };
        let outcome = serde_json::to_string(&ended).map_err(|e| e.to_string());
        let outcome = outcome.as_deref().map_err(String::as_str);
        if let Err(e) = self.store.finish_query(id, outcome, None).await {
            tracing::error!(id, "the outcome of a repair cannot be stored: {e}");
        }
    }

    async fn repair_all(
        self: &Arc<Self>,
        live: &Arc<LiveRepair>,
        plan: JobPlan,
    ) -> std::result::Result<(), Error> {
        let room = Arc::clone(&self.comparing).acquire_owned().await;
        let room = room.map_err(|_| Error::new(ErrorKind::Cancelled, "the server stops"))?;
        let (inner, live) = (Arc::clone(self), Arc::clone(live));
        let work = tokio::task::spawn_blocking(move || {
            let _room = room;
            let tables = locked(&live.tables).clone();
            for (number, table) in tables.iter().enumerate() {
                live.stop.check()?;
                let keys: Vec<RowKey> = table.rows.iter().map(|(row, _)| row.key.clone()).collect();
                let mut told = |row, outcome| live.tell(number, row, outcome, inner.now_ms());
                let place = (table.database.as_str(), table.table.as_str());
                inner.runner.repair(&plan, place, &keys, &live.stop, &mut told)?;
            }
            Ok(())
        });
        work.await.unwrap_or_else(|e| Err(Error::new(ErrorKind::Bug, format!("it broke off: {e}"))))
    }
}
