//! Sources whose log does not name columns (`binlog_row_metadata=MINIMAL`).

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::{JobSpec, PartitionPolicy, Reread, TopicPolicy};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowMetadata};

use crate::compare::compared;
use crate::support::{delete_topic, read_topic, spec, start, unique};

fn server() -> MySqlServer {
    let row_metadata = RowMetadata::Minimal;
    MySqlServer::start(MySqlOptions { row_metadata, ..MySqlOptions::default() }).unwrap()
}

fn at(server: &MySqlServer, database: &str, sql: &str) -> JobSpec {
    server.sql(&format!("CREATE DATABASE {database}; USE {database}; {sql}")).unwrap();
    let mut spec = spec(database);
    let login = server.login();
    (spec.source.port, spec.source.user) = (server.port(), login.user);
    spec.source.password = login.password.into();
    spec
}

/// The catalog prints `?` for characters of four bytes; messages have the characters.
#[test]
fn members_beyond_the_basic_plane_are_taken_from_rows() {
    let server = server();
    let table = "CREATE TABLE item (id INT PRIMARY KEY,
         e ENUM('😀','b','?','x🚀y') CHARACTER SET utf8mb4, s SET('🚀','ä','?') CHARACTER SET utf16)";
    let rows = "INSERT INTO item VALUES (1, '😀', '🚀'), (2, '?', '?'), (3, 'x🚀y', 'ä,?')";
    let database = unique("members");
    let spec = at(&server, &database, &format!("{table}; {rows}"));
    let mut job = start(&spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    server.sql(&format!("USE {database}; UPDATE item SET id = id + 10")).unwrap();
    job.wait_until("updates", |j| j.counters.updates.load(Ordering::Relaxed) == 3);
    job.stop().unwrap();
    let seen: BTreeSet<String> = read_topic(&format!("{database}-item"))
        .iter()
        .map(|m| {
            let row = &m.value["data"][0];
            format!("{} {} {}", row["id"], row["e"], row["s"]).replace('"', "")
        })
        .collect();
    let wanted = ["1 😀 🚀", "2 ? ?", "3 x🚀y ä,?", "11 😀 🚀", "12 ? ?", "13 x🚀y ä,?"];
    assert_eq!(seen, wanted.map(str::to_owned).into());

    let database = unique("members");
    let spec = at(&server, &database, &format!("{table}; INSERT INTO item VALUES (1, 'b', 'ä')"));
    let error = start(&spec).end().expect_err("a member that no row has");
    for said in ["member 1 of enum", "item.e", "binlog_row_metadata"] {
        assert!(error.message().contains(said), "{error}");
    }
}

/// A key with prefixes gives the same keys of messages whether the table was read, was learned from the
/// catalog, or was made while rows flowed.
#[test]
fn keys_of_prefixes_are_the_same_everywhere() {
    let server = server();
    let table = |name: &str| {
        format!(
            "CREATE TABLE {name} (n INT, a VARCHAR(40), b TEXT, PRIMARY KEY (b(3), a(2)));
             INSERT INTO {name} VALUES (1, 'alpha', 'one more'), (2, 'beta', 'two more');"
        )
    };
    let database = unique("prefix");
    let mut spec = at(&server, &database, &table("first"));
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    let mut job = start(&spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    server
        .sql(&format!(
            "USE {database}; {} CREATE TABLE copy LIKE meanwhile;
             ALTER TABLE copy ADD COLUMN c INT FIRST, DROP COLUMN n;
             INSERT INTO copy SELECT 5, a, b FROM meanwhile;
             UPDATE first SET n = n + 1; UPDATE meanwhile SET n = n + 1; UPDATE copy SET c = 6",
            table("meanwhile")
        ))
        .unwrap();
    job.wait_until("updates", |j| j.counters.updates.load(Ordering::Relaxed) == 6);
    job.stop().unwrap();
    let keys = |table: &str| -> Vec<(String, String, i32)> {
        let seen = read_topic(&format!("{database}-{table}"));
        let key = |key: &Option<String>| key.clone().unwrap().replace(table, "item");
        let mut keys: Vec<_> =
            seen.iter().map(|m| (m.value["type"].to_string(), key(&m.key), m.partition)).collect();
        keys.sort();
        keys
    };
    let kinds = |keys: &[(String, String, i32)]| -> BTreeSet<(String, String)> {
        keys.iter().map(|(kind, key, _)| (kind.replace("INIT", "INSERT"), key.clone())).collect()
    };
    let (first, meanwhile, copy) = (keys("first"), keys("meanwhile"), keys("copy"));
    assert_eq!(first.len(), 4, "{first:?}");
    assert!(first.iter().any(|(_, key, _)| key.contains("alpha")), "{first:?}");
    assert_eq!(kinds(&first), kinds(&meanwhile));
    assert_eq!(kinds(&first), kinds(&copy));
}

fn end_equal(spec: &JobSpec) {
    for one in compared(spec, None).expect("a comparison") {
        assert_eq!(one.outcome, CompareOutcome::Consistent, "{one:?}");
        assert!(one.source_rows > 0);
    }
}

/// Without its history a job learns the columns anew, and reads no table again. Where the log has a change of a table in
/// between, that table alone is read again.
#[test]
fn a_history_that_is_lost_is_made_anew() {
    let (server, database) = (server(), unique("lost"));
    let table = |name: &str| {
        format!(
            "CREATE TABLE {name} (id INT PRIMARY KEY, v INT); INSERT INTO {name} VALUES (1, 1), (2, 2), (3, 3);"
        )
    };
    let tables = [table("item"), table("other")].concat();
    let mut spec = at(&server, &database, &tables);
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}-$tablename$"));
    spec.policy.progress_topic = unique("progress");
    let history = format!("{}-schemas", spec.policy.progress_topic);
    let sql = |statements: &str| server.sql(&format!("USE {database}; {statements}")).unwrap();
    let updates = |job: &crate::support::Running| job.counters.updates.load(Ordering::Relaxed);
    let mut job = start(&spec);
    job.wait_until("the stream", |j| j.recorder.has_reached(Phase::Incremental));
    sql("UPDATE item SET v = v + 1");
    job.wait_until("updates", |j| updates(j) == 3);
    job.stop().unwrap();

    delete_topic(&history);
    sql("UPDATE item SET v = v + 1; UPDATE other SET v = v + 1");
    let mut job = start(&spec);
    job.wait_until("updates behind the loss", |j| updates(j) == 6);
    assert_eq!(job.counters.snapshot_rows.load(Ordering::Relaxed), 0);
    job.stop().unwrap();
    end_equal(&spec);

    delete_topic(&history);
    sql(
        "UPDATE item SET v = v + 1; ALTER TABLE item ADD COLUMN more INT DEFAULT 7; UPDATE item SET v = 0",
    );
    let error = start(&spec).end().expect_err("columns that nobody knows");
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error}");
    assert!(error.message().contains(&format!("{database}.item")), "{error}");
    assert!(error.message().contains("ADD COLUMN more"), "{error}");

    // Without the table the job goes on; with it again, that table is read.
    let both = spec.selection.clone();
    spec.selection.databases[0].tables = Some(vec!["other".to_owned()]);
    let mut job = start(&spec);
    sql("UPDATE other SET v = 5");
    job.wait_until("updates of the other", |j| updates(j) == 3);
    job.stop().unwrap();
    spec.selection = both;
    spec.rereads = vec![Reread {
        id: "again".to_owned(),
        database: database.clone(),
        table: "item".to_owned(),
        condition: None,
    }];
    let mut job = start(&spec);
    job.wait_until("the table's rows", |j| j.recorder.has_reread("again"));
    assert_eq!(job.counters.snapshot_rows.load(Ordering::Relaxed), 3);
    sql("UPDATE item SET more = 8");
    job.wait_until("updates of the table", |j| updates(j) == 3);
    job.stop().unwrap();
    end_equal(&spec);
}
