//! Oracle's own clients get through.

use std::path::PathBuf;
use std::process::Command;

use oracledb::BindParameters;
use tailrace_testkit::process;
use tailrace_testkit::provision::jars::Jars;
use tailrace_testkit::provision::{node, python};
use tailrace_testkit::python::run_with;

use super::{PASSWORD, connect, server};

fn source(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/standins/oracle").join(name)
}

#[test]
fn python_oracledb_works() {
    let server = server();
    let saw = run_with(
        python::ORACLE,
        &source("client.py"),
        &[&server.port().to_string()],
        &[("PASSWORD", PASSWORD)],
    )
    .expect("the client");
    assert_eq!(saw.lines().last(), Some("all is well"), "{saw}");
}

#[test]
fn ojdbc_works() {
    let server = server();
    let jars = Jars::oracle().expect("the driver");
    let mut command = Command::new("java");
    command.env("PASSWORD", PASSWORD).env("TZ", "UTC");
    command.args(["-XX:TieredStopAtLevel=1", "-cp", jars.class_path()]);
    command.arg(source("OjdbcCheck.java")).arg(server.port().to_string());
    let saw = process::run(&mut command).expect("the driver");
    assert_eq!(saw.lines().last(), Some("all is well"), "{saw}");
}

#[test]
fn node_oracledb_works() {
    let server = server();
    let packages = node::folder(node::ORACLE).expect("the client");
    let mut command = Command::new("node");
    command.env("PASSWORD", PASSWORD).env("NODE_PATH", packages.join("node_modules"));
    command.arg(source("client.js")).arg(server.port().to_string());
    let saw = process::run(&mut command).expect("the client");
    assert_eq!(saw.lines().last(), Some("all is well"), "{saw}");
}

#[test]
fn the_rust_driver_works() {
    let server = server();
    let refused = connect(server.port(), "wrong").err().expect("a refusal").to_string();
    assert!(refused.contains("ORA-01017"), "{refused}");
    let connection = connect(server.port(), PASSWORD).expect("a connection");
    let statement = "CREATE TABLE byrust (id NUMBER(10) PRIMARY KEY, name VARCHAR2(20), n NUMBER, t CLOB, b BLOB)";
    connection.execute(statement, &[]).expect("a table");
    let rows: Vec<(i32, String)> = (1..=700).map(|id| (id, format!("név {id}"))).collect();
    let binds: Vec<[&dyn oracledb::ToDbValue; 2]> =
        rows.iter().map(|(id, name)| [id as &dyn oracledb::ToDbValue, name]).collect();
    let binds: Vec<&[&dyn oracledb::ToDbValue]> = binds.iter().map(|row| &row[..]).collect();
    let insert = "INSERT INTO byrust (id, name) VALUES (:1, :2)";
    let inserted = connection.execute_batch(insert, BindParameters::Slice(&binds)).expect("rows");
    assert_eq!(inserted.rows_affected(), 700);
    let large = "large ".repeat(3000);
    let set = "UPDATE byrust SET n = -12.5, t = :1, b = :2 WHERE id = 7";
    let touched = connection.execute(set, &[&large, &large.as_bytes()]).expect("an update");
    assert_eq!(touched.rows_affected(), 1);
    connection.commit().expect("a commit");
    let found =
        connection.query("SELECT * FROM byrust WHERE id > :1 ORDER BY id", &[&5]).expect("rows");
    let mut count = 0;
    for row in found {
        let row = row.expect("a row");
        count += 1;
        let (id, name): (i32, String) = (row.get(0).expect("an id"), row.get(1).expect("a name"));
        assert_eq!((id, name), (5 + count, format!("név {}", 5 + count)));
        if id == 7 {
            let number: f64 = row.get(2).expect("a number");
            assert!((number + 12.5).abs() < f64::EPSILON, "{number}");
            let (text, bytes): (String, Vec<u8>) =
                (row.get(3).expect("a CLOB"), row.get(4).expect("a BLOB"));
            assert!(text == large && bytes == large.as_bytes());
        }
    }
    assert_eq!(count, 695);
    let error = connection.query("SELECT nothing FROM byrust", &[]).err().expect("an error");
    assert!(error.to_string().contains("ORA-00904"), "{error}");
    // A connection that is cut is an error, and the server takes the next one.
    server.cut();
    assert!(connection.ping().is_err());
    connect(server.port(), PASSWORD).expect("another connection").ping().expect("an answer");
}
