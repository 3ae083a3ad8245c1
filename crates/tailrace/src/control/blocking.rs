//! Calls of the data path that block: on threads of their own, a few at a time, each within its time.

use std::time::Duration;

use tailrace_pipeline::mapping::Mappings;
use tailrace_pipeline::plan::{JobPlan, SourceEndpoint};
use tailrace_pipeline::{Error, ErrorKind};

use super::inner::Inner;
use super::job::Job;
use super::objects::FoundDatabase;
use super::runner::{JobRunner, RunResult};
use super::spec;

impl Inner {
    /// Runs a call that may block. A call that takes longer is given up and keeps its permit until it
    /// returns, so that a peer that hangs cannot pile up threads.
    ///
    /// # Errors
    /// What the call fails with, or an error of `kind` if it takes too long.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        kind: ErrorKind,
        age_max: Duration,
        call: impl FnOnce(&dyn JobRunner) -> RunResult<T> + Send + 'static,
    ) -> RunResult<T> {
        let late =
            |what: &str| Error::new(kind, format!("{what} within {} s", age_max.as_secs_f64()));
        let permit = std::sync::Arc::clone(&self.probes).acquire_owned();
        let permit = match tokio::time::timeout(age_max, permit).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(Error::new(ErrorKind::Cancelled, "the server stops")),
            Err(_) => return Err(late("other connection tests and prechecks left no room")),
        };
        let runner = std::sync::Arc::clone(&self.runner);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            call(runner.as_ref())
        });
        match tokio::time::timeout(age_max, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(e)) => Err(Error::new(ErrorKind::Bug, format!("the call broke off: {e}"))),
            Err(_) => Err(late("no answer")),
        }
    }

    /// Lists a source's databases and tables.
    pub(crate) async fn list_objects(
        &self,
        source: SourceEndpoint,
        databases: Option<Vec<String>>,
    ) -> RunResult<Vec<FoundDatabase>> {
        self.blocking(ErrorKind::SourceConnection, self.bounds.collection_age_max, move |runner| {
            runner.list_objects(&source, databases.as_deref())
        })
        .await
    }

    /// Names of all databases of a source that are not the server's own.
    pub(crate) async fn whole_server(&self, source: SourceEndpoint) -> RunResult<Vec<String>> {
        let found = self.list_objects(source, None).await?;
        let mut names: Vec<String> = found
            .into_iter()
            .map(|database| database.name)
            .filter(|name| !super::objects::is_system_database(name))
            .collect();
        names.sort();
        if names.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the source has no database to read"));
        }
        Ok(names)
    }

    /// Removes a job's progress records from its target.
    pub(crate) async fn forget(&self, spec: JobPlan) -> RunResult<()> {
        self.blocking(ErrorKind::TargetConnection, self.bounds.forget_age_max, move |runner| {
            runner.forget(&spec)
        })
        .await
    }

    /// Removes what a job left in its target, if it ever ran; the text says why it could not.
    pub(crate) async fn forget_job(&self, job: &Job) -> Result<(), String> {
        if job.state.generation == 0 {
            return Ok(());
        }
        let text = |refusal: super::Refusal| match refusal {
            super::Refusal::Internal(internal) => internal.detail,
            other => other.to_string(),
        };
        let spec = self.spec_of_target(job).await.map_err(text)?;
        self.forget(spec).await.map_err(|e| e.message().to_owned())
    }

    /// A job as what asks only its target needs it: which objects are selected does not matter there.
    ///
    /// # Errors
    /// [`super::Refusal::NotConfigured`], and those of the store.
    pub(crate) async fn spec_of_target(&self, job: &Job) -> super::Result<JobPlan> {
        let secrets = self.secrets_of(&job.id).await?;
        // A specification has some.
        let selection = job.selection.as_ref().and_then(spec::named_selection);
        let names = job.listed_databases.clone().unwrap_or_else(|| vec!["-".to_owned()]);
        let selection = selection.unwrap_or_else(|| spec::whole_databases(&names));
        spec::build(job, (selection, Mappings::default()), &secrets)
    }
}
