//! The TaurusDB link. No TaurusDB is to be had: MySQL 9.7 stands for it, whose protocol and log it speaks.

use std::sync::atomic::Ordering;

use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::Link;
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::precheck::{CheckItem, CheckResult, run};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::compare::compared;
use crate::support::{spec_at, start, unique};

fn of<'i>(items: &'i [CheckItem], name: &str) -> &'i CheckItem {
    items.iter().find(|item| item.item == name).unwrap_or_else(|| panic!("{name}: {items:?}"))
}

#[test]
fn a_primary_node_is_replicated_and_a_standby_is_refused() {
    let server = MySqlServer::start(MySqlOptions::default()).expect("a stand-in");
    let database = unique("taurus");
    server
        .sql(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE item (id INT PRIMARY KEY, v INT, hidden INT DEFAULT 3 INVISIBLE);
             CREATE TABLE notes (id INT PRIMARY KEY) ENGINE = MyISAM;
             INSERT INTO item (id, v) VALUES (1, 1), (2, 2); INSERT INTO notes VALUES (1)"
        ))
        .expect("tables");
    let mut spec = spec_at(&server.login(), &database);
    spec.link = Link::TaurusToKafka;
    let items = run(&spec);
    assert_eq!(of(&items, "srcDbIsStandbyTaurus").result, CheckResult::Passed);
    assert!(items.iter().all(|item| item.result != CheckResult::Failed), "{items:?}");
    let engines = of(&items, "srcDbExistUnsupportEngineTable");
    assert!(
        engines.result == CheckResult::Alarm && engines.reason.contains("notes"),
        "{engines:?}"
    );

    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    server
        .sql(&format!("USE {database}; UPDATE item SET v = 3, hidden = 4; DELETE FROM notes"))
        .expect("changes");
    job.wait_until("changes", |job| job.counters.deletes.load(Ordering::Relaxed) == 1);
    for one in compared(&spec, None).expect("a comparison") {
        assert_eq!(one.outcome, CompareOutcome::Consistent, "{one:?}");
    }
    job.stop().expect("a clean stop");

    // DRS's engine rule of this link: InnoDB and MyISAM only.
    server
        .sql(&format!("CREATE TABLE {database}.fast (id INT PRIMARY KEY) ENGINE = MEMORY"))
        .expect("a table");
    let items = run(&spec);
    let engines = of(&items, "srcTaurusEngineCheck");
    assert_eq!(engines.result, CheckResult::Failed);
    assert!(engines.reason.contains("fast") && !engines.reason.contains("notes"), "{engines:?}");
    spec.link = Link::MysqlToKafka;
    assert!(run(&spec).iter().all(|item| !item.item.contains("Taurus")));

    spec.link = Link::TaurusToKafka;
    server.sql("SET GLOBAL read_only = ON").expect("a standby");
    let items = run(&spec);
    let standby = of(&items, "srcDbIsStandbyTaurus");
    assert_eq!(standby.result, CheckResult::Failed);
    assert!(standby.reason.contains("read_only") && !standby.remedy.is_empty(), "{standby:?}");
}
