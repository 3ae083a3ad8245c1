//! How a comparison is done in the background: it waits for its time and for room, rests while it is paused, and tells what came of
//! each table.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tailrace_pipeline::compare::{CompareProgress, TableComparison};
use tailrace_pipeline::job::{SelectedDatabase, Selection};
use tailrace_pipeline::plan::JobPlan;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Error, ErrorKind};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::compare::{
    COMPARISONS_PENDING_MAX, CompareInput, CompareKind, ComparedTable, DIFFERENCES_BYTES_MAX,
    DIFFERENCES_KEPT_MAX, Ended, RowDifference,
};
use super::endpoint::DbType;
use super::inner::{Inner, locked};
use super::job::{Job, TaskMode};
use super::probe::explain;
use super::refusal::{Refusal, Result};
use super::runner::Compared;
use super::secrets::JobSecrets;
use super::spec;
use crate::store::QueryKind;

/// How often one that waits for its time looks at the clock.
const CLOCK_INTERVAL: Duration = Duration::from_millis(500);

/// One that waits or runs in this process.
#[derive(Debug)]
pub(crate) struct LiveComparison {
    job_id: String,
    stop: StopSignal,
    cancelled: CancellationToken,
    /// Ends the run that is under way; a later one goes on with the other tables.
    run: Mutex<StopSignal>,
    is_paused: AtomicBool,
    /// It does not wait for its time any more.
    is_due: AtomicBool,
    /// 0 until it begins.
    started_ms: AtomicI64,
    pub(super) progress: CompareProgress,
    tables: Mutex<Vec<ComparedTable>>,
}

impl LiveComparison {
    fn new(job_id: &str) -> Self {
        let stop = StopSignal::new();
        Self {
            job_id: job_id.to_owned(),
            run: Mutex::new(stop.child()),
            stop,
            cancelled: CancellationToken::new(),
            is_paused: AtomicBool::new(false),
            is_due: AtomicBool::new(false),
            started_ms: AtomicI64::new(0),
            progress: CompareProgress::default(),
            tables: Mutex::default(),
        }
    }

    /// When its work began.
    pub(super) fn started(&self) -> Option<i64> {
        Some(self.started_ms.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// Tables that are done.
    pub(super) fn tables(&self) -> MutexGuard<'_, Vec<ComparedTable>> {
        locked(&self.tables)
    }

    /// Ends it.
    pub(super) fn cancel(&self) {
        self.stop.stop();
        self.cancelled.cancel();
    }

    /// Whether it rests.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// Lets it rest: the table that is being compared is begun anew later.
    pub(super) fn pause(&self) {
        self.is_paused.store(true, Ordering::Release);
        locked(&self.run).stop();
    }

    /// Lets it go on.
    pub(super) fn go_on(&self) {
        self.is_paused.store(false, Ordering::Release);
    }

    /// It begins as soon as there is room, whatever time was given.
    pub(super) fn is_due_now(&self) {
        self.is_due.store(true, Ordering::Release);
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

    /// Names of the tables that are done.
    fn done(&self) -> BTreeSet<(String, String)> {
        let tables = self.tables();
        tables.iter().map(|table| (table.database.clone(), table.table.clone())).collect()
    }
}

impl Inner {
    /// Begins a comparison of a job in the background; gives its id.
    ///
    /// # Errors
    /// As `Control::compare`, but for the job's status.
    pub(crate) async fn begin_comparison(
        self: &Arc<Self>,
        job: &Job,
        input: CompareInput,
    ) -> Result<String> {
        let job_id = job.id.as_str();
        check(job, &input)?;
        let secrets = self.secrets_of(job_id).await?;
        let (spec, tables) = spec_of(job, &secrets, &input)?;
        let pending = self.comparisons_of(job_id);
        if pending >= COMPARISONS_PENDING_MAX {
            let allowed = format!("at most {COMPARISONS_PENDING_MAX} that wait or run");
            return Err(Refusal::invalid("compare_task_param", pending, allowed));
        }
        let request = serde_json::to_string(&input).map_err(Refusal::internal)?;
        let id = self.add_query(job_id, QueryKind::Compare, request).await?;
        let live = Arc::new(LiveComparison::new(job_id));
        locked(&self.comparisons).insert(id.clone(), Arc::clone(&live));
        let what = Compared {
            tables,
            objects_only: input.kind == CompareKind::Object,
            is_static: input.is_static,
            sample_per_million: input.sample_per_million,
            except: BTreeSet::new(),
        };
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

    /// Waits for the time and for room, compares, and keeps what came of it.
    async fn run_comparison(
        &self,
        id: &str,
        live: &Arc<LiveComparison>,
        times: (Option<i64>, Option<i64>),
        (spec, what): (JobPlan, Compared),
    ) {
        let compared = tokio::select! {
            compared = self.compare_when_due(live, times, (Arc::new(spec), what)) => compared,
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
        let mut tables = live.tables().clone();
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
        live: &LiveComparison,
        start_ms: Option<i64>,
    ) -> std::result::Result<OwnedSemaphorePermit, Error> {
        let is_due = || {
            live.is_due.load(Ordering::Acquire)
                || start_ms.is_none_or(|start| start <= self.now_ms())
        };
        while live.is_paused() || !is_due() {
            tokio::time::sleep(CLOCK_INTERVAL).await;
        }
        let room = Arc::clone(&self.comparing).acquire_owned().await;
        room.map_err(|_| Error::new(ErrorKind::Cancelled, "the server stops"))
    }

    /// Compares in as many runs as there are pauses between them.
    async fn compare_when_due(
        &self,
        live: &Arc<LiveComparison>,
        (start_ms, until_ms): (Option<i64>, Option<i64>),
        (spec, mut what): (Arc<JobPlan>, Compared),
    ) -> std::result::Result<(), Error> {
        loop {
            let room = tokio::select! {
                room = self.room_when_due(live, start_ms) => room?,
                () = live.cancelled.cancelled() => return live.stop.check(),
            };
            let run = live.stop.child();
            *locked(&live.run) = run.clone();
            if live.is_paused() {
                continue;
            }
            live.started_ms
                .compare_exchange(0, self.now_ms(), Ordering::Relaxed, Ordering::Relaxed)
                .ok();
            let ended =
                self.compare_once(live, (Arc::clone(&spec), what.clone()), (run, room), until_ms);
            match ended.await {
                Err(e) if e.kind() == ErrorKind::Cancelled && !live.stop.is_stopped() => {
                    what.except = live.done();
                }
                ended => return ended,
            }
        }
    }

    async fn compare_once(
        &self,
        live: &Arc<LiveComparison>,
        (spec, what): (Arc<JobPlan>, Compared),
        (run, room): (StopSignal, OwnedSemaphorePermit),
        until_ms: Option<i64>,
    ) -> std::result::Result<(), Error> {
        let (runner, told) = (Arc::clone(&self.runner), Arc::clone(live));
        let mut work = tokio::task::spawn_blocking(move || {
            let _room = room;
            let mut tell = |one| told.tell(one);
            runner.compare(&spec, &what, &told.progress, &run, &mut tell)
        });
        let ended = loop {
            tokio::select! {
                ended = &mut work => break ended,
                () = tokio::time::sleep(CLOCK_INTERVAL) => {}
            }
            if until_ms.is_some_and(|until| until <= self.now_ms()) {
                live.cancel();
            }
        };
        ended.unwrap_or_else(|e| Err(Error::new(ErrorKind::Bug, format!("it broke off: {e}"))))
    }
}

/// Whether a job can be compared so.
fn check(job: &Job, input: &CompareInput) -> Result<()> {
    if job.task == TaskMode::Incremental && input.kind != CompareKind::Object {
        return Err(Refusal::Unsupported {
            what: "comparing the rows of a job without a full phase".to_owned(),
            instead: "object".to_owned(),
        });
    }
    if input.sample_per_million.is_some() && job.engine.target() != DbType::GaussDbV5 {
        return Err(Refusal::Unsupported {
            what: "comparing a sample of rows with a topic".to_owned(),
            instead: "contents".to_owned(),
        });
    }
    Ok(())
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
