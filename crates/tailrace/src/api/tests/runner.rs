//! Data paths that do what a test says.

use std::sync::{Arc, Mutex};

use tailrace_pipeline::{
    Error, ErrorKind,
    checkpoint::Checkpoint,
    job::{JobSpec, KafkaEndpoint, MysqlEndpoint},
    observe::{Counters, JobObserver, Phase},
};
use tokio::sync::watch;

use crate::control::{
    objects::{FoundDatabase, FoundTable},
    query::{CheckItem, CheckResult},
    runner::{JobRunner, RunEnd, RunResult, RunningJob},
};

/// What the next probes and checks answer.
#[derive(Default)]
pub(super) struct Script {
    /// Text of the error of a source that refuses the login.
    pub(super) source_error: Mutex<Option<String>>,
    /// Results of the prechecks; all passed by default.
    pub(super) check: Mutex<Option<CheckResult>>,
}

/// Runs nothing and reports as if.
pub(super) struct ScriptedRunner(pub(super) Arc<Script>);

impl JobRunner for ScriptedRunner {
    fn start(
        &self,
        _: JobSpec,
        epoch: u64,
        observer: Arc<dyn JobObserver>,
        counters: Arc<Counters>,
    ) -> Box<dyn RunningJob> {
        std::thread::spawn(move || {
            observer.phase(Phase::Starting);
            observer.phase(Phase::Full);
            observer.table("shop", "orders", 0, false);
            Counters::add(&counters.snapshot_tables, 1);
            Counters::add(&counters.snapshot_rows, 7);
            observer.table("shop", "orders", 7, true);
            Counters::add(&counters.snapshot_tables_done, 1);
            observer.durable(&Checkpoint::initial(epoch));
            observer.phase(Phase::FullComplete);
            observer.phase(Phase::Incremental);
            observer.ddl("binlog.000001:4", "ALTER TABLE shop.orders ADD c int");
        });
        Box::new(Running(watch::Sender::new(false)))
    }

    fn probe_source(&self, _: &MysqlEndpoint) -> RunResult<()> {
        match self.0.source_error.lock().expect("no panic").clone() {
            None => Ok(()),
            Some(text) => Err(Error::new(ErrorKind::SourceAuthentication, text)),
        }
    }

    fn probe_target(&self, _: &KafkaEndpoint) -> RunResult<()> {
        Ok(())
    }

    fn list_objects(
        &self,
        _: &MysqlEndpoint,
        _: Option<&[String]>,
    ) -> RunResult<Vec<FoundDatabase>> {
        let table = FoundTable { name: "orders".into(), rows_estimated: 7, has_primary_key: true };
        Ok(vec![FoundDatabase { name: "shop".into(), tables: vec![table] }])
    }

    fn precheck(&self, _: &JobSpec) -> Vec<CheckItem> {
        let result = self.0.check.lock().expect("no panic").unwrap_or(CheckResult::Passed);
        let bad = result != CheckResult::Passed;
        vec![CheckItem {
            item: "srcBinlogFormatCheck".into(),
            group: "source".into(),
            result,
            reason: bad.then(|| "binlog_format is STATEMENT.".into()),
            remedy: bad.then(|| "Set it to ROW.".into()),
            raw: None,
        }]
    }

    fn forget(&self, _: &JobSpec) -> RunResult<()> {
        Ok(())
    }
}

struct Running(watch::Sender<bool>);

impl RunningJob for Running {
    fn pause(&self) {
        self.0.send_replace(true);
    }

    fn set_rate(&self, _: tailrace_pipeline::run::Rate) {}

    fn join(&self) -> RunEnd<'_> {
        let mut stopped = self.0.subscribe();
        Box::pin(async move {
            // The sender is `self`, so it cannot be gone.
            stopped
                .wait_for(|stop| *stop)
                .await
                .map(|_| ())
                .map_err(|e| Error::new(ErrorKind::Bug, e.to_string()))
        })
    }
}
