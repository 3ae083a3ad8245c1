//! The production runner: data paths of `tailrace_pipeline`, each on threads of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tailrace_pipeline::compare::{self, CompareProgress, CompareRequest, TableComparison};
use tailrace_pipeline::dead_letters::{Letters, LettersRequest};
use tailrace_pipeline::job::{JobSpec, MysqlEndpoint};
use tailrace_pipeline::observe::{Counters, JobObserver};
use tailrace_pipeline::oracle_gaussdb::compare::{Repaired, RowKey};
use tailrace_pipeline::oracle_gaussdb::{self, AsideRow, OracleJob};
use tailrace_pipeline::plan::{JobPlan, SourceEndpoint, TargetEndpoint};
use tailrace_pipeline::precheck::{self, CheckResult as Found};
use tailrace_pipeline::run::{Part, Rate, StopSignal};
use tailrace_pipeline::{Error, ErrorKind};
use tokio::sync::oneshot;

use super::objects::{FoundDatabase, FoundTable};
use super::query::{CheckItem, CheckResult};
use super::runner::{Compared, JobRunner, RunEnd, RunResult, RunningJob};
use super::source_look::TableColumns;

/// Epoch under which progress records are removed: above every lease's, so that no worker that is
/// still alive can write another one.
const FORGET_EPOCH: u64 = u64::MAX;

/// Runs jobs with real sources and targets.
#[derive(Debug)]
pub struct PipelineRunner {
    /// Directory for what comparisons spill; made when one begins.
    pub scratch: PathBuf,
}

/// The settings of a job whose target is Kafka.
fn kafka(plan: &JobPlan) -> RunResult<&JobSpec> {
    plan.kafka().ok_or_else(|| {
        Error::new(ErrorKind::Configuration, "only jobs whose target is Kafka have this")
    })
}

/// The settings of a job whose target is a database.
fn gauss(plan: &JobPlan) -> RunResult<&OracleJob> {
    match plan {
        JobPlan::Gauss(job) => Ok(job),
        JobPlan::Kafka(_) => {
            let text = "only jobs whose target is a database have this";
            Err(Error::new(ErrorKind::Configuration, text))
        }
    }
}

/// A data path on its thread.
struct PipelineJob {
    stop: StopSignal,
    end: Mutex<Option<oneshot::Receiver<RunResult<()>>>>,
}

impl RunningJob for PipelineJob {
    fn pause(&self) {
        self.stop.stop();
    }

    fn set_rate(&self, rate: Rate) {
        self.stop.set_rate(rate);
    }

    fn hold(&self, part: Part, is_held: bool) {
        self.stop.hold(part, is_held);
    }

    fn join(&self) -> RunEnd<'_> {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            let Some(end) = end else {
                return Err(Error::new(ErrorKind::Bug, "a data path was waited for twice"));
            };
            end.await.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Bug, "the data path's thread panicked; see the log"))
            })
        })
    }
}

impl JobRunner for PipelineRunner {
    fn start(
        &self,
        plan: JobPlan,
        epoch: u64,
        observer: Arc<dyn JobObserver>,
        counters: Arc<Counters>,
    ) -> Box<dyn RunningJob> {
        let stop = StopSignal::new();
        let (sender, receiver) = oneshot::channel();
        let (thread_sender, thread_stop) = (Mutex::new(Some(sender)), stop.clone());
        let spawned = std::thread::Builder::new().name("tailrace-job".into()).spawn(move || {
            let end = tailrace_pipeline::run_plan(&plan, epoch, &thread_stop, &observer, &counters)
                .map(|_| ());
            let sender = thread_sender.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Nobody waits any more when the server is going down.
            if let Some(sender) = sender
                && sender.send(end).is_err()
            {
                tracing::debug!("a data path ended unwatched");
            }
        });
        // Without a thread the sender is dropped here, and `join` reports it.
        if let Err(error) = spawned {
            tracing::error!(%error, "a data path cannot be started");
        }
        Box::new(PipelineJob { stop, end: Mutex::new(Some(receiver)) })
    }

    fn probe_source(&self, endpoint: &SourceEndpoint) -> RunResult<()> {
        tailrace_pipeline::probe_source(endpoint).map(|_| ())
    }

    fn probe_target(&self, endpoint: &TargetEndpoint) -> RunResult<()> {
        tailrace_pipeline::probe_target(endpoint)
    }

    fn list_objects(
        &self,
        endpoint: &SourceEndpoint,
        databases: Option<&[String]>,
    ) -> RunResult<Vec<FoundDatabase>> {
        let found = tailrace_pipeline::list_objects(endpoint, databases)?;
        Ok(found
            .into_iter()
            .map(|database| FoundDatabase {
                name: database.name,
                tables: database
                    .tables
                    .into_iter()
                    .map(|table| FoundTable {
                        name: table.name,
                        rows_estimated: table.rows_estimated,
                        has_primary_key: table.has_primary_key,
                    })
                    .collect(),
            })
            .collect())
    }

    fn list_columns(
        &self,
        endpoint: &SourceEndpoint,
        tables: &[(String, String)],
    ) -> RunResult<Vec<TableColumns>> {
        let found = tailrace_pipeline::list_columns(endpoint, tables)?;
        Ok(found.into_iter().map(TableColumns::of).collect())
    }

    fn position_at(&self, endpoint: &MysqlEndpoint, at: u64) -> RunResult<(String, u64)> {
        tailrace_pipeline::position_at(endpoint, at, &StopSignal::new())
    }

    fn precheck(&self, plan: &JobPlan) -> Vec<CheckItem> {
        let text = |text: String| if text.is_empty() { None } else { Some(text) };
        precheck::run_plan(plan)
            .into_iter()
            .map(|item| CheckItem {
                item: item.item.to_owned(),
                group: item.group.to_owned(),
                result: match item.result {
                    Found::Passed => CheckResult::Passed,
                    Found::Alarm => CheckResult::Alarm,
                    Found::Failed => CheckResult::Failed,
                },
                reason: text(item.reason),
                remedy: text(item.remedy),
                raw: text(item.raw_error),
            })
            .collect()
    }

    fn compare(
        &self,
        plan: &JobPlan,
        what: &Compared,
        progress: &CompareProgress,
        stop: &StopSignal,
        told: &mut dyn FnMut(TableComparison),
    ) -> RunResult<()> {
        std::fs::create_dir_all(&self.scratch).map_err(|e| {
            let text = format!("{} cannot be made: {e}", self.scratch.display());
            Error::new(ErrorKind::Local, text)
        })?;
        let request = CompareRequest {
            tables: what.tables.clone(),
            objects_only: what.objects_only,
            scratch: self.scratch.clone(),
            is_static: what.is_static,
            sample_per_million: what.sample_per_million,
            except: what.except.clone(),
        };
        match plan {
            JobPlan::Kafka(spec) => compare::compare(spec, &request, progress, stop, told),
            JobPlan::Gauss(job) => {
                oracle_gaussdb::compare::compare(job, &request, progress, stop, told)
            }
        }
    }

    fn repair(
        &self,
        plan: &JobPlan,
        (owner, name): (&str, &str),
        keys: &[RowKey],
        stop: &StopSignal,
        told: &mut dyn FnMut(usize, Repaired),
    ) -> RunResult<()> {
        let wrong = |text: String| Error::new(ErrorKind::Configuration, text);
        let job = gauss(plan)?;
        let choice = job.tables.iter().find(|table| table.owner == owner && table.name == name);
        let choice = choice
            .ok_or_else(|| wrong(format!("{owner}.{name} is none of the job's tables any more")))?;
        oracle_gaussdb::compare::repair(job, choice, keys, stop, told)
    }

    fn dead_letters(&self, plan: &JobPlan, request: &LettersRequest) -> RunResult<Letters> {
        tailrace_pipeline::dead_letters::dead_letters(kafka(plan)?, request, &StopSignal::new())
    }

    fn dirty_rows(
        &self,
        plan: &JobPlan,
        between_ms: (i64, i64),
        page: (u64, u64),
    ) -> RunResult<(u64, Vec<AsideRow>)> {
        oracle_gaussdb::dirty::list(gauss(plan)?, between_ms, page, &StopSignal::new())
    }

    fn reapply(&self, plan: &JobPlan, ids: &[u64]) -> RunResult<Vec<(u64, Repaired)>> {
        let mut outcomes = Vec::with_capacity(ids.len());
        oracle_gaussdb::dirty::reapply(
            gauss(plan)?,
            ids,
            &StopSignal::new(),
            &mut |id, outcome| {
                outcomes.push((id, outcome));
            },
        )?;
        Ok(outcomes)
    }

    fn discard(&self, plan: &JobPlan, ids: &[u64]) -> RunResult<u64> {
        oracle_gaussdb::dirty::discard(gauss(plan)?, ids, &StopSignal::new())
    }

    fn forget(&self, plan: &JobPlan) -> RunResult<()> {
        tailrace_pipeline::forget(plan, FORGET_EPOCH)
    }
}
