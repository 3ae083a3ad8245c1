//! Sources whose log does not name columns (`binlog_row_metadata=MINIMAL`).

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use tailrace_pipeline::job::{JobSpec, PartitionPolicy};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowMetadata};

use crate::support::{read_topic, spec, start, unique};

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
