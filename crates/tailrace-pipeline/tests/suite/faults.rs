//! What goes wrong around a job that runs: connections, servers, passwords, logs, disks. Each ends equal or in a named stop.

pub(crate) mod kept;

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::{
    Compression, Delivery, JobSpec, KafkaEndpoint, PartitionPolicy, TopicPolicy,
};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::chaos::{ChaosProxy, Direction};
use tailrace_testkit::env;
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use self::kept::Kept;
use crate::compare::compared;
use crate::random_rows::seed;
use crate::support::{read_topic, spec_at, start, unique};
use crate::writer::Writer;

/// Rows of each table when a job begins.
const ROWS: u64 = 4000;

fn server() -> MySqlServer {
    MySqlServer::start(MySqlOptions::default()).expect("a server")
}

/// Two tables with rows of some hundred bytes, and a job for them.
fn job(server: &MySqlServer, database: &str) -> JobSpec {
    let rows = |table: &str| {
        let values: Vec<String> = (1..=ROWS).map(|id| format!("({id}, {id})")).collect();
        format!("INSERT INTO {table} (id, v) VALUES {};", values.join(", "))
    };
    let columns = "id BIGINT PRIMARY KEY, v INT, pad CHAR(200) DEFAULT 'p'";
    server
        .sql(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE item ({columns}); CREATE TABLE side ({columns}); {} {}",
            rows("item"),
            rows("side")
        ))
        .expect("tables");
    let mut spec = spec_at(&server.login(), database);
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}-$tablename$"));
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    spec.policy.partitions = 3;
    // Small steps, so that a run that is cut short has delivered some.
    spec.limits.chunk_rows_max = 200;
    spec
}

pub(crate) fn end_equal(spec: &JobSpec, why: &str) {
    for one in compared(spec, None).expect("a comparison") {
        assert_eq!(one.outcome, CompareOutcome::Consistent, "{why}: {one:?}");
        assert!(one.source_rows > 0);
    }
}

pub(crate) fn changes(job: &Kept) -> u64 {
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    of(&job.counters.inserts) + of(&job.counters.updates) + of(&job.counters.deletes)
}

#[test]
fn connections_to_the_source_may_be_cut_in_every_phase() {
    let (seed, server, database) = (seed(), server(), unique("cut"));
    let mut random = StdRng::seed_from_u64(seed);
    let direct = job(&server, &database);
    let proxy = ChaosProxy::start(&server.address()).expect("a proxy");
    let mut spec = direct.clone();
    spec.source.port = proxy.port();
    let writer = Writer::start(&server.login(), &database, ROWS, random.random());
    let mut job = Kept::start(&spec);
    let mut cut = |job: &mut Kept| {
        let more = random.random_range(100_000..600_000);
        let behind = proxy.bytes(Direction::ToClient) + more;
        proxy.cut_after(Direction::ToClient, more);
        job.wait_until("so many bytes", |_| proxy.bytes(Direction::ToClient) >= behind);
    };
    // Again and again, in both phases.
    for _ in 0..10 {
        cut(&mut job);
    }
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    for _ in 0..5 {
        cut(&mut job);
    }
    assert!(job.failures().iter().all(|kind| *kind == ErrorKind::SourceConnection), "{seed}");
    // For a while nobody answers at all.
    proxy.refuse();
    let told = |job: &Kept| {
        job.recorder.log().iter().filter(|line| line.contains("connecting again")).count()
    };
    let before = told(&job);
    job.wait_until("refused connections", |job| told(job) > before + 2);
    proxy.pass();
    writer.finish();
    end_equal(&direct, &format!("seed {seed}"));
    job.stop();
    let topics = ["item", "side"].map(|table| read_topic(&format!("{database}-{table}")));
    let mut ids: Vec<u64> =
        topics.iter().flatten().filter_map(|one| one.value["id"].as_u64()).collect();
    let messages = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), messages, "seed {seed}: a message is there twice");
}

#[test]
fn the_source_may_be_killed_in_the_full_phase() {
    let (mut server, database) = (server(), unique("dies"));
    let mut spec = job(&server, &database);
    // Slow enough to be met in the midst of it.
    spec.limits.chunk_rows_max = 20;
    let mut job = Kept::start(&spec);
    for _ in 0..3 {
        let before = job.counters.snapshot_rows.load(Ordering::Relaxed);
        job.wait_until("more rows", |job| {
            job.counters.snapshot_rows.load(Ordering::Relaxed) > before
                || job.recorder.has_reached(Phase::Incremental)
        });
        server.kill().expect("killed");
        server.restart().expect("it starts again");
    }
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    server.sql(&format!("DELETE FROM {database}.item WHERE id % 3 = 0")).expect("changes");
    end_equal(&spec, "killed");
    job.stop();
}

#[test]
fn brokers_may_be_lost_and_come_back() {
    let _alone = env::alone();
    let mut cluster = KafkaCluster::start(KafkaOptions { brokers: 3, ..KafkaOptions::default() })
        .expect("three brokers");
    let (seed, server, database) = (seed(), server(), unique("brokers"));
    let mut spec = job(&server, &database);
    spec.target = KafkaEndpoint { brokers: cluster.bootstrap(), sasl: None, tls: None };
    spec.policy.replication_factor = 3;
    let mut job = Kept::start(&spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    let writer = Writer::start(&server.login(), &database, ROWS, seed);
    let more = |job: &mut Kept, what: &str| {
        let before = changes(job);
        job.wait_until(what, |job| changes(job) > before + 100);
    };
    more(&mut job, "changes with all brokers");
    cluster.kill(1).expect("one of three");
    more(&mut job, "changes with two brokers");
    cluster.kill(2).expect("two of three");
    let before = writer.transactions.load(Ordering::Relaxed);
    job.wait_until("changes at the source meanwhile", |_| {
        writer.transactions.load(Ordering::Relaxed) > before + 300
    });
    cluster.restart(1).expect("back");
    cluster.restart(2).expect("back");
    more(&mut job, "changes with all brokers again");
    let changed = writer.finish();
    end_equal(&spec, &format!("seed {seed}"));
    assert_eq!(changes(&job), changed, "seed {seed}");
    job.stop();
}

/// A broker that may not make its files larger is one whose disk is full: it gives the log up and ends.
#[test]
fn the_brokers_disk_may_be_full() {
    let _alone = env::alone();
    let mut cluster = KafkaCluster::start(KafkaOptions::default()).expect("a broker");
    let (seed, server, database) = (seed(), server(), unique("full"));
    let mut spec = job(&server, &database);
    spec.target = KafkaEndpoint { brokers: cluster.bootstrap(), sasl: None, tls: None };
    spec.policy.compression = Compression::None;
    let mut job = Kept::start(&spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    let pid = cluster.process(1).expect("the broker").pid().to_string();
    // Its indexes are made with 10 MiB.
    let limited = Command::new("prlimit").args(["--pid", &pid, "--fsize=11000000"]).status();
    assert!(limited.expect("prlimit of util-linux").success());
    let writer = Writer::start(&server.login(), &database, ROWS, seed);
    server
        .sql(&format!(
            "USE {database}; SET SESSION cte_max_recursion_depth = 200000; INSERT INTO item
             WITH RECURSIVE n(i) AS (SELECT 1000000 UNION ALL SELECT i + 1 FROM n WHERE i < 1100000)
             SELECT i, i, REPEAT('x', 190) FROM n"
        ))
        .expect("many rows");
    let log = cluster.process(1).expect("the broker").log().to_owned();
    job.wait_until("the broker's end", |_| {
        std::fs::read_to_string(&log)
            .is_ok_and(|text| text.contains("log dirs") && text.contains("have failed"))
    });
    cluster.restart(1).expect("with room again");
    job.wait_until("the rows", |job| job.counters.inserts.load(Ordering::Relaxed) > 100_000);
    let changed = writer.finish();
    end_equal(&spec, &format!("seed {seed}"));
    assert_eq!(changes(&job), changed + 100_001, "seed {seed}");
    job.stop();
}

#[test]
fn a_password_that_is_changed_later_is_a_named_stop() {
    let (server, database) = (server(), unique("locked"));
    let mut spec = job(&server, &database);
    server
        .sql("CREATE USER reader IDENTIFIED BY 'first-1'; GRANT ALL ON *.* TO reader")
        .expect("an account");
    (spec.source.user, spec.source.password) = ("reader".to_owned(), "first-1".to_owned().into());
    let mut job = start(&spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    server.sql("ALTER USER reader IDENTIFIED BY 'second-2'").expect("another password");
    let ids = server
        .sql("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'reader'")
        .expect("connections");
    for id in ids.concat() {
        // It may have ended by itself.
        let _gone = server.sql(&format!("KILL {id}"));
    }
    let error = job.end().map(drop).expect_err("the password is wrong now");
    assert_eq!(error.kind(), ErrorKind::SourceAuthentication, "{error}");
    assert!(
        error.message().contains("reader") && !error.to_string().contains("first-1"),
        "{error}"
    );
    server.sql(&format!("UPDATE {database}.item SET v = v + 1")).expect("changes");
    spec.source.password = "second-2".to_owned().into();
    let mut job = start(&spec);
    job.wait_until("changes", |job| job.counters.updates.load(Ordering::Relaxed) == ROWS);
    end_equal(&spec, "another password");
    job.stop().expect("a clean stop");
}

/// Runs a job until it has caught up.
fn once(spec: &JobSpec) {
    let mut job = start(spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    job.stop().expect("a clean stop");
}

#[test]
fn a_log_that_is_purged_or_begun_anew_is_a_named_stop() {
    for lose in [
        "FLUSH BINARY LOGS; FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY",
        "RESET BINARY LOGS AND GTIDS",
    ] {
        for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
            let (server, database) = (server(), unique("lost"));
            let mut spec = job(&server, &database);
            spec.policy.delivery = delivery;
            once(&spec);
            server
                .sql(&format!("UPDATE {database}.item SET v = v + 1 WHERE id = 1; {lose}"))
                .expect("the log is gone");
            let error = start(&spec).end().map(drop).expect_err("the place is lost");
            assert_eq!(error.kind(), ErrorKind::PositionLost, "{lose}: {error}");
            assert!(!error.message().is_empty() && !error.kind().solution().is_empty());
        }
    }
}

#[test]
fn a_corrupt_log_is_a_named_stop_and_nothing_of_it_is_delivered() {
    let (server, database) = (server(), unique("corrupt"));
    let spec = job(&server, &database);
    once(&spec);
    server.sql("FLUSH BINARY LOGS").expect("a file of its own");
    let file = server.sql("SHOW BINARY LOG STATUS").expect("the log")[0][0].clone();
    let marked = "what is damaged on the disk";
    server
        .sql(&format!(
            "INSERT INTO {database}.item VALUES (900001, 1, 'good');
             INSERT INTO {database}.item VALUES (900002, 1, '{marked}'); FLUSH BINARY LOGS;
             INSERT INTO {database}.item VALUES (900003, 1, 'behind')"
        ))
        .expect("rows");
    let path = server.dir().join("data").join(&file);
    let mut bytes = std::fs::read(&path).expect("the log file");
    let place = bytes.windows(marked.len()).position(|part| part == marked.as_bytes());
    bytes[place.expect("the row") + 3] ^= 1;
    std::fs::write(&path, bytes).expect("the log file");
    let error = start(&spec).end().map(drop).expect_err("the log is damaged");
    assert!(matches!(error.kind(), ErrorKind::Decode | ErrorKind::SourceStatement), "{error}");
    assert!(error.message().contains(&file) || error.message().contains("checksum"), "{error}");
    let item = read_topic(&format!("{database}-item"));
    let has = |id: &str| item.iter().any(|one| one.value["data"][0]["id"] == id);
    assert_eq!(["900001", "900002", "900003"].map(has), [true, false, false], "{error}");
}
