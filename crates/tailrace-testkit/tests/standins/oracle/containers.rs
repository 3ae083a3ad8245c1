//! Pluggable databases and instances: what is whose, and what of the log is in its files.

use std::time::Duration;

use oracledb::Connection;
use tailrace_testkit::oracle::{OracleOptions, OracleServer};
use tailrace_testkit::wait;

use super::{PASSWORD, USER, connect, connect_to};

fn run(connection: &Connection, statements: &[&str]) {
    for statement in statements {
        connection.execute(statement, &[]).unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let rows = connection.query(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    rows.map(|row| row.expect("a row").get(0).expect("a text")).collect()
}

/// The current log of each thread.
fn current_files(connection: &Connection) -> Vec<String> {
    let groups = texts(connection, "SELECT group# FROM v$log WHERE status = 'CURRENT' ORDER BY 1");
    let member = |group: &String| {
        texts(connection, &format!("SELECT member FROM v$logfile WHERE group# = {group}")).remove(0)
    };
    groups.iter().map(member).collect()
}

/// Statements with their containers and threads, from the start of the log on.
fn mined(connection: &Connection) -> Vec<String> {
    for (number, file) in current_files(connection).iter().enumerate() {
        let option = if number == 0 { "DBMS_LOGMNR.NEW" } else { "DBMS_LOGMNR.ADDFILE" };
        let add = format!("BEGIN DBMS_LOGMNR.ADD_LOGFILE(:1, {option}); END;");
        connection.execute(&add, &[file]).expect("a file");
    }
    let start = "BEGIN DBMS_LOGMNR.START_LOGMNR(STARTSCN => 1000000, OPTIONS => DBMS_LOGMNR.NO_ROWID_IN_STMT); END;";
    run(connection, &[start]);
    texts(
        connection,
        "SELECT src_con_name || ' ' || thread# || ' ' || xid || ' ' || sql_redo FROM v$logmnr_contents \
         WHERE operation IN ('INSERT', 'COMMIT') ORDER BY ROWNUM",
    )
}

#[test]
fn containers_have_tables_and_transactions_of_their_own() {
    let options = OracleOptions {
        pluggable: vec!["PDB1".to_owned(), "PDB2".to_owned()],
        ..OracleOptions::with_user(USER, PASSWORD)
    };
    let server = OracleServer::start(options).expect("the server");
    let root = connect(server.port(), PASSWORD).expect("the root");
    assert_eq!(texts(&root, "SELECT cdb FROM v$database"), ["YES"]);
    assert_eq!(texts(&root, "SELECT con_id || ' ' || name FROM v$pdbs"), ["3 PDB1", "4 PDB2"]);
    let pluggable: Vec<Connection> = ["pdb1", "pdb2"]
        .map(|name| connect_to(server.port(), name, PASSWORD).expect("a pluggable database"))
        .into();
    for (number, connection) in pluggable.iter().enumerate() {
        let insert = format!("INSERT INTO t VALUES ({number})");
        run(connection, &["CREATE TABLE t (id NUMBER)", &insert]);
        let name = texts(connection, "SELECT SYS_CONTEXT('USERENV', 'CON_NAME') FROM dual");
        assert_eq!(name, [format!("PDB{}", number + 1)]);
        assert_eq!(texts(connection, "SELECT COUNT(*) FROM v$transaction"), ["1"]);
    }
    assert_eq!(texts(&root, "SELECT COUNT(*) FROM v$transaction"), ["2"]);
    assert!(root.query("SELECT * FROM t", &[]).is_err());
    for connection in &pluggable {
        run(connection, &["COMMIT"]);
    }
    run(&root, &["ALTER SESSION SET CONTAINER = pdb2"]);
    assert_eq!(texts(&root, "SELECT id FROM t"), ["1"]);
    let refused = |sql: &str| root.execute(sql, &[]).err().expect(sql).to_string();
    assert!(refused("BEGIN DBMS_LOGMNR.END_LOGMNR; END;").contains("ORA-65040"));
    assert!(refused("ALTER SESSION SET CONTAINER = nothing").contains("ORA-65011"));
    run(&root, &["ALTER SESSION SET CONTAINER = CDB$ROOT"]);
    let told = mined(&root);
    let inserts: Vec<&String> = told.iter().filter(|told| told.contains("insert")).collect();
    assert_eq!(inserts.len(), 2);
    // Their transactions have one number.
    let (one, two) = (inserts[0].strip_prefix("PDB1 "), inserts[1].strip_prefix("PDB2 "));
    let xid = |told: Option<&str>| told.and_then(|told| told.split(' ').nth(1)).map(str::to_owned);
    assert!(xid(one).is_some() && xid(one) == xid(two), "{told:?}");
}

#[test]
fn instances_write_logs_of_their_own_when_they_must() {
    let options = OracleOptions { instances: 2, ..OracleOptions::with_user(USER, PASSWORD) };
    let server = OracleServer::start(options).expect("the server");
    let connections: Vec<Connection> =
        (0..2).map(|_| connect(server.port(), PASSWORD).expect("a connection")).collect();
    run(&connections[0], &["CREATE TABLE t (id NUMBER)"]);
    server.hold_log_writer(1, true);
    run(&connections[1], &["INSERT INTO t VALUES (2)"]);
    run(&connections[0], &["INSERT INTO t VALUES (1)", "COMMIT"]);
    let written = |thread: u8| {
        let sql = format!("SELECT last_redo_change# FROM v$thread WHERE thread# = {thread}");
        texts(&connections[0], &sql)[0].parse::<u64>().expect("an SCN")
    };
    let told = mined(&connections[0]);
    // What the second instance did is not in its file yet.
    assert!(told.iter().any(|told| told.contains("('1')")), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("('2')")), "{told:?}");
    assert!(written(2) < written(1));
    assert_eq!(texts(&connections[1], "SELECT COUNT(*) FROM gv$transaction"), ["1"]);
    assert_eq!(texts(&connections[0], "SELECT COUNT(*) FROM v$transaction"), ["0"]);
    let held = written(2);
    server.hold_log_writer(1, false);
    wait::until_true("the log writer writes", Duration::from_secs(30), || written(2) > held);
    let told = mined(&connections[0]);
    let at = |id: &str| told.iter().position(|told| told.contains(id));
    assert!(at("('2')").is_some() && at("('2')") < at("('1')"), "{told:?}");
    server.close_instance(1);
    assert!(connections[1].ping().is_err());
    assert_eq!(texts(&connections[0], "SELECT status FROM v$thread"), ["OPEN", "CLOSED"]);
    assert_eq!(texts(&connections[0], "SELECT COUNT(*) FROM t"), ["1"]);
    server.open_instance(1);
    assert_eq!(texts(&connections[0], "SELECT status FROM v$thread"), ["OPEN", "OPEN"]);
}
