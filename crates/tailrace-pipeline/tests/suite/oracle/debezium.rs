//! Debezium's own connector for Oracle reads the same stand-in by the same LogMiner: a second judge of both the stand-in and
//! what is made of its log.

use std::collections::BTreeMap;

use oracledb::Connection;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tailrace_pipeline::oracle_gaussdb::OracleJob;
use tailrace_testkit::oracle::OracleServer;
use tailrace_testkit::servers::Place;
use tailrace_testkit::servers::connect::{ConnectOptions, ConnectWorker, ORACLE};
use tailrace_testkit::wait;

use super::{LIMIT, PASSWORD, connect, job, run, server, start};
use crate::gaussdb;
use crate::support::{PATIENCE, create_topic, kafka, read_topic, unique};

fn debezium(server: &OracleServer, prefix: &str) -> ConnectWorker {
    let history = create_topic(&format!("{prefix}.history"));
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let connector = vec![
        setting("name", prefix),
        setting("connector.class", ORACLE),
        setting("database.hostname", "127.0.0.1"),
        setting("database.port", &server.port().to_string()),
        setting("database.user", "SHOP"),
        setting("database.password", PASSWORD),
        setting("database.dbname", "STANDIN"),
        setting("topic.prefix", prefix),
        setting("table.include.list", "SHOP.T,SHOP.MARKER"),
        setting("schema.history.internal.kafka.bootstrap.servers", &kafka()),
        setting("schema.history.internal.kafka.topic", &history),
        setting("schema.history.internal.store.only.captured.tables.ddl", "true"),
        setting("tombstones.on.delete", "false"),
        setting("decimal.handling.mode", "string"),
        setting("poll.interval.ms", "20"),
        setting("log.mining.sleep.time.default.ms", "50"),
        setting("log.mining.sleep.time.min.ms", "10"),
    ];
    ConnectWorker::start(&ConnectOptions {
        bootstrap: kafka(),
        group: String::new(),
        exactly_once: false,
        java: ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"].map(str::to_owned).into(),
        connectors: vec![connector],
        place: Place::default(),
    })
    .expect("Debezium")
}

/// A change as both tell it: what it does, the row's key, and its values behind it.
type Told = (String, String, Option<(Option<String>, Option<String>)>);

/// Debezium's changes of the table, without those of its snapshot.
fn changes(topic: &str) -> Vec<Told> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let row = |value: &Value| (!value.is_null()).then(|| (text(&value["V"]), text(&value["N"])));
    let key = |value: &Value| value["ID"].as_str().unwrap_or_default().to_owned();
    let told = |value: &Value| {
        let side = if value["after"].is_null() { &value["before"] } else { &value["after"] };
        (value["op"].as_str().unwrap_or_default().to_owned(), key(side), row(&value["after"]))
    };
    let all = read_topic(topic).into_iter().map(|seen| seen.value);
    all.filter(|value| value["op"] != "r").map(|value| told(&value)).collect()
}

/// Waits until a row of the marker table is in Debezium's topic and in our table.
fn wait_for(job: &OracleJob, worker: &ConnectWorker, prefix: &str, source: &Connection, id: i64) {
    run(source, &[&format!("INSERT INTO marker VALUES ({id})"), "COMMIT"]);
    let (postgres, _) = gaussdb::shared();
    let ours = format!("SELECT count(*) FROM {}.marker WHERE id = {id}", job.job_id);
    let (topic, marker) = (format!("{prefix}.SHOP.MARKER"), Value::from(id.to_string()));
    wait::until(
        &format!("marker {id} of Debezium, see {}", worker.log().display()),
        PATIENCE,
        || {
            let there = read_topic(&topic);
            Ok(there.iter().any(|seen| seen.value["after"]["ID"] == marker).then_some(()))
        },
    )
    .expect("Debezium's marker");
    wait::until_true("our marker", LIMIT, || {
        postgres.sql(&ours).is_ok_and(|count| count.trim() == "1")
    });
}

/// Random transactions of several sessions: open at the same time, taken back whole and in part.
fn work(server: &OracleServer, random: &mut StdRng, wide: bool) {
    let sessions: Vec<Connection> = (0..3).map(|_| connect(server)).collect();
    // Each has keys of its own, so that none waits for another.
    for _ in 0..150 {
        let number = random.random_range(0..3_i64);
        let session = &sessions[usize::try_from(number).expect("small")];
        let id = random.random_range(0..40_i64) * 3 + number;
        let (text, amount) =
            (format!("it's {}\n\"ü\"", random.random::<u16>()), random.random_range(-999..999_i64));
        let sql = match random.random_range(0..10) {
            0..=2 if wide => format!("INSERT INTO t (id, v, n, w) VALUES ({id}, :1, :2, 'w')"),
            0..=2 => format!("INSERT INTO t (id, v, n) VALUES ({id}, :1, :2)"),
            3..=5 => format!("UPDATE t SET v = :1, n = :2 / 10 WHERE id = {id}"),
            6 => format!("UPDATE t SET v = NULL, n = :2 WHERE id = {id} AND v <> :1"),
            7 => format!("DELETE FROM t WHERE id = {id} AND (v <> :1 OR n <> :2)"),
            8 => {
                run(session, &["SAVEPOINT here"]);
                let sql = format!("UPDATE t SET v = :1, n = :2 WHERE id = {id}");
                session.execute(&sql, &[&text, &amount]).ok();
                run(session, &["ROLLBACK TO SAVEPOINT here"]);
                continue;
            }
            _ => {
                run(session, &[if random.random_bool(0.2) { "ROLLBACK" } else { "COMMIT" }]);
                continue;
            }
        };
        // A key that is there is refused, and nothing has happened.
        session.execute(&sql, &[&text, &amount]).ok();
    }
    for session in &sessions {
        run(session, &["COMMIT"]);
    }
}

#[test]
fn debezium_tells_the_same_changes() {
    let seed: u64 = rand::random::<u32>().into();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(9) PRIMARY KEY, v VARCHAR2(40), n NUMBER(10,2))",
            "CREATE TABLE marker (id NUMBER(9) PRIMARY KEY)",
            "INSERT INTO t VALUES (1, 'before', 1)",
            "INSERT INTO marker VALUES (0)",
            "COMMIT",
        ],
    );
    let prefix = unique("ora_debezium");
    let job = job(&server, "ora_debezium", &["T", "MARKER"]);
    let running = start(&job, 1);
    running.wait_for_increment();
    let worker = debezium(&server, &prefix);
    // What is written from here on is behind Debezium's snapshot.
    wait_for(&job, &worker, &prefix, &source, 1);
    let ours = || {
        let counters = &running.counters;
        [&counters.inserts, &counters.updates, &counters.deletes]
            .map(|counter| counter.load(std::sync::atomic::Ordering::Relaxed))
    };
    let before = ours();
    work(&server, &mut random, false);
    wait_for(&job, &worker, &prefix, &source, 2);
    // Debezium's dictionary is the database's: it cannot read what was written before a definition, so that comes alone.
    run(&source, &["ALTER TABLE t ADD (w VARCHAR2(10))"]);
    wait_for(&job, &worker, &prefix, &source, 3);
    work(&server, &mut random, true);
    wait_for(&job, &worker, &prefix, &source, 4);
    let told = changes(&format!("{prefix}.SHOP.T"));
    let count = |op: &str| told.iter().filter(|(kind, ..)| kind == op).count() as u64;
    // Three rows of the marker table are among ours.
    let now = ours();
    let counted = [now[0] - before[0] - 3, now[1] - before[1], now[2] - before[2]];
    assert_eq!(counted, [count("c"), count("u"), count("d")], "seed {seed}");
    assert!(told.len() > 50, "seed {seed}: {}", told.len());
    // What a consumer of its topic ends with is the source's table, and ours.
    let mut theirs: BTreeMap<i64, (Option<String>, Option<String>)> = BTreeMap::new();
    theirs.insert(1, (Some("before".to_owned()), Some("1.00".to_owned())));
    for (_, key, row) in told {
        let key = key.parse::<i64>().expect("a number");
        match row {
            Some(row) => drop(theirs.insert(key, row)),
            None => drop(theirs.remove(&key)),
        }
    }
    let (postgres, _) = gaussdb::shared();
    let rows = postgres
        .sql("SELECT id || '|' || coalesce(replace(v, E'\\n', '/'), '-') || '|' || coalesce(n::text, '-') FROM ora_debezium.t ORDER BY id")
        .expect("our rows");
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let shown = |(id, (v, n)): (&i64, &(Option<String>, Option<String>))| {
        let v = v.as_ref().map_or_else(|| "-".to_owned(), |v| v.replace('\n', "/"));
        let n = n.as_ref().map_or_else(|| "-".to_owned(), |n| format!("{:.2}", number(n)));
        format!("{id}|{v}|{n}")
    };
    let theirs: Vec<String> = theirs.iter().map(shown).collect();
    let ours: Vec<&str> = rows.trim().lines().collect();
    assert_eq!(ours, theirs, "seed {seed}");
    assert!(running.stop().is_none());
}
