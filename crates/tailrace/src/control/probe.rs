//! Connection tests, collections of objects, prechecks.

use std::sync::Arc;

use serde::Serialize;
use tailrace_pipeline::{Error, ErrorKind};

use super::caller::Caller;
use super::change::unchanged;
use super::command::Command;
use super::endpoint::{EndpointInput, Side};
use super::inner::Inner;
use super::job::Job;
use super::job_state::{JobEvent, Report, next};
use super::objects::{FoundDatabase, ObjectSelection};
use super::query::{
    CheckItem, CheckResult, Collection, ConnectionOutcome, ConnectionTest, Precheck, PrecheckMode,
    QueryStatus,
};
use super::refusal::{Refusal, Result};
use super::runner::RunResult;
use super::secrets::{self, JobSecrets};
use super::{Control, naming, settings, spec};
use crate::store::{JobChange, QueryKind, QueryRow, StoreError};

/// How often a finished precheck is noted again that another change overtook.
const STALE_RETRIES_MAX: usize = 32;

/// What a finished query leaves.
type Outcome = Result<String, String>;

pub(super) fn to_json<T: Serialize>(value: &T) -> Outcome {
    serde_json::to_string(value).map_err(|e| e.to_string())
}

pub(super) fn from_json<T: serde::de::DeserializeOwned + Default>(text: Option<&str>) -> Result<T> {
    match text {
        Some(text) => serde_json::from_str(text).map_err(Refusal::internal),
        None => Ok(T::default()),
    }
}

pub(crate) fn explain(error: &Error) -> String {
    format!("{} {}", error.message(), error.kind().solution())
}

impl Inner {
    pub(crate) async fn add_query(
        &self,
        job_id: &str,
        kind: QueryKind,
        request: String,
    ) -> Result<String> {
        let query = QueryRow {
            id: naming::new_id(),
            job_id: job_id.to_owned(),
            kind,
            owner: self.owner.clone(),
            status: QueryStatus::Pending,
            request,
            result: None,
            error: None,
            created_ms: self.now_ms(),
        };
        self.store.add_query(&query).await?;
        Ok(query.id)
    }
}

impl Control {
    /// Tests endpoints in the background; secrets that are not given are those stored.
    ///
    /// # Errors
    /// [`Refusal::WrongState`], [`Refusal::Invalid`].
    pub async fn test_connection(
        &self,
        caller: &Caller,
        job_id: &str,
        mut endpoints: Vec<(Side, EndpointInput)>,
    ) -> Result<String> {
        let job = self.command(caller, job_id, Command::TestConnection, &unchanged).await?;
        let secrets = self.inner.secrets_of(job_id).await?;
        let given = std::mem::take(&mut endpoints);
        for (side, input) in given {
            endpoints.push((side, self.connected(caller, input).await?));
        }
        for (side, input) in &endpoints {
            settings::check_endpoint(job.engine, *side, input, secrets.of(*side))?;
        }
        let query_id = self.inner.add_query(job_id, QueryKind::Connection, "{}".to_owned()).await?;
        let inner = Arc::clone(&self.inner);
        self.in_background(query_id.clone(), async move {
            let mut outcomes = Vec::new();
            for (side, input) in endpoints {
                outcomes.push(inner.connect(&secrets, side, input).await);
            }
            to_json(&outcomes)
        });
        Ok(query_id)
    }

    /// Tests one endpoint and waits for the outcome.
    ///
    /// # Errors
    /// As [`Control::test_connection`]; a connection that fails is an outcome, not an error.
    pub async fn connect_now(
        &self,
        caller: &Caller,
        job_id: &str,
        side: Side,
        input: EndpointInput,
    ) -> Result<ConnectionOutcome> {
        let job = self.command(caller, job_id, Command::TestConnection, &unchanged).await?;
        let secrets = self.inner.secrets_of(job_id).await?;
        settings::check_endpoint(job.engine, side, &input, secrets.of(side))?;
        Ok(self.inner.connect(&secrets, side, input).await)
    }

    /// How a connection test went.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`].
    pub async fn connection_result(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<ConnectionTest> {
        let query = self.query(caller, job_id, query_id, QueryKind::Connection).await?;
        let outcomes = from_json(query.result.as_deref())?;
        Ok(ConnectionTest { query_id: query.id, status: query.status, outcomes })
    }

    /// Lists the source's objects in the background. Without `refresh` an earlier list of the same
    /// databases will do.
    ///
    /// # Errors
    /// [`Refusal::WrongState`], [`Refusal::NotConfigured`] if the source is not set.
    pub async fn collect_objects(
        &self,
        caller: &Caller,
        job_id: &str,
        refresh: bool,
        databases: Option<Vec<String>>,
    ) -> Result<String> {
        let job = self.command(caller, job_id, Command::CollectObjects, &unchanged).await?;
        let databases = databases.filter(|names| !names.is_empty());
        let request = to_json(&databases).map_err(Refusal::internal)?;
        if !refresh {
            let newest =
                self.newest(job_id, QueryKind::Collect, Some(QueryStatus::Success)).await?;
            if let Some(query) = newest.filter(|query| query.request == request) {
                return Ok(query.id);
            }
        }
        let secrets = self.inner.secrets_of(job_id).await?;
        let source = spec::source(&job.source, &secrets.source)?;
        let query_id = self.inner.add_query(job_id, QueryKind::Collect, request).await?;
        let inner = Arc::clone(&self.inner);
        self.in_background(query_id.clone(), async move {
            match inner.list_objects(source, databases).await {
                Ok(found) => to_json(&found),
                Err(e) => Err(explain(&e)),
            }
        });
        Ok(query_id)
    }

    /// What a collection found.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`].
    pub async fn collected(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<Collection> {
        collection(self.query(caller, job_id, query_id, QueryKind::Collect).await?)
    }

    /// What the newest collection that succeeded found.
    ///
    /// # Errors
    /// [`Refusal::NotCollected`] if there is none.
    pub async fn last_collected(&self, caller: &Caller, job_id: &str) -> Result<Collection> {
        self.inner.load(caller, job_id).await?;
        let newest = self.newest(job_id, QueryKind::Collect, Some(QueryStatus::Success)).await?;
        collection(newest.ok_or(Refusal::NotCollected)?)
    }

    /// Runs the prechecks in the background.
    ///
    /// # Errors
    /// [`Refusal::WrongState`], [`Refusal::NotConfigured`] and [`Refusal::Invalid`] if the settings
    /// are not complete, [`Refusal::Busy`] if a precheck of the job is under way.
    pub async fn precheck(
        &self,
        caller: &Caller,
        job_id: &str,
        mode: PrecheckMode,
    ) -> Result<String> {
        let command = match mode {
            PrecheckMode::Start => Command::Precheck,
            PrecheckMode::Retry => Command::PrecheckRetry,
        };
        let started = self.begin_precheck(caller, job_id, command, mode).await;
        if let Err(refusal) = &started {
            self.inner.note(caller, job_id, command.name(), Err(refusal)).await;
        }
        started
    }

    async fn begin_precheck(
        &self,
        caller: &Caller,
        job_id: &str,
        command: Command,
        mode: PrecheckMode,
    ) -> Result<String> {
        let job = self.inner.load(caller, job_id).await?.job;
        next(&job.state, JobEvent::command(command))?;
        if self.newest(job_id, QueryKind::Precheck, Some(QueryStatus::Pending)).await?.is_some() {
            return Err(Refusal::Busy { what: "a precheck of the job".to_owned() });
        }
        let secrets = self.inner.secrets_of(job_id).await?;
        let selection = selection_to_check(&job)?;
        // Find out now what is missing; databases of a whole server are listed later.
        let names = spec::named_selection(&selection)
            .unwrap_or_else(|| spec::whole_databases(&["-".to_owned()]));
        spec::build(&job, (names, selection.mappings.clone()), &secrets)?;
        let request = to_json(&mode).map_err(Refusal::internal)?;
        let query_id = self.inner.add_query(job_id, QueryKind::Precheck, request).await?;
        self.inner.note(caller, job_id, command.name(), Ok(())).await;
        let inner = Arc::clone(&self.inner);
        self.in_background(query_id.clone(), async move {
            let items = inner.run_checks(&job, &selection, &secrets).await;
            let items = items.map_err(|e| explain(&e))?;
            let passed = items.iter().all(|item| item.result != CheckResult::Failed);
            // First the state, then the answer: who sees the answer may start at once.
            inner.note_precheck(&job, mode, passed).await.map_err(|e| e.to_string())?;
            to_json(&items)
        });
        Ok(query_id)
    }

    /// A precheck: the one of the query, or the job's newest.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`], or [`Refusal::NotPrechecked`] if there is none.
    pub async fn precheck_result(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: Option<&str>,
    ) -> Result<Precheck> {
        let query = match query_id {
            Some(query_id) => self.query(caller, job_id, query_id, QueryKind::Precheck).await?,
            None => {
                self.inner.load(caller, job_id).await?;
                let reason = "no precheck of the job was run".to_owned();
                let newest = self.newest(job_id, QueryKind::Precheck, None).await?;
                newest.ok_or(Refusal::NotPrechecked { reason })?
            }
        };
        let mode = serde_json::from_str(&query.request).map_err(Refusal::internal)?;
        let items: Vec<CheckItem> = from_json(query.result.as_deref())?;
        let good = items.iter().filter(|item| item.result != CheckResult::Failed).count();
        Ok(Precheck {
            mode,
            process_percent: if query.status == QueryStatus::Pending { 0 } else { 100 },
            passed_percent: if query.status == QueryStatus::Success {
                percent(good, items.len())
            } else {
                0
            },
            query_id: query.id,
            status: query.status,
            items,
            error_message: query.error,
        })
    }

    /// A query of a kind.
    pub(crate) async fn query(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
        kind: QueryKind,
    ) -> Result<QueryRow> {
        self.inner.load(caller, job_id).await?;
        let query = self.inner.store.query(job_id, query_id).await?;
        query
            .filter(|query| query.kind == kind)
            .ok_or_else(|| Refusal::QueryMissing { query_id: query_id.to_owned() })
    }

    async fn newest(
        &self,
        job_id: &str,
        kind: QueryKind,
        status: Option<QueryStatus>,
    ) -> Result<Option<QueryRow>> {
        Ok(self.inner.store.newest_query(job_id, kind, status).await?)
    }

    /// Does the work of a query; a process that stops meanwhile fails it at its next start.
    pub(super) fn in_background(
        &self,
        query_id: String,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) {
        let inner = Arc::clone(&self.inner);
        self.inner.tasks.spawn(async move {
            let outcome = tokio::select! {
                outcome = work => outcome,
                () = inner.stop.cancelled() => return,
            };
            let outcome = outcome.as_deref().map_err(String::as_str);
            if let Err(e) = inner.store.finish_query(&query_id, outcome, None).await {
                tracing::error!(query_id, "the outcome of a query cannot be stored: {e}");
            }
        });
    }
}

/// What a precheck looks at: the edited objects, where there are some.
pub(super) fn selection_to_check(job: &Job) -> Result<ObjectSelection> {
    job.edited_selection
        .clone()
        .or_else(|| job.selection.clone())
        .ok_or_else(|| Refusal::NotConfigured { reason: "no objects are selected".to_owned() })
}

fn collection(query: QueryRow) -> Result<Collection> {
    let databases: Vec<FoundDatabase> = from_json(query.result.as_deref())?;
    Ok(Collection {
        query_id: query.id,
        status: query.status,
        databases,
        error_message: query.error,
    })
}

/// Part of a whole in percent, rounded down; of nothing, all is done.
fn percent(part: usize, whole: usize) -> u8 {
    (part * 100).checked_div(whole).map_or(100, |p| u8::try_from(p).unwrap_or(100))
}

impl Inner {
    pub(crate) async fn secrets_of(&self, job_id: &str) -> Result<JobSecrets> {
        let sealed = self.store.secrets(job_id).await?;
        JobSecrets::unseal(&self.vault, job_id, &sealed)
    }

    async fn connect(
        &self,
        stored: &JobSecrets,
        side: Side,
        input: EndpointInput,
    ) -> ConnectionOutcome {
        let secrets = secrets::merged(stored.of(side), &input.secrets);
        let address = input.endpoint.address.clone();
        let result = match side {
            Side::Source => match spec::source(&input.endpoint, &secrets) {
                Ok(source) => {
                    let age_max = self.bounds.connection_age_max;
                    let kind = ErrorKind::SourceConnection;
                    self.blocking(kind, age_max, move |r| r.probe_source(&source)).await
                }
                Err(refusal) => Err(incomplete(&refusal)),
            },
            Side::Target => match spec::target(&input.endpoint, &secrets) {
                Ok(target) => {
                    let age_max = self.bounds.connection_age_max;
                    let kind = ErrorKind::TargetConnection;
                    self.blocking(kind, age_max, move |r| r.probe_target(&target)).await
                }
                Err(refusal) => Err(incomplete(&refusal)),
            },
        };
        let error = result.err();
        ConnectionOutcome {
            side,
            address,
            success: error.is_none(),
            error_kind: error.as_ref().map(|e| e.kind().name().to_owned()),
            error_message: error.as_ref().map(explain),
        }
    }

    pub(super) async fn run_checks(
        &self,
        job: &Job,
        selection: &ObjectSelection,
        secrets: &JobSecrets,
    ) -> RunResult<Vec<CheckItem>> {
        let mappings = selection.mappings.clone();
        let selection = match spec::named_selection(selection) {
            Some(selection) => selection,
            None => {
                let source =
                    spec::source(&job.source, &secrets.source).map_err(|e| incomplete(&e))?;
                spec::whole_databases(&self.whole_server(source).await?)
            }
        };
        let spec = spec::build(job, (selection, mappings), secrets).map_err(|e| incomplete(&e))?;
        self.blocking(ErrorKind::SourceConnection, self.bounds.precheck_age_max, move |runner| {
            Ok(runner.precheck(&spec))
        })
        .await
    }

    /// Notes on the job that a precheck of its settings passed or did not.
    async fn note_precheck(
        &self,
        checked: &Job,
        mode: PrecheckMode,
        passed: bool,
    ) -> Result<(), StoreError> {
        let report = Report::Prechecked { mode, settings: checked.state.settings, passed };
        for _ in 0..STALE_RETRIES_MAX {
            let Some(mut stored) = self.store.job(&checked.id).await? else { return Ok(()) };
            let Ok((state, _)) = next(&stored.job.state, JobEvent::Report(report)) else {
                // The settings changed meanwhile; the precheck says nothing about them.
                return Ok(());
            };
            stored.job.state = state;
            match self.store.change_job(JobChange::of(&stored.job, stored.revision)).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Stale) => {}
                Err(e) => return Err(e),
            }
        }
        Err(StoreError::Stale)
    }
}

fn incomplete(refusal: &Refusal) -> Error {
    Error::new(ErrorKind::Configuration, refusal.to_string())
}
