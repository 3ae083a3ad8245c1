//! Topics compared with their tables: what is equal, what is not, and what cannot be told, while both change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tailrace_pipeline::compare::{
    CompareOutcome as Outcome, CompareProgress, CompareRequest, DifferenceKind as Kind,
    TableComparison, compare,
};
use tailrace_pipeline::job::{
    DebeziumModes, Delivery, JobSpec, MessageFormat, PartitionPolicy, RegistryEndpoint,
    SelectedDatabase, Selection, SubjectNaming, TaskType, TopicPolicy,
};
use tailrace_pipeline::mapping::{DatabaseMapping, TableMapping};
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Error, ErrorKind};
use tailrace_testkit::env;
use tailrace_testkit::servers::mysql::MySqlOptions;
use tailrace_testkit::sql::Login;

use crate::column_types::{COLUMNS, create, insert};
use crate::support::{
    Running, Server, create_topic, kafka, mysql, read_bytes, read_topic, spec, spec_at, start,
    unique,
};

const ROWS: u64 = 3_000;
/// Rounds of a writer.
const ROUNDS_MAX: u64 = 1_500;

pub(crate) fn compared(
    spec: &JobSpec,
    tables: Option<Selection>,
) -> Result<Vec<TableComparison>, Error> {
    let scratch = tempfile::tempdir().expect("a directory");
    let request = CompareRequest { tables, ..CompareRequest::of_all(scratch.path().to_owned()) };
    let mut told = Vec::new();
    let mut tell = |one| told.push(one);
    let progress = CompareProgress::default();
    compare(spec, &request, &progress, &StopSignal::new(), &mut tell)?;
    told.sort_by(|a: &TableComparison, b| a.table.cmp(&b.table));
    Ok(told)
}

/// The only table's result.
fn one(spec: &JobSpec) -> TableComparison {
    let mut told = compared(spec, None).expect("a comparison");
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

/// A message that the job did not send.
fn tamper(topic: &str, partition: i32, value: &[u8]) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", kafka()).create().expect("a producer");
    let record: BaseRecord<'_, (), [u8]> =
        BaseRecord::to(topic).partition(partition).payload(value);
    producer.send(record).map_err(|(e, _)| e).expect("a message");
    producer.flush(Duration::from_secs(30)).expect("delivered");
}

/// A message of DRS's for a row with `id` and `version`.
fn message(database: &str, table: &str, kind: &str, data: &str, old: &str) -> Vec<u8> {
    format!(
        r#"{{"mysqlType":{{}},"id":1,"es":1,"ts":1,"database":"{database}","table":"{table}","type":"{kind}","isDdl":false,"sql":"","sqlType":{{}},"data":{data},"old":{old},"pkNames":["id"]}}"#
    )
    .into_bytes()
}

pub(crate) fn running(spec: &JobSpec) -> Running {
    let mut job = start(spec);
    // What is read may not be delivered yet.
    job.wait_until("a first step", |job| job.recorder.has_a_step());
    job
}

fn table(sql: &Login, database: &str, key: &str) {
    let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, 0)")).collect();
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database};
         CREATE TABLE t (id INT NOT NULL, version INT, pad CHAR(40) DEFAULT 'x'{key});
         INSERT INTO t (id, version) VALUES {}",
        rows.join(", ")
    ))
    .expect("a table");
}

#[test]
fn every_format_with_all_types_is_found_equal() {
    let (database, sql) = (unique("cmp"), mysql());
    let session = "SET NAMES utf8mb4; SET sql_mode = '';";
    let rows = |from: usize| -> String {
        (0..3).map(|row| insert(&database, COLUMNS, row + from, row)).collect()
    };
    sql.query(&format!("{}{session}{}", create(&database, COLUMNS), rows(1))).expect("rows");
    let formats = [
        MessageFormat::Json,
        MessageFormat::JsonC,
        MessageFormat::Debezium,
        MessageFormat::Canal,
        MessageFormat::Maxwell,
        MessageFormat::Avro,
    ];
    let jobs: Vec<(JobSpec, Running)> = formats
        .into_iter()
        .map(|format| {
            let mut spec = spec(&database);
            spec.policy.topic = TopicPolicy::PerTable(format!("{database}-{format:?}-$tablename$"));
            spec.policy.format = format;
            if format == MessageFormat::Avro {
                let url = env::registry().expect("the shared schema registry");
                spec.registry =
                    Some(RegistryEndpoint { url, user: None, password: None, ca_pem: None });
                spec.policy.subjects = SubjectNaming::Topic;
                let modes = "decimal.handling.mode=double,bigint.unsigned.handling.mode=precise,\
                             binary.handling.mode=hex";
                spec.policy.debezium = DebeziumModes::parse(modes).expect("modes");
            }
            let job = running(&spec);
            (spec, job)
        })
        .collect();
    sql.query(&format!("{session}{}", rows(11))).expect("rows");
    for (spec, job) in jobs {
        for one in compared(&spec, None).expect("a comparison") {
            assert_eq!(one.outcome, Outcome::Consistent, "{:?}: {one:?}", spec.policy.format);
            assert_eq!((one.source_rows, one.target_rows), (6, 6), "{one:?}");
            assert!(one.position.is_some());
        }
        job.stop().expect("a clean stop");
    }
}

#[test]
fn each_kind_of_difference_is_found_and_named() {
    let (database, sql) = (unique("cmp"), mysql());
    table(&sql, &database, ", PRIMARY KEY (id)");
    let mut spec = spec(&database);
    spec.policy.partitions = 3;
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    let job = running(&spec);
    let result = one(&spec);
    assert_eq!(result.outcome, Outcome::Consistent, "{result:?}");
    assert_eq!((result.source_rows, result.target_rows), (ROWS, ROWS));

    let topic = format!("{database}-t");
    let partition_of = |id: u64| {
        let seen = read_bytes(&topic).into_iter();
        let key = format!(r#"["{id}"]"#).into_bytes();
        seen.filter(|(_, one, _)| one.as_ref() == Some(&key)).map(|(at, ..)| at).next().unwrap()
    };
    let row =
        |id: u64, version: u64| format!(r#"[{{"id":"{id}","version":"{version}","pad":"x"}}]"#);
    let changed = message(&database, "t", "UPDATE", &row(7, 1), &row(7, 0));
    tamper(&topic, partition_of(7), &changed);
    tamper(&topic, partition_of(8), &message(&database, "t", "DELETE", "null", &row(8, 0)));
    tamper(&topic, 2, &message(&database, "t", "INSERT", &row(9_000, 0), "null"));
    let result = one(&spec);
    assert_eq!(result.outcome, Outcome::Inconsistent);
    assert_eq!((result.source_rows, result.target_rows), (ROWS, ROWS));
    assert_eq!((result.missing, result.extra, result.differing), (1, 1, 1), "{result:?}");
    let told: Vec<(Kind, &str, &[String])> = result
        .differences
        .iter()
        .map(|one| (one.kind, one.key[0].1.as_str(), one.columns.as_slice()))
        .collect();
    assert!(told.contains(&(Kind::Content, "\"7\"", &["version".to_owned()])), "{told:?}");
    assert!(told.contains(&(Kind::Missing, "\"8\"", &[])), "{told:?}");
    assert!(told.contains(&(Kind::Extra, "\"9000\"", &[])), "{told:?}");
    let extra = result.differences.iter().find(|one| one.kind == Kind::Extra).unwrap();
    assert_eq!(extra.last_message.unwrap().0, 2);

    // The source catches up with what was said of it.
    sql.query(&format!(
        "USE {database}; UPDATE t SET version = 1 WHERE id = 7; DELETE FROM t WHERE id = 8;
         INSERT INTO t (id, version) VALUES (9000, 0)"
    ))
    .expect("changes");
    let result = one(&spec);
    assert_eq!(result.outcome, Outcome::Consistent, "{result:?}");
    // A log file in which there is nothing yet.
    sql.query("FLUSH BINARY LOGS").expect("a new log file");
    let result = one(&spec);
    assert_eq!(result.outcome, Outcome::Consistent, "{result:?}");
    job.stop().expect("a clean stop");
}

/// Changes until told to stop: rows change, come, go and change their key.
fn write(login: &Login, database: &str, stop: &AtomicBool) {
    let mut session = login.session().expect("a session");
    session.query(&format!("USE {database};")).expect("a database");
    for round in 1..=ROUNDS_MAX {
        if stop.load(Relaxed) {
            return;
        }
        let id = round * 7919 % ROWS + 1;
        let new = ROWS + round;
        session
            .query(&format!(
                "UPDATE t SET version = version + 1 WHERE id BETWEEN {id} AND {id} + 3;
                 BEGIN; INSERT INTO t (id, version) VALUES ({new}, 1); DELETE FROM t WHERE id = {}; COMMIT;
                 UPDATE t SET id = {new} + 1000000, version = version + 1 WHERE id = {};
                 UPDATE t SET version = version + 1 WHERE id BETWEEN 1 AND 3;",
                new - 7,
                (id + 17) % ROWS + 1,
            ))
            .expect("a write");
    }
}

/// Compares while rows change: equal, and then all but one that nobody changes.
fn compared_under_load(login: &Login, key: &str, policy: impl Fn(&mut JobSpec)) {
    let database = unique("cmp");
    table(login, &database, key);
    login.query(&format!("INSERT INTO {database}.t VALUES (-5, 0, 'still')")).expect("a row");
    let mut spec = spec_at(login, &database);
    spec.limits.chunk_rows_max = 50;
    spec.limits.snapshot_view_age_max = Duration::from_millis(40);
    spec.limits.snapshot_share_percent_max = 100;
    policy(&mut spec);
    let job = running(&spec);
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(login, &database, &stop));
        for _ in 0..3 {
            let result = one(&spec);
            assert_eq!(result.outcome, Outcome::Consistent, "{result:?}");
        }
        let gone = r#"[{"id":"-5","version":"0","pad":"still"}]"#;
        tamper(&format!("{database}-t"), 0, &message(&database, "t", "DELETE", "null", gone));
        let result = one(&spec);
        assert_eq!(result.outcome, Outcome::Inconsistent, "{result:?}");
        assert_eq!((result.missing, result.extra, result.differing), (1, 0, 0), "{result:?}");
        assert_eq!(result.source_rows, result.target_rows + 1);
        stop.store(true, Relaxed);
        writer.join().expect("the writer");
    });
    login.query("FLUSH BINARY LOGS").expect("a new log file");
    let result = one(&spec);
    assert_eq!(result.missing, 1, "{result:?}");
    job.stop().expect("a clean stop");
}

#[test]
fn a_table_that_changes_meanwhile_is_compared_exactly() {
    compared_under_load(&mysql(), ", PRIMARY KEY (id)", |_| {});
}

#[test]
fn a_table_without_a_key_that_changes_meanwhile_is_compared_exactly() {
    compared_under_load(&mysql(), "", |_| {});
}

#[test]
fn a_job_that_only_acknowledges_is_compared_exactly() {
    compared_under_load(&mysql(), ", PRIMARY KEY (id)", |spec| {
        spec.policy.delivery = Delivery::AtLeastOnce;
    });
}

#[test]
fn a_source_without_gtids_is_compared_exactly() {
    let options = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"].map(str::to_owned);
    let server = Server::mysql(MySqlOptions { extra: options.into(), ..MySqlOptions::default() });
    compared_under_load(&server.login(), ", PRIMARY KEY (id)", |_| {});
}

#[test]
fn mariadb_is_compared_exactly() {
    let login = env::mariadb().expect("the shared MariaDB");
    compared_under_load(&login, ", PRIMARY KEY (id)", |_| {});
}

#[test]
fn rows_from_before_an_alter_are_compared_by_the_columns_that_they_have() {
    let (database, sql) = (unique("cmp"), mysql());
    table(&sql, &database, ", PRIMARY KEY (id)");
    sql.query(&format!(
        "CREATE TABLE {database}.u (a INT, b INT); INSERT INTO {database}.u VALUES (1, 2)"
    ))
    .expect("a table without a key");
    let spec = spec(&database);
    let mut job = running(&spec);
    // Tables that the full phase reads later would have the new columns in all their messages.
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql.query(&format!(
        "USE {database}; ALTER TABLE t ADD COLUMN n INT DEFAULT 4, DROP COLUMN pad;
         UPDATE t SET version = 1 WHERE id < 10; INSERT INTO t VALUES (0, 0, 0);
         ALTER TABLE u ADD COLUMN c INT; DELETE FROM u; INSERT INTO u VALUES (1, 2, 3)"
    ))
    .expect("changes");
    let told = compared(&spec, None).expect("a comparison");
    assert_eq!(told[0].outcome, Outcome::Consistent, "{:?}", told[0]);
    assert_eq!(told[0].source_rows, ROWS + 1);
    let seen: Vec<_> =
        read_topic(&format!("{database}-u")).into_iter().map(|seen| seen.value).collect();
    assert_eq!(told[1].outcome, Outcome::Impossible, "{:?} of {seen:?}", told[1]);
    assert!(told[1].notes.iter().any(|note| note.contains("no key")), "{:?}", told[1]);

    let old = r#"[{"id":"20","version":"9","pad":"x"}]"#;
    tamper(&format!("{database}-t"), 0, &message(&database, "t", "UPDATE", old, old));
    let told = compared(&spec, None).expect("a comparison");
    assert_eq!((told[0].outcome, told[0].differing), (Outcome::Inconsistent, 1), "{:?}", told[0]);
    assert_eq!(told[0].differences[0].columns, ["version"]);
    job.stop().expect("a clean stop");
}

#[test]
fn one_topic_of_many_tables_with_other_names_filters_and_strangers() {
    let (database, sql) = (unique("cmp"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database};
         CREATE TABLE a (id INT PRIMARY KEY, x INT, y INT);
         CREATE TABLE b (id INT, k VARCHAR(20) NOT NULL UNIQUE);
         CREATE TABLE c (id INT PRIMARY KEY);
         INSERT INTO a VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3); INSERT INTO b VALUES (1, 'one'), (2, 'two')"
    ))
    .expect("tables");
    let mut spec = spec(&database);
    spec.policy.topic = TopicPolicy::One(create_topic(&format!("{database}-all")));
    let mapping = TableMapping {
        target: Some("alpha".into()),
        columns: Some(["id", "x"].map(str::to_owned).into()),
        renamed: [("x".to_owned(), "ex".to_owned())].into(),
        filter: Some("x < 3".into()),
        ..TableMapping::default()
    };
    let tables = [("a".to_owned(), mapping)].into();
    let mapping = DatabaseMapping { target: Some("seen".into()), tables };
    spec.mappings.databases.insert(database.clone(), mapping);
    let tables = ["a", "b", "c"].map(str::to_owned).into();
    spec.selection.databases[0].tables = Some(tables);
    let job = running(&spec);
    sql.query(&format!(
        "USE {database}; UPDATE a SET x = 9 WHERE id = 1; UPDATE b SET k = 'drei' WHERE id = 2"
    ))
    .expect("changes");
    tamper(&format!("{database}-all"), 0, b"what is this?");
    let told = compared(&spec, None).expect("a comparison");
    let outcomes: Vec<(Outcome, u64)> =
        told.iter().map(|one| (one.outcome, one.source_rows)).collect();
    // The row that left the filter was told as an update, as DRS does: its consumer still has it.
    assert_eq!(told[0].seen, ("seen".to_owned(), "alpha".to_owned()));
    let equal = |rows| (Outcome::Consistent, rows);
    assert_eq!(outcomes, [equal(1), equal(2), equal(0)], "{told:?}");
    assert_eq!((told[0].outside, told[0].target_rows), (1, 1), "{told:?}");
    assert!(told[0].notes.iter().any(|note| note.contains("not of this job")), "{told:?}");
    let only = Selection {
        databases: vec![SelectedDatabase { name: database, tables: Some(vec!["b".into()]) }],
    };
    assert_eq!(compared(&spec, Some(only)).expect("a comparison").len(), 1);
    job.stop().expect("a clean stop");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let (database, sql) = (unique("cmp"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY)"
    ))
    .expect("a table");
    let mut spec = spec(&database);
    let error = compared(&spec, None).expect_err("not begun");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("full phase"), "{error}");
    spec.task = TaskType::Full;
    start(&spec).end().expect("a full phase");
    sql.query(&format!(
        "CREATE TABLE {database}.u (id INT PRIMARY KEY); INSERT INTO {database}.t VALUES (1)"
    ))
    .expect("changes");
    let told = compared(&spec, None).expect("a comparison");
    assert_eq!((told[0].outcome, told[0].missing), (Outcome::Inconsistent, 1), "{told:?}");
    assert_eq!(told[1].outcome, Outcome::TopicMissing);
    let mut kinds = spec.clone();
    kinds.policy.kinds.delete = false;
    let error = compared(&kinds, None).expect_err("deletes are left out");
    assert!(error.message().contains("dml_types"), "{error}");
    let stop = StopSignal::new();
    stop.stop();
    let request = CompareRequest::of_all(std::env::temp_dir());
    let error = compare(&spec, &request, &CompareProgress::default(), &stop, &mut |_| {});
    assert_eq!(error.expect_err("it is stopped").kind(), ErrorKind::Cancelled);
}
