//! Data paths that do what a test says.

use std::sync::{Arc, Mutex};

use tailrace_pipeline::oracle_gaussdb::compare::{Repaired, RowKey};
use tailrace_pipeline::{
    Error, ErrorKind,
    checkpoint::{Checkpoint, RereadProgress},
    compare::{CompareOutcome, CompareProgress, Difference, DifferenceKind, TableComparison},
    dead_letters::{Letter, Letters, LettersRequest},
    job::{JobSpec, MysqlEndpoint},
    observe::{Counters, JobObserver, Phase},
    plan::{JobPlan, SourceEndpoint, TargetEndpoint},
    run::StopSignal,
};
use tokio::sync::watch;

use crate::control::{
    objects::{FoundDatabase, FoundTable},
    query::{CheckItem, CheckResult},
    runner::{Compared, JobRunner, RunEnd, RunResult, RunningJob},
    source_look::{SourceColumn, TableColumns},
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
        plan: JobPlan,
        epoch: u64,
        observer: Arc<dyn JobObserver>,
        counters: Arc<Counters>,
    ) -> Box<dyn RunningJob> {
        // What was added since the job began is read at once.
        let read = |id: &str| RereadProgress { id: id.into(), after: None, rows: 1, done: true };
        let rereads = match &plan {
            JobPlan::Kafka(spec) => spec.rereads.iter().map(|one| read(&one.id)).collect(),
            JobPlan::Gauss(_) => Vec::new(),
        };
        std::thread::spawn(move || {
            observer.phase(Phase::Starting);
            observer.phase(Phase::Full);
            observer.table("shop", "orders", 0, false);
            Counters::add(&counters.snapshot_tables, 1);
            Counters::add(&counters.snapshot_rows, 7);
            observer.table("shop", "orders", 7, true);
            Counters::add(&counters.snapshot_tables_done, 1);
            observer.durable(&Checkpoint { rereads, ..Checkpoint::initial(epoch) });
            observer.phase(Phase::FullComplete);
            observer.phase(Phase::Incremental);
            observer.ddl("binlog.000001:4", "ALTER TABLE shop.orders ADD c int");
        });
        Box::new(Running(watch::Sender::new(false)))
    }

    fn compare(
        &self,
        _: &JobPlan,
        what: &Compared,
        _: &CompareProgress,
        _: &StopSignal,
        told: &mut dyn FnMut(TableComparison),
    ) -> RunResult<()> {
        let mut one = TableComparison {
            database: "shop".into(),
            table: "orders".into(),
            seen: ("shop".into(), "orders".into()),
            topic: "shop-orders".into(),
            outcome: CompareOutcome::Consistent,
            source_rows: 7,
            target_rows: 7,
            missing: 0,
            extra: 0,
            differing: 0,
            outside: 0,
            unchecked: 0,
            differences: Vec::new(),
            position: Some(("binlog.000001".into(), 4)),
            notes: Vec::new(),
        };
        told(one.clone());
        one.table = "items".into();
        one.seen.1 = "things".into();
        if !what.objects_only {
            one.outcome = CompareOutcome::Inconsistent;
            (one.target_rows, one.missing, one.differing) = (6, 1, 1);
            one.notes = vec!["a note".into()];
            let difference = |kind, id: &str, columns: &[&str]| Difference {
                kind,
                key: vec![("id".into(), id.into())],
                columns: columns.iter().map(|&column| column.into()).collect(),
                last_message: (kind == DifferenceKind::Content).then_some((2, 77)),
                statements: None,
            };
            one.differences = vec![
                difference(DifferenceKind::Missing, "\"1\"", &[]),
                difference(DifferenceKind::Content, "\"2\"", &["price"]),
            ];
        }
        told(one);
        Ok(())
    }

    fn repair(
        &self,
        _: &JobPlan,
        _: (&str, &str),
        keys: &[RowKey],
        _: &StopSignal,
        told: &mut dyn FnMut(usize, Repaired),
    ) -> RunResult<()> {
        for number in 0..keys.len() {
            let outcome = match number {
                0 => Repaired::Done,
                1 => Repaired::Equal,
                _ => Repaired::Failed("a constraint".into()),
            };
            told(number, outcome);
        }
        Ok(())
    }

    fn probe_source(&self, _: &SourceEndpoint) -> RunResult<()> {
        match self.0.source_error.lock().expect("no panic").clone() {
            None => Ok(()),
            Some(text) => Err(Error::new(ErrorKind::SourceAuthentication, text)),
        }
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
        Ok(())
    }

    fn list_objects(
        &self,
        _: &SourceEndpoint,
        _: Option<&[String]>,
    ) -> RunResult<Vec<FoundDatabase>> {
        let table = FoundTable { name: "orders".into(), rows_estimated: 7, has_primary_key: true };
        Ok(vec![FoundDatabase { name: "shop".into(), tables: vec![table] }])
    }

    fn precheck(&self, plan: &JobPlan) -> Vec<CheckItem> {
        let result = self.0.check.lock().expect("no panic").unwrap_or(CheckResult::Passed);
        let bad = result != CheckResult::Passed;
        let filters: Vec<String> = plan.kafka().into_iter().flat_map(filters_of).collect();
        // No table has a column of this name.
        let unfit = filters.iter().find(|filter| filter.contains("nope")).cloned();
        let of_filters = CheckItem {
            item: "srcRowFilterCheck".into(),
            group: "source".into(),
            result: if unfit.is_some() { CheckResult::Failed } else { CheckResult::Passed },
            reason: unfit,
            remedy: None,
            raw: None,
        };
        let of_log = CheckItem {
            item: "srcBinlogFormatCheck".into(),
            group: "source".into(),
            result,
            reason: bad.then(|| "binlog_format is STATEMENT.".into()),
            remedy: bad.then(|| "Set it to ROW.".into()),
            raw: None,
        };
        vec![of_log, of_filters].into_iter().take(1 + usize::from(!filters.is_empty())).collect()
    }

    fn dead_letters(&self, plan: &JobPlan, request: &LettersRequest) -> RunResult<Letters> {
        let spec = plan.kafka().expect("a job to Kafka");
        if spec.policy.dead_letter_topic.as_deref() == Some("away") {
            return Err(Error::new(ErrorKind::TargetConnection, "no broker answers"));
        }
        let letter = |number: i64| Letter {
            job_id: spec.job_id.clone(),
            error: "message_too_large".to_owned(),
            reason: "it is larger than topic orders takes".to_owned(),
            database: "shop".to_owned(),
            table: "orders".to_owned(),
            op: if request.full_phase { "read" } else { "update" }.to_owned(),
            topic: "orders".to_owned(),
            file: if request.full_phase { "" } else { "binlog.000003" }.to_owned(),
            position: 805,
            row: 2,
            gtid: None,
            commit_ms: 0,
            time_ms: number * 1000,
        };
        let numbers = (1..=3).filter(|n| (request.from_ms..request.until_ms).contains(&(n * 1000)));
        let letters: Vec<Letter> = numbers.map(letter).collect();
        Ok(Letters { count: letters.len() as u64, letters })
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
        Ok(())
    }
}

/// The row filters of a job.
fn filters_of(spec: &JobSpec) -> Vec<String> {
    let tables = spec.mappings.databases.values().flat_map(|database| database.tables.values());
    tables.filter_map(|table| table.filter.clone()).collect()
}

struct Running(watch::Sender<bool>);

impl RunningJob for Running {
    fn pause(&self) {
        self.0.send_replace(true);
    }

    fn set_rate(&self, _: tailrace_pipeline::run::Rate) {}

    fn hold(&self, _: tailrace_pipeline::run::Part, _: bool) {}

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
