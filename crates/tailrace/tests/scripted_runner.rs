//! A runner whose data paths do what a test tells them to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tailrace::control::objects::{FoundDatabase, FoundTable};
use tailrace::control::query::{CheckItem, CheckResult};
use tailrace::control::runner::{Compared, JobRunner, RunEnd, RunResult, RunningJob};
use tailrace::control::source_look::{SourceColumn, TableColumns};
use tailrace_pipeline::checkpoint::{Checkpoint, StreamPosition};
use tailrace_pipeline::compare::{CompareProgress, TableComparison};
use tailrace_pipeline::dead_letters::{Letters, LettersRequest};
use tailrace_pipeline::job::{JobSpec, MysqlEndpoint};
use tailrace_pipeline::observe::{Counters, JobObserver, Phase};
use tailrace_pipeline::oracle_gaussdb::compare::{Repaired, RowKey};
use tailrace_pipeline::plan::{JobPlan, SourceEndpoint, TargetEndpoint};
use tailrace_pipeline::run::{Rate, StopSignal};
use tailrace_pipeline::{Error, ErrorKind};
use tokio::sync::watch;

/// How long anything may take before a test gives up.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// One data path that was started.
pub struct Run {
    pub spec: JobSpec,
    pub epoch: u64,
    pub observer: Arc<dyn JobObserver>,
    pub counters: Arc<Counters>,
    paused: watch::Sender<bool>,
    rate: watch::Sender<Rate>,
    end: watch::Sender<Option<Result<(), (ErrorKind, String)>>>,
    /// Ends by itself when it is asked to stop.
    obedient: bool,
}

impl Run {
    pub fn enter(&self, phase: Phase) {
        self.observer.phase(phase);
    }

    /// Something became durable.
    pub fn deliver(&self, file: &str, offset: u64) {
        let stream = StreamPosition { file: file.to_owned(), offset, ..Default::default() };
        self.durable(&Checkpoint { stream: Some(stream), ..Checkpoint::initial(self.epoch) });
    }

    /// This checkpoint became durable.
    pub fn durable(&self, checkpoint: &Checkpoint) {
        self.observer.durable(checkpoint);
    }

    pub fn finish(&self) {
        self.end.send_replace(Some(Ok(())));
    }

    pub fn fail(&self, kind: ErrorKind, text: &str) {
        self.end.send_replace(Some(Err((kind, text.to_owned()))));
    }

    pub async fn asked_to_stop(&self) {
        wait(&mut self.paused.subscribe(), "a request to stop", |paused| *paused).await;
    }

    pub async fn rate(&self, wanted: Rate) {
        wait(&mut self.rate.subscribe(), "a rate", |rate| *rate == wanted).await;
    }
}

async fn wait<T>(receiver: &mut watch::Receiver<T>, what: &str, done: impl FnMut(&T) -> bool) {
    let waited = tokio::time::timeout(PATIENCE, receiver.wait_for(done)).await;
    assert!(matches!(waited, Ok(Ok(_))), "no {what} came in time");
}

struct Handle(Arc<Run>);

impl RunningJob for Handle {
    fn pause(&self) {
        self.0.paused.send_replace(true);
        if self.0.obedient {
            // An end that was told before counts.
            self.0.end.send_if_modified(|end| {
                let open = end.is_none();
                end.get_or_insert(Ok(()));
                open
            });
        }
    }

    fn hold(&self, _: tailrace_pipeline::run::Part, _: bool) {}

    fn set_rate(&self, rate: Rate) {
        self.0.rate.send_replace(rate);
    }

    fn join(&self) -> RunEnd<'_> {
        let mut end = self.0.end.subscribe();
        Box::pin(async move {
            let end = end.wait_for(Option::is_some).await.expect("the run is alive").clone();
            end.expect("waited for").map_err(|(kind, text)| Error::new(kind, text))
        })
    }
}

/// What calls other than `start` answer.
#[derive(Default)]
pub struct Script {
    pub source_errors: VecDeque<Error>,
    pub target_errors: VecDeque<Error>,
    pub forget_errors: VecDeque<Error>,
    pub checks: Vec<CheckItem>,
    pub databases: Vec<(String, Vec<String>)>,
    pub probed_passwords: Vec<String>,
    pub forgotten: usize,
    pub listed: usize,
    pub stubborn: bool,
    pub compared: Vec<TableComparison>,
    pub compare_errors: VecDeque<Error>,
    pub compares_forever: bool,
}

#[derive(Clone)]
pub struct ScriptedRunner {
    pub script: Arc<Mutex<Script>>,
    runs: watch::Sender<Vec<Arc<Run>>>,
}

impl Default for ScriptedRunner {
    fn default() -> Self {
        Self { script: Arc::default(), runs: watch::Sender::new(Vec::new()) }
    }
}

impl ScriptedRunner {
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// The nth data path, once it is started.
    pub async fn run(&self, n: usize) -> Arc<Run> {
        let mut runs = self.runs.subscribe();
        wait(&mut runs, &format!("run {n}"), |runs| runs.len() > n).await;
        // Copied out first: the borrow must end before `runs` does.
        let all = runs.borrow().clone();
        Arc::clone(&all[n])
    }

    pub fn run_count(&self) -> usize {
        self.runs.borrow().len()
    }
}

pub fn check(item: &str, result: CheckResult) -> CheckItem {
    CheckItem {
        item: item.to_owned(),
        group: "source".to_owned(),
        result,
        reason: (result != CheckResult::Passed).then(|| format!("{item} is not well")),
        remedy: None,
        raw: None,
    }
}

impl JobRunner for ScriptedRunner {
    fn start(
        &self,
        plan: JobPlan,
        epoch: u64,
        observer: Arc<dyn JobObserver>,
        counters: Arc<Counters>,
    ) -> Box<dyn RunningJob> {
        let spec = plan.kafka().expect("a job to Kafka").clone();
        let obedient = !self.script.lock().unwrap().stubborn;
        let run = Arc::new(Run {
            spec,
            epoch,
            observer,
            counters,
            paused: watch::Sender::new(false),
            rate: watch::Sender::new(Rate::default()),
            end: watch::Sender::new(None),
            obedient,
        });
        self.runs.send_modify(|runs| runs.push(Arc::clone(&run)));
        Box::new(Handle(run))
    }

    fn probe_source(&self, endpoint: &SourceEndpoint) -> RunResult<()> {
        use secrecy::ExposeSecret as _;
        let SourceEndpoint::Mysql(endpoint) = endpoint else { panic!("{endpoint:?}") };
        let mut script = self.script.lock().unwrap();
        script.probed_passwords.push(endpoint.password.expose_secret().to_owned());
        script.source_errors.pop_front().map_or(Ok(()), Err)
    }

    fn list_columns(
        &self,
        _: &SourceEndpoint,
        tables: &[(String, String)],
    ) -> RunResult<Vec<TableColumns>> {
        let column = |name: &str, key: &str| SourceColumn {
            name: name.into(),
            type_name: "int".into(),
            key: key.into(),
        };
        let of = |(database, table): &(String, String)| TableColumns {
            database: database.clone(),
            table: table.clone(),
            columns: vec![column("id", "PRI"), column("price", "")],
        };
        Ok(tables.iter().map(of).collect())
    }

    fn position_at(&self, _: &MysqlEndpoint, at: u64) -> RunResult<(String, u64)> {
        Ok(("binlog.000003".into(), at))
    }

    fn probe_target(&self, _: &TargetEndpoint) -> RunResult<()> {
        self.script.lock().unwrap().target_errors.pop_front().map_or(Ok(()), Err)
    }

    fn list_objects(
        &self,
        _: &SourceEndpoint,
        databases: Option<&[String]>,
    ) -> RunResult<Vec<FoundDatabase>> {
        let mut script = self.script.lock().unwrap();
        script.listed += 1;
        let wanted = |name: &String| databases.is_none_or(|names| names.contains(name));
        Ok(script
            .databases
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, tables)| FoundDatabase {
                name: name.clone(),
                tables: tables
                    .iter()
                    .map(|table| FoundTable {
                        name: table.clone(),
                        rows_estimated: 3,
                        has_primary_key: true,
                    })
                    .collect(),
            })
            .collect())
    }

    fn precheck(&self, _: &JobPlan) -> Vec<CheckItem> {
        let script = self.script.lock().unwrap();
        if script.checks.is_empty() {
            return vec![check("srcDbConnection", CheckResult::Passed)];
        }
        script.checks.clone()
    }

    fn compare(
        &self,
        _: &JobPlan,
        what: &Compared,
        progress: &CompareProgress,
        stop: &StopSignal,
        told: &mut dyn FnMut(TableComparison),
    ) -> RunResult<()> {
        let tables = self.script.lock().unwrap().compared.clone();
        progress.tables.store(tables.len() as u64, std::sync::atomic::Ordering::Relaxed);
        for one in tables {
            if what.except.contains(&(one.database.clone(), one.table.clone())) {
                continue;
            }
            progress.rows.fetch_add(one.source_rows, std::sync::atomic::Ordering::Relaxed);
            let wanted = what.tables.as_ref();
            if wanted.is_none_or(|wanted| wanted.includes(&one.database, &one.table)) {
                told(one);
            }
            // One that does not end is at its second table.
            if self.script.lock().unwrap().compares_forever {
                break;
            }
        }
        // A test that fails ends nothing.
        let until = std::time::Instant::now() + 2 * PATIENCE;
        while self.script.lock().unwrap().compares_forever && std::time::Instant::now() < until {
            stop.check()?;
            std::thread::yield_now();
        }
        // Whoever lets it end may have stopped it before.
        stop.check()?;
        self.script.lock().unwrap().compare_errors.pop_front().map_or(Ok(()), Err)
    }

    fn repair(
        &self,
        _: &JobPlan,
        _: (&str, &str),
        keys: &[RowKey],
        stop: &StopSignal,
        told: &mut dyn FnMut(usize, Repaired),
    ) -> RunResult<()> {
        for number in 0..keys.len() {
            stop.check()?;
            told(number, Repaired::Done);
        }
        Ok(())
    }

    fn dead_letters(&self, _: &JobPlan, _: &LettersRequest) -> RunResult<Letters> {
        Ok(Letters::default())
    }

    fn dirty_rows(
        &self,
        _: &JobPlan,
        _: (i64, i64),
        _: (u64, u64),
    ) -> RunResult<(u64, Vec<tailrace_pipeline::oracle_gaussdb::AsideRow>)> {
        Ok((0, Vec::new()))
    }

    fn reapply(&self, _: &JobPlan, _: &[u64]) -> RunResult<Vec<(u64, Repaired)>> {
        Ok(Vec::new())
    }

    fn discard(&self, _: &JobPlan, ids: &[u64]) -> RunResult<u64> {
        Ok(ids.len() as u64)
    }

    fn forget(&self, _: &JobPlan) -> RunResult<()> {
        let mut script = self.script.lock().unwrap();
        match script.forget_errors.pop_front() {
            Some(error) => Err(error),
            None => {
                script.forgotten += 1;
                Ok(())
            }
        }
    }
}
