//! A job from its first row to a stop and on again.

use std::sync::atomic::Ordering;

use tailrace_pipeline::job::TaskType;
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::{Ended, ErrorKind};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::support::{create_topic, mysql, read_topic, spec, start, unique};

#[test]
fn rows_come_first_then_changes_and_a_restart_repeats_nothing() {
    let database = unique("life");
    let sql = mysql();
    sql.query(&format!(
        "CREATE DATABASE {database};
         CREATE TABLE {database}.item (id INT PRIMARY KEY, name VARCHAR(40), price DECIMAL(10,2));
         SET SESSION cte_max_recursion_depth = 100000;
         INSERT INTO {database}.item
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
           SELECT i, CONCAT('item ', i), i / 100 FROM n;"
    ))
    .expect("the schema");
    let spec = spec(&database);
    let mut job = start(&spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    sql.query(&format!(
        "UPDATE {database}.item SET price = 1.5 WHERE id = 7;
         DELETE FROM {database}.item WHERE id = 8;
         INSERT INTO {database}.item VALUES (50001, 'new', 2);"
    ))
    .expect("changes");
    job.wait_until("changes", |j| {
        j.counters.deletes.load(Ordering::Relaxed) == 1
            && j.counters.inserts.load(Ordering::Relaxed) == 1
    });
    job.stop().expect("a clean stop");
    sql.query(&format!("UPDATE {database}.item SET name = 'later' WHERE id = 9;"))
        .expect("a change");
    let mut job = start(&spec);
    job.wait_until("change", |j| j.counters.updates.load(Ordering::Relaxed) == 1);
    job.stop().expect("a clean stop");

    let seen = read_topic(&format!("{database}-item"));
    let of = |kind: &str| seen.iter().filter(|m| m.value["type"] == kind).count();
    assert_eq!(of("INIT"), 50_000);
    assert_eq!((of("INSERT"), of("UPDATE"), of("DELETE")), (1, 2, 1));
    let mut ids: Vec<u64> = seen.iter().map(|m| m.value["id"].as_u64().expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), seen.len(), "no id comes twice");
    let key = format!("{database}.item");
    assert!(seen.iter().all(|m| m.partition == 0 && m.key.as_deref() == Some(key.as_str())));
    let update = seen.iter().find(|m| m.value["type"] == "UPDATE").expect("the update");
    assert_eq!(update.value["data"][0]["price"], "1.50");
    assert_eq!(update.value["old"][0]["price"], "0.07");
}

/// A source without a log has no changes to tell, but its rows can be had.
#[test]
fn a_full_only_job_needs_no_log() {
    let server = MySqlServer::start(MySqlOptions {
        gtid: false,
        extra: vec!["--skip-log-bin".into()],
        ..MySqlOptions::default()
    })
    .unwrap();
    let database = unique("nolog");
    server
        .sql(&format!(
            "CREATE DATABASE {database};
             CREATE TABLE {database}.item (id INT PRIMARY KEY, name VARCHAR(40));
             CREATE TABLE {database}.loose (name VARCHAR(40));
             SET SESSION cte_max_recursion_depth = 100000;
             INSERT INTO {database}.item
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
               SELECT i, CONCAT('item ', i) FROM n;
             INSERT INTO {database}.loose VALUES ('a'), ('a'), ('b');"
        ))
        .unwrap();
    let mut spec = spec(&database);
    spec.task = TaskType::Full;
    spec.source.port = server.port();
    let login = server.login();
    (spec.source.user, spec.source.password) = (login.user, login.password.into());
    assert!(matches!(start(&spec).end().unwrap(), Ended::Finished(_)));
    assert_eq!(read_topic(&format!("{database}-item")).len(), 50_000);
    assert_eq!(read_topic(&format!("{database}-loose")).len(), 3);

    spec.task = TaskType::FullIncremental;
    spec.job_id = unique("job");
    let error = start(&spec).end().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceSetting, "{error}");
    assert!(error.message().contains("log_bin"), "{error}");
}

/// A transaction that is larger than a Kafka transaction may be flows in parts; a stop in the middle of
/// it neither loses nor repeats a change, and the order stays.
#[test]
fn a_large_transaction_flows_in_parts() {
    const ROWS: usize = 20_000;
    let database = unique("parts");
    let sql = mysql();
    sql.query(&format!(
        "CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY, n INT);"
    ))
    .unwrap();
    let mut spec = spec(&database);
    spec.limits.batch_bytes_max = 16 << 10;
    spec.limits.transaction_bytes_max = 64 << 10;
    // So that there is a middle to stop it in.
    spec.limits.rows_per_second_max = Some(4_000);
    let mut job = start(&spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    sql.query(&format!(
        "SET SESSION cte_max_recursion_depth = 100000;
         BEGIN; INSERT INTO {database}.item VALUES (0, 0);
         INSERT INTO {database}.item
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
           SELECT i, i FROM n; COMMIT; DELETE FROM {database}.item WHERE id = 0;",
        ROWS - 1
    ))
    .unwrap();
    job.wait_until("some of it", |j| j.counters.inserts.load(Ordering::Relaxed) > 1_000);
    job.stop().unwrap();
    let topic = format!("{database}-item");
    let before = read_topic(&topic).len();
    assert!(before > 1_000 && before < ROWS, "{before} of {ROWS} messages before the stop");
    spec.limits.rows_per_second_max = None;
    let mut job = start(&spec);
    job.wait_until("the rest", |j| j.counters.deletes.load(Ordering::Relaxed) == 1);
    job.stop().unwrap();
    let seen = read_topic(&topic);
    assert_eq!(seen.len(), ROWS + 1);
    let ids: Vec<u64> = seen.iter().map(|m| m.value["id"].as_u64().unwrap()).collect();
    assert!(ids.windows(2).all(|w| w[0] < w[1]));
    for (row, message) in seen[..ROWS].iter().enumerate() {
        assert_eq!(message.value["data"][0]["n"], row.to_string().as_str());
    }
}

/// DDL messages go to their topic, but for the one statement that the policy can leave out.
#[test]
fn dropping_a_database_is_told_unless_it_is_filtered() {
    for filtered in [false, true] {
        let database = unique("ddl");
        let sql = mysql();
        sql.query(&format!("CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT);"))
            .unwrap();
        let mut spec = spec(&database);
        spec.policy.ddl_topic = Some(create_topic(&format!("{database}-ddl")));
        spec.policy.filter_drop_database = filtered;
        let mut job = start(&spec);
        job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
        sql.query(&format!(
            "DROP DATABASE {database}; CREATE DATABASE {database};
             CREATE TABLE {database}.b (id INT PRIMARY KEY); INSERT INTO {database}.b VALUES (1);"
        ))
        .unwrap();
        job.wait_until("the row", |j| j.counters.inserts.load(Ordering::Relaxed) == 1);
        job.stop().unwrap();
        let statements: Vec<String> = read_topic(&format!("{database}-ddl"))
            .iter()
            .filter(|m| m.value["type"] == "DDL")
            .map(|m| m.value["sql"].as_str().unwrap().to_owned())
            .collect();
        let told = statements.iter().any(|s| s.starts_with("DROP DATABASE"));
        assert_eq!(told, !filtered, "{statements:?}");
        assert_eq!(statements.len(), if filtered { 2 } else { 3 }, "{statements:?}");
    }
}

/// A session may leave out of the log what a message needs, whatever the server's settings are: the job
/// stops by name. One that has nothing to do with those tables goes on.
#[test]
fn what_a_session_leaves_out_of_the_log_stops_the_job_by_name() {
    let server = MySqlServer::start(MySqlOptions::default()).unwrap();
    let login = server.login();
    let at = |database: &str| {
        let mut spec = spec(database);
        (spec.source.port, spec.source.user) = (server.port(), login.user.clone());
        spec.source.password = login.password.clone().into();
        spec
    };
    let create = |database: &str| {
        server
            .sql(&format!(
                "CREATE DATABASE {database};
                 CREATE TABLE {database}.item (id INT PRIMARY KEY, name VARCHAR(20), text BLOB);
                 INSERT INTO {database}.item VALUES (1, 'one', 'text');"
            ))
            .unwrap();
    };
    let calm = unique("calm");
    create(&calm);
    let mut other = start(&at(&calm));
    other.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    for (session, change, said) in [
        ("binlog_row_image = 'MINIMAL'", "UPDATE item SET name = 'x'", "binlog_row_image"),
        ("binlog_row_image = 'NOBLOB'", "UPDATE item SET name = 'x'", "binlog_row_image"),
        (
            "binlog_format = 'STATEMENT'",
            "INSERT INTO item VALUES (2, 'two', '')",
            "INSERT INTO item",
        ),
        ("binlog_format = 'STATEMENT'", "UPDATE item SET name = 'x'", "UPDATE item"),
        ("binlog_format = 'STATEMENT'", "DELETE FROM item", "DELETE FROM item"),
        ("binlog_format = 'STATEMENT'", "REPLACE item VALUES (1, 'x', '')", "REPLACE item"),
    ] {
        let database = unique("left_out");
        create(&database);
        let mut job = start(&at(&database));
        job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
        server.sql(&format!("SET SESSION {session}; USE {database}; {change};")).unwrap();
        let error = job.end().expect_err(change);
        assert!(error.message().contains(said), "{session}; {change}: {error}");
    }
    server.sql(&format!("INSERT INTO {calm}.item VALUES (3, 'three', '')")).unwrap();
    other.wait_until("its row", |j| j.counters.inserts.load(Ordering::Relaxed) == 1);
    other.stop().unwrap();
}
