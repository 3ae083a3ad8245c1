//! Tables that are changed by pt-online-schema-change and by ALTER TABLE, in random order, while random changes of rows go
//! on: nothing is lost, nothing comes twice, and the topic ends as the table does.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::PartitionPolicy;
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mariadb::MariaDbOptions;
use tailrace_testkit::servers::mysql::MySqlOptions;
use tailrace_testkit::sql::Login;

use crate::compare::compared;
use crate::random_rows::seed;
use crate::support::{Server, create_topic, read_topic, spec_at, start, unique};
use crate::writer::Writer;

/// Rows when the job begins: the tool needs a while for them.
const ROWS: u64 = 3000;
/// What is changed, each once; those of the first list by the tool, on `item`, the others by the server, on `side`.
const BY_TOOL: [&str; 5] = [
    "ADD COLUMN more INT DEFAULT 7",
    "MODIFY COLUMN v BIGINT",
    "ADD COLUMN flag ENUM('a','b') NOT NULL DEFAULT 'b' AFTER id",
    "DROP COLUMN pad",
    "CONVERT TO CHARACTER SET utf8mb4",
];
const BY_SERVER: [&str; 5] = [
    "ADD COLUMN more INT DEFAULT 7",
    "MODIFY COLUMN v BIGINT",
    "ADD COLUMN flag ENUM('a','b') NOT NULL DEFAULT 'b'",
    "DROP COLUMN pad",
    "RENAME COLUMN name TO label",
];

fn by_tool(login: &Login, database: &str, change: &str) {
    let dsn = format!(
        "h={},P={},u={},p={},D={database},t=item",
        login.host, login.port, login.user, login.password
    );
    let output = Command::new("pt-online-schema-change")
        .args(["--alter", change, "--execute", "--no-version-check", "--charset=utf8mb4"])
        .args(["--recursion-method=none", "--chunk-size=200", "--chunk-time=0"])
        .arg("--set-vars=lock_wait_timeout=60")
        .arg(dsn)
        .output()
        .expect("pt-online-schema-change: cargo xtask setup installs it");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{change}: {}{}", said(&output.stdout), said(&output.stderr));
}

fn random_changes(server: &Server) {
    let (seed, database) = (seed(), unique("tools"));
    let mut random = StdRng::seed_from_u64(seed);
    let rows = |table: &str| {
        let values: Vec<String> = (1..=ROWS).map(|id| format!("({id}, {id})")).collect();
        format!("INSERT INTO {table} (id, v) VALUES {};", values.join(", "))
    };
    let columns =
        "id BIGINT PRIMARY KEY, v INT, name VARCHAR(20) DEFAULT 'n', pad CHAR(60) DEFAULT 'p'";
    server.sql(&format!(
        "CREATE DATABASE {database}; USE {database};
         CREATE TABLE item ({columns}) CHARACTER SET latin1; CREATE TABLE side ({columns}); {} {}",
        rows("item"),
        rows("side")
    ));
    let mut spec = spec_at(&server.login(), &database);
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    spec.policy.partitions = 3;
    spec.policy.ddl_topic = Some(create_topic(&format!("{database}.ddl")));
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));

    let writer = Writer::start(&server.login(), &database, ROWS, random.random());
    let mut steps: Vec<(bool, &str)> = BY_TOOL.map(|change| (true, change)).to_vec();
    steps.extend(BY_SERVER.map(|change| (false, change)));
    steps.shuffle(&mut random);
    for (tool, change) in steps {
        let before = writer.transactions.load(Ordering::Relaxed);
        if tool {
            by_tool(&server.login(), &database, change);
        } else {
            server.sql(&format!("ALTER TABLE {database}.side {change}"));
        }
        job.wait_until("changes in between", |_| {
            writer.transactions.load(Ordering::Relaxed) > before + 20
        });
    }
    let changed = writer.finish();
    let delivered = || {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        of(&job.counters.inserts) + of(&job.counters.updates) + of(&job.counters.deletes)
    };
    for one in compared(&spec, None).expect("a comparison") {
        assert_eq!(one.outcome, CompareOutcome::Consistent, "seed {seed}: {one:?}");
    }
    // Each change of a row is there once, and nothing of what the tool copied.
    assert_eq!(delivered(), changed, "seed {seed}");
    job.stop().expect("a clean stop");
    let topics = ["item", "side"].map(|table| read_topic(&format!("{database}-{table}")));
    let ids: BTreeSet<u64> =
        topics.iter().flatten().filter_map(|one| one.value["id"].as_u64()).collect();
    let messages: usize = topics.iter().map(Vec::len).sum();
    assert_eq!((messages as u64, ids.len()), (2 * ROWS + changed, messages), "seed {seed}");
    // Statements about the tool's own tables are told to nobody.
    let statements: Vec<Value> = read_topic(&format!("{database}.ddl"))
        .into_iter()
        .map(|one| one.value["sql"].clone())
        .collect();
    assert!(statements.len() >= BY_SERVER.len(), "{statements:?}");
}

#[test]
fn a_mysql_that_is_changed_online_ends_equal() {
    random_changes(&Server::mysql(MySqlOptions::default()));
}

#[test]
fn a_mariadb_that_is_changed_online_ends_equal() {
    random_changes(&Server::mariadb(MariaDbOptions::default()));
}
