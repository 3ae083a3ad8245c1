//! Sources of several instances, and pluggable databases: every change of every thread, and of one container only.

use oracledb::{Config, Connection};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::OracleDatabase;
use tailrace_pipeline::oracle_gaussdb::OracleJob;
use tailrace_pipeline::precheck::{self, CheckResult};
use tailrace_testkit::oracle::{OracleOptions, OracleServer};
use tailrace_testkit::wait;

use super::{LIMIT, PASSWORD, connect, job, run, start};

fn cluster(instances: u16) -> OracleServer {
    let options = OracleOptions { instances, ..OracleOptions::with_user("SHOP", PASSWORD) };
    OracleServer::start(options).expect("the stand-in")
}

fn to_service(server: &OracleServer, service: &str) -> Connection {
    let config = Config::default()
        .set_credentials("shop", PASSWORD)
        .set_connect_string(&format!("127.0.0.1:{}/{service}", server.port()))
        .expect("an address");
    oracledb::connect(config).expect("a session")
}

fn begin(connection: &Connection) {
    run(
        connection,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(9) PRIMARY KEY, v VARCHAR2(40))",
            "INSERT INTO t VALUES (1, 'before')",
            "COMMIT",
        ],
    );
}

fn scn(connection: &Connection) -> u64 {
    let row = connection.query_row("SELECT current_scn FROM v$database", &[]).expect("a row");
    row.get::<i64>(0).expect("an SCN").try_into().expect("an SCN")
}

/// What is logged but still waits for the log writer is not passed over: with one instance, and where another one's writes
/// wait although this one's go on.
#[test]
fn changes_that_are_not_in_the_log_files_yet_are_waited_for() {
    for (name, instances) in [("ora_buffer_1", 1), ("ora_buffer_2", 2)] {
        let server = cluster(instances);
        let held = instances - 1;
        let (first, second) = (connect(&server), connect(&server));
        begin(&first);
        let running = start(&job(&server, name, &["T"]), 1);
        running.wait_for_increment();
        let read = || {
            let durable = running.recorder.durable.lock().expect("no panic");
            durable.as_ref().and_then(|at| at.redo).map_or(0, |redo| redo.read)
        };
        server.hold_log_writer(held, true);
        run(
            &second,
            &["INSERT INTO t VALUES (2, 'waits')", "UPDATE t SET v = 'waits' WHERE id = 1"],
        );
        if instances == 2 {
            // The first instance's log goes on meanwhile.
            run(&first, &["INSERT INTO t VALUES (3, 'goes on')", "COMMIT"]);
        }
        let there = scn(&first);
        // The job looks at the log some times, and reads up to before what waits and not further.
        let seen = server.statements();
        wait::until_true("looks at the log", LIMIT, || server.statements() > seen + 20);
        assert!(read() < there, "{} {there}", read());
        run(&second, &["INSERT INTO t VALUES (4, 'committed')", "COMMIT"]);
        server.hold_log_writer(held, false);
        wait::until_true("the log is read", LIMIT, || read() > there);
        let count = if instances == 2 { 4 } else { 3 };
        let sql = format!("SELECT count(*) || min(v) FROM {name}.t WHERE id <> 1 OR v = 'waits'");
        running.wait_for("all changes", &sql, &format!("{count}committed"));
        assert!(running.stop().is_none());
    }
}

/// Instances that end and come again, log switches in both, and a log file of one of them that is gone.
#[test]
fn threads_are_merged_and_none_may_have_a_gap() {
    let server = cluster(2);
    let (first, second) = (connect(&server), connect(&server));
    begin(&first);
    let job = job(&server, "ora_threads", &["T"]);
    let running = start(&job, 1);
    running.wait_for_increment();
    let mut wanted = 1;
    for round in 0..20 {
        for (offset, connection) in [(100, &first), (200, &second)] {
            let id = offset + round;
            run(
                connection,
                &[
                    &format!("INSERT INTO t VALUES ({id}, 'x')"),
                    // One row goes from instance to instance.
                    &format!("UPDATE t SET v = 'of {id}' WHERE id = 1"),
                    "COMMIT",
                ],
            );
            wanted += 1;
        }
        let connection = if round % 3 == 0 { &first } else { &second };
        run(connection, &["ALTER SYSTEM SWITCH LOGFILE"]);
    }
    let said = "SELECT count(*) || max(v) FILTER (WHERE id = 1) FROM ora_threads.t";
    running.wait_for("both threads", said, &format!("{wanted}of 219"));
    server.close_instance(1);
    // One of the job's sessions may have been there: it goes on with those that are left.
    let end = running.stop();
    assert!(end.is_none_or(|end| end.kind() == ErrorKind::SourceConnection));
    let running = start(&job, 2);
    run(
        &first,
        &["INSERT INTO t VALUES (300, 'x')", "UPDATE t SET v = 'alone' WHERE id = 1", "COMMIT"],
    );
    running.wait_for("one thread", said, &format!("{}alone", wanted + 1));
    assert!(running.stop().is_none());
    // While nobody reads: the second comes back, both write, and the second's log is gone.
    run(&first, &["INSERT INTO t VALUES (301, 'x')", "COMMIT"]);
    server.open_instance(1);
    let both: Vec<Connection> = (0..2).map(|_| connect(&server)).collect();
    for (number, connection) in both.iter().enumerate() {
        run(connection, &[&format!("INSERT INTO t VALUES ({}, 'x')", 310 + number), "COMMIT"]);
        run(connection, &["ALTER SYSTEM SWITCH LOGFILE"]);
    }
    let running = start(&job, 3);
    running.wait_for("both again", said, &format!("{}alone", wanted + 4));
    assert!(running.stop().is_none());
    for connection in &both {
        run(connection, &["DELETE FROM t WHERE id > 310", "COMMIT"]);
        for _ in 0..5 {
            run(connection, &["ALTER SYSTEM SWITCH LOGFILE"]);
        }
    }
    server.delete_archived(100);
    let error = start(&job, 4).ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::PositionLost);
    assert!(error.message().contains("log file") && error.message().contains("thread"), "{error}");
}

/// An instance that leaves the cluster while the job is behind has its log in the archive, and nowhere else.
#[test]
fn the_log_of_an_instance_that_is_gone_is_looked_for_in_the_archive() {
    let server = cluster(2);
    let (first, second) = (connect(&server), connect(&server));
    begin(&first);
    let job = job(&server, "ora_gone", &["T"]);
    let running = start(&job, 1);
    running.wait_for_increment();
    assert!(running.stop().is_none());
    run(&second, &["INSERT INTO t VALUES (2, 'gone')", "COMMIT"]);
    server.close_instance(1);
    server.drop_instance(1);
    run(&first, &["INSERT INTO t VALUES (3, 'stays')", "COMMIT"]);
    let running = start(&job, 2);
    let said = "SELECT string_agg(id || v, ',' ORDER BY id) FROM ora_gone.t";
    running.wait_for("both rows", said, "1before,2gone,3stays");
    assert!(running.stop().is_none());
}

/// Tables and transactions of other containers have the same names and numbers.
#[test]
fn a_pluggable_database_is_replicated_and_no_other() {
    let options = OracleOptions {
        pluggable: vec!["PDB1".to_owned(), "PDB2".to_owned()],
        ..OracleOptions::with_user("SHOP", PASSWORD)
    };
    let server = OracleServer::start(options).expect("the stand-in");
    let (one, two) = (to_service(&server, "pdb1"), to_service(&server, "pdb2"));
    begin(&one);
    begin(&two);
    // By the root and the name of the database, and by the database's own service.
    let mut by_root = job(&server, "ora_pdb_root", &["T"]);
    by_root.source.pluggable = Some("pdb2".to_owned());
    // A listener that nobody is at goes before.
    by_root.source.listeners.insert(0, ("127.0.0.1".to_owned(), 1));
    let mut by_service = job(&server, "ora_pdb_service", &["T"]);
    by_service.source.database = OracleDatabase::Service("pdb1".to_owned());
    let runs = [start(&by_root, 1), start(&by_service, 1)];
    runs.iter().for_each(super::Running::wait_for_increment);
    // Both transactions have the same number, and are open at the same time.
    run(&one, &["INSERT INTO t VALUES (2, 'one')"]);
    run(&two, &["INSERT INTO t VALUES (2, 'two')", "INSERT INTO t VALUES (3, 'two')"]);
    run(&one, &["ROLLBACK", "ALTER TABLE t ADD (w NUMBER(3))"]);
    run(&two, &["COMMIT"]);
    run(&one, &["INSERT INTO t VALUES (5, 'one', 7)", "COMMIT"]);
    runs[0].wait_for(
        "the second",
        "SELECT string_agg(id || v, ',' ORDER BY id) FROM ora_pdb_root.t",
        "1before,2two,3two",
    );
    runs[1].wait_for(
        "the first",
        "SELECT string_agg(id || v || coalesce(w, 0), ',' ORDER BY id) FROM ora_pdb_service.t",
        "1before0,5one7",
    );
    for run in runs {
        assert!(run.stop().is_none());
    }
    let alarm = |job: &OracleJob| {
        let items = precheck::run_plan(&job.clone().into());
        let item = items.into_iter().find(|item| item.item == "srcPdbOpenCheck");
        item.expect("an item").result
    };
    let mut root = job(&server, "ora_pdb_none", &["T"]);
    root.source.pluggable = None;
    assert_eq!(alarm(&root), CheckResult::Alarm);
    assert_eq!(alarm(&by_root), CheckResult::Passed);
}
