//! Tables that are changed by pt-online-schema-change and by ALTER TABLE, in random order, while random changes of rows go
//! on: nothing is lost, nothing comes twice, and the topic ends as the table does.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder};
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

/// Rows when the job begins: the tool needs a while for them.
const ROWS: u64 = 3000;
/// `ER_LOCK_DEADLOCK` and `ER_LOCK_WAIT_TIMEOUT` of MySQL's error reference: the tool and the writer met.
const PASSING: [u16; 2] = [1213, 1205];

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

/// Changes rows of both tables until it is told to stop; gives how many rows were changed.
struct Writer {
    stop: Arc<AtomicBool>,
    transactions: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<u64>,
}

impl Writer {
    fn start(login: &Login, database: &str, seed: u64) -> Self {
        let (stop, transactions) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let options = OptsBuilder::default()
            .ip_or_hostname(login.host.clone())
            .tcp_port(login.port)
            .user(Some(login.user.clone()))
            .pass(Some(login.password.clone()))
            .db_name(Some(database.to_owned()));
        let (told, counted) = (Arc::clone(&stop), Arc::clone(&transactions));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let mut connection = Conn::new(options).await.expect("a connection");
                let mut random = StdRng::seed_from_u64(seed);
                let (mut rows, mut next) = (0, ROWS + 1);
                while !told.load(Ordering::Relaxed) {
                    rows += transaction(&mut connection, &mut random, &mut next).await;
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                connection.disconnect().await.expect("a clean end");
                rows
            })
        });
        Self { stop, transactions, thread }
    }

    fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer")
    }
}

/// One transaction of one to four statements; gives how many rows it changed. One that met the tool's locks is made anew.
async fn transaction(connection: &mut Conn, random: &mut StdRng, next: &mut u64) -> u64 {
    let statements: Vec<String> = (0..random.random_range(1..=4))
        .map(|_| {
            let table = if random.random_bool(0.8) { "item" } else { "side" };
            let (id, value) = (random.random_range(1..*next), random.random::<u16>());
            match random.random_range(0..10) {
                0..4 => {
                    *next += 1;
                    format!("INSERT INTO {table} (id, v) VALUES ({next}, {value})")
                }
                // Another value each time, so that the row changes.
                4..8 => format!("UPDATE {table} SET v = v + 1 + {value} % 7 WHERE id = {id}"),
                _ => format!("DELETE FROM {table} WHERE id = {id}"),
            }
        })
        .collect();
    let rolls_back = random.random_bool(0.1);
    loop {
        match attempt(connection, &statements, rolls_back).await {
            Ok(rows) => return rows,
            Err(mysql_async::Error::Server(e)) if PASSING.contains(&e.code) => {
                connection.query_drop("ROLLBACK").await.expect("rolled back");
            }
            Err(e) => panic!("{statements:?}: {e}"),
        }
    }
}

async fn attempt(
    connection: &mut Conn,
    statements: &[String],
    rolls_back: bool,
) -> mysql_async::Result<u64> {
    connection.query_drop("BEGIN").await?;
    let mut rows = 0;
    for statement in statements {
        connection.query_drop(statement.as_str()).await?;
        rows += connection.affected_rows();
    }
    connection.query_drop(if rolls_back { "ROLLBACK" } else { "COMMIT" }).await?;
    Ok(if rolls_back { 0 } else { rows })
}

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

    let writer = Writer::start(&server.login(), &database, random.random());
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
