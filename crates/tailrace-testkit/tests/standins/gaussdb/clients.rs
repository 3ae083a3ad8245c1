//! Clients of the real server get through.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tailrace_testkit::gaussdb::Stored;
use tailrace_testkit::process;
use tailrace_testkit::provision::jars::Jars;
use tailrace_testkit::provision::python;
use tailrace_testkit::python::run_with;
use tailrace_testkit::rundir::RunDir;

use super::{PASSWORD, USER, front};

/// Huawei's own driver and openGauss's.
const DRIVERS: [(&str, &str); 2] =
    [("com.huawei.gaussdb.jdbc.Driver", "gaussdb"), ("org.postgresql.Driver", "postgresql")];

fn source(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/standins/gaussdb").join(name)
}

/// What a driver saw.
fn by_jdbc(driver: &str, url: &str, table: &str, password: &str) -> String {
    let jars = Jars::gaussdb().expect("the drivers");
    let mut command = Command::new("java");
    command.env("PASSWORD", password).env("TZ", "UTC");
    command.args(["-XX:TieredStopAtLevel=1", "-cp", jars.class_path()]);
    command.arg(source("DriverCheck.java")).args([driver, url, USER, table]);
    process::run(&mut command).expect("the driver")
}

#[test]
fn jdbc_drivers_work_with_every_kind_of_stored_password() {
    let kinds = [Stored::Sha256, Stored::Sha256AskedByMd5, Stored::Md5AskedBySha256, Stored::Md5];
    for (number, kind) in kinds.into_iter().enumerate() {
        let (_postgres, front) = front(|options| options.stored = kind);
        for (driver, scheme) in DRIVERS {
            let url = format!("jdbc:{scheme}://{}/postgres", front.address());
            let saw = by_jdbc(driver, &url, &format!("{scheme}_{number}"), PASSWORD);
            println!("{kind:?} {driver}: {saw}");
            let lines: Vec<&str> = saw.lines().collect();
            assert_eq!(lines[..2], ["batch 3", "copied 1"], "{kind:?} {driver}: {saw}");
            assert!(lines[2].starts_with("0A000 "), "{saw}");
            let rows = [
                "0 null 2026-11-30 01:02:00.0",
                "1 név 1 2026-11-30 01:02:01.0",
                "2 név 2 2026-11-30 01:02:02.0",
                "7 null 2026-11-30 00:00:00.0",
            ];
            assert_eq!(lines[3..7], rows, "{kind:?} {driver}: {saw}");
            let saw = by_jdbc(driver, &url, "unmade", "wrong");
            assert!(saw.starts_with("failed: 28"), "{kind:?} {driver}: {saw}");
        }
    }
}

#[test]
fn drivers_that_ask_for_tls_get_it() {
    let (chain, key) = certificate();
    let (_postgres, front) = front(|options| options.tls = Some((chain, key)));
    for (driver, scheme) in DRIVERS {
        let url = format!("jdbc:{scheme}://{}/postgres?ssl=true&sslmode=require", front.address());
        let saw = by_jdbc(driver, &url, &format!("{scheme}_tls"), PASSWORD);
        assert!(saw.starts_with("batch 3\ncopied 1\n"), "{driver}: {saw}");
    }
}

/// A certificate of this machine's own name, and its key.
fn certificate() -> (String, String) {
    let dir = RunDir::new("certificate").expect("a folder");
    let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]);
    command.args([
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]);
    process::run(command.arg("-out").arg(&chain).arg("-keyout").arg(&key)).expect("openssl");
    let read = |file| fs::read_to_string(file).expect("what openssl wrote");
    (read(&chain), read(&key))
}

#[test]
fn python_clients_work() {
    let (_postgres, front) = front(|_| {});
    let saw = run_with(
        python::GAUSSDB,
        &source("clients.py"),
        &[&front.port().to_string(), USER, "by_python"],
        &[("PASSWORD", PASSWORD)],
    )
    .expect("the clients");
    let lines: Vec<&str> = saw.lines().collect();
    let wanted = [
        "async-gaussdb 1 név",
        "async-gaussdb 2 None",
        "async-gaussdb 0A000",
        "py-opengauss 1 név",
        "py-opengauss 2 None",
        "py-opengauss refused 08001",
    ];
    assert_eq!(lines, wanted, "{saw}");
}
