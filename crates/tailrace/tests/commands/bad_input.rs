//! Wrong values for every option of every command: each is named with what is allowed, and nothing
//! panics, hangs or tells a secret.

use std::fs;
use std::path::Path;

use super::{DEMO_SECRET, ended, tailrace};

/// A command line, its exit code and what its standard error says. `{d}` is a directory with files
/// made by [`files`].
type Case = (&'static str, i32, &'static [&'static str]);

const SERVE: &[Case] = &[
    ("serve", 2, &["--data-dir"]),
    ("serve --data-dir {d}/file", 1, &["data directory", "file"]),
    ("serve --data-dir /proc/nothing", 1, &["data directory /proc/nothing"]),
    ("serve --data-dir {d}/new --listen nonsense", 2, &["listen", "nonsense", "127.0.0.1:8080"]),
    (
        "serve --data-dir {d}/new --listen 127.0.0.1:99999",
        2,
        &["listen", "99999", "127.0.0.1:8080"],
    ),
    ("serve --data-dir {d}/new --listen 203.0.113.9:80", 1, &["203.0.113.9:80"]),
    ("serve --data-dir {d}/new --store mysql://x", 2, &["store", "mysql", "sqlite:FILE"]),
    ("serve --data-dir {d}/new --store sqlite:/no/such/x.db", 1, &["/no/such/x.db"]),
    ("serve --data-dir {d}/new --config {d}/none.toml", 2, &["none.toml"]),
    ("serve --data-dir {d}/new --config {d}/type.toml", 2, &["type.toml", "line 1", "listen"]),
    ("serve --data-dir {d}/new --config {d}/member.toml", 2, &["line 1", "colour", "listen"]),
    ("serve --data-dir {d}/new --config {d}/binary.toml", 2, &["binary.toml", "UTF-8"]),
    ("serve --data-dir {d}/new --tls-key {d}/file", 2, &["tls.certificate_file"]),
    ("serve --data-dir {d}/new --tls-certificate {d}/file", 2, &["tls.key_file"]),
    (
        "serve --data-dir {d}/new --tls-certificate {d}/file --tls-key {d}/file",
        1,
        &["TLS certificate", "file", "no certificate in PEM"],
    ),
    ("serve --data-dir {d}/new --trusted-proxy lb", 2, &["proxy.trusted", "lb", "10.0.0.0/8"]),
    ("serve --data-dir {d}/new --proxy-header via", 2, &["--proxy-header", "x-forwarded"]),
    ("serve --data-dir {d}/new --log-filter =,=/", 2, &["log filter", "=,=/"]),
    ("serve --data-dir {d}/new --log-format xml", 2, &["--log-format", "xml", "text, json"]),
];

const RUN_AND_DEMO: &[Case] = &[
    ("run", 2, &["<FILE>"]),
    ("run {d}/none.toml", 2, &["none.toml", "No such file"]),
    ("run {d}", 2, &["Is a directory"]),
    ("run {d}/binary.toml", 2, &["binary.toml", "UTF-8"]),
    ("run {d}/file", 2, &["line 1", "name"]),
    ("run {d}/file --log-filter =,=/", 2, &["log filter"]),
    ("run {d}/file --check --forget", 2, &["--check", "--forget"]),
    ("demo --source nonsense", 2, &["--source", "mysql://USER:PASSWORD@HOST:PORT"]),
    ("demo --source postgres://u:nobody-may-see-this@h:1", 2, &["mysql://USER:PASSWORD@HOST:PORT"]),
    ("demo --source mysql://u:nobody-may-see-this@127.0.0.1:1", 1, &["127.0.0.1:1"]),
    ("demo --source mysql://u@h:1 --mysqld {d}/file", 2, &["--source", "--mysqld"]),
    ("demo --mysqld {d}/file", 1, &["file", "cannot be started"]),
    ("demo --kafka nonsense", 2, &["--kafka", "HOST:PORT", "nonsense"]),
    ("demo --kafka h:99999", 2, &["--kafka", "HOST:PORT", "99999"]),
    ("demo --rows 0", 2, &["--rows", "100..=50000000"]),
    ("demo --rows many", 2, &["--rows", "many"]),
    ("demo --seconds 0", 2, &["--seconds", "1..=3600"]),
    ("keys rotate", 2, &["--data-dir"]),
    ("completion tcsh", 2, &["tcsh", "bash"]),
    ("man --dir {d}/file", 1, &["file"]),
    ("explain colours", 2, &["colours", "source_connection"]),
    ("jobs explain colours", 2, &["colours", "source_connection"]),
    ("keys rotate --data-dir {d}/none", 2, &["no store", "none"]),
    ("keys rotate --data-dir {d}/file", 2, &["no store", "file"]),
    ("keys rotate --data-dir {d} --store mysql://x", 2, &["store", "mysql", "sqlite:FILE"]),
    ("frobnicate", 2, &["frobnicate", "Usage"]),
    ("serve --frobnicate", 2, &["--frobnicate", "Usage"]),
];

const LOGIN: &str = "--credentials {d}/credentials.json --endpoint http://127.0.0.1:1";

/// Behind `jobs` and [`LOGIN`] unless they bring their own.
const JOBS: &[Case] = &[
    ("list", 5, &["http://127.0.0.1:1"]),
    ("list --output xml", 2, &["--output", "xml", "table, json, yaml"]),
    ("show", 2, &["<JOB>"]),
    ("show x --view colours", 2, &["--view", "colours", "overview"]),
    ("parts x", 2, &["<PART>"]),
    ("parts x colours", 2, &["colours", "timeline"]),
    ("set x", 2, &["<NAME=VALUE>"]),
    ("set x novalue", 2, &["novalue", "NAME=VALUE"]),
    ("create", 2, &["<FILE>"]),
    ("create {d}/none.toml", 2, &["none.toml"]),
    ("create {d}/file", 2, &["line 1", "name"]),
    ("create {d}/file --timeout 5", 2, &["--wait"]),
    ("start x --timeout 5", 2, &["--wait"]),
    ("pause x --wait --timeout -1", 2, &["-1"]),
    ("resume x --wait --timeout soon", 2, &["--timeout", "soon"]),
    ("reset x --wait --timeout 1e3", 2, &["--timeout", "1e3"]),
    ("stop", 2, &["<JOB>"]),
    ("delete", 2, &["<JOB>"]),
    ("follow x --timeout 99999999999999999999", 2, &["--timeout", "99999999999999999999"]),
    ("precheck", 2, &["<JOB>"]),
    ("logs x --level loud", 2, &["--level", "loud", "warn"]),
    ("logs x --tail many", 2, &["--tail", "many"]),
    ("limit x 10@25-30", 2, &["10@25-30", "MEGABYTES@FROM-UNTIL"]),
    ("password x both", 2, &["both", "source, target"]),
    ("position x", 2, &["--binlog"]),
    ("rename x", 2, &["<NAME>"]),
    ("tags x novalue", 2, &["novalue", "KEY=VALUE"]),
    ("objects x --source --in-force", 2, &["--source", "--in-force"]),
    ("list --ca-file {d}/file", 2, &["file", "no certificate"]),
    ("list --ca-file {d}/none.pem", 2, &["none.pem", "No such file"]),
];

/// Without [`LOGIN`].
const LOGINS: &[Case] = &[
    ("jobs list", 2, &["TAILRACE_PROJECT_ID", "--credentials"]),
    ("api GET v5/x --credentials {d}/credentials.json", 2, &["v5/x", "begins with /"]),
    ("api POST /x --credentials {d}/credentials.json --body {d}/file", 2, &["an object"]),
    ("api PATCH /x", 2, &["PATCH", "post"]),
    ("login", 2, &["tailrace contexts add"]),
    ("contexts list", 0, &[]),
    ("contexts add x --user u --endpoint nonsense", 2, &["nonsense", "http://"]),
    ("connections create x --credentials {d}/credentials.json --file {d}/none", 2, &["none"]),
    ("jobs list --credentials {d}/none.json", 2, &["none.json"]),
    ("jobs list --credentials {d}/file", 2, &["file", "project_id"]),
    (
        "jobs list --credentials {d}/credentials.json --endpoint nonsense",
        2,
        &["nonsense", "http://"],
    ),
    ("jobs list --credentials {d}/credentials.json --endpoint ftp://h", 2, &["ftp://h", "http://"]),
];

fn files(dir: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).unwrap();
    write("file", b"");
    write("type.toml", b"listen = 5");
    write("member.toml", b"colour = 'red'");
    write("binary.toml", b"\xff\xfe");
    let secret =
        format!(r#"{{"project_id": "p", "access_key": "a", "secret_key": "{DEMO_SECRET}"}}"#);
    write("credentials.json", secret.as_bytes());
}

#[test]
fn every_wrong_option_is_named_with_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    files(dir.path());
    let whole = [SERVE, RUN_AND_DEMO, LOGINS].concat();
    let lines = whole.iter().map(|(line, ..)| (*line).to_owned());
    let jobs = JOBS.iter().map(|(line, ..)| format!("jobs {line} {LOGIN}"));
    let mut wrong = Vec::new();
    for (line, (_, code, said)) in lines.chain(jobs).zip(whole.iter().chain(JOBS)) {
        let line = line.replace("{d}", dir.path().to_str().unwrap());
        let args: Vec<&str> = line.split(' ').collect();
        let (seen, out, err) = ended(&tailrace(&args).output().unwrap());
        let tells = said.iter().all(|word| err.contains(word));
        let leaks = format!("{out}{err}").contains(DEMO_SECRET);
        if seen != *code || !tells || leaks || err.contains("panicked") {
            wrong.push(format!("{line}\n  wanted {code} {said:?}, got {seen}: {err}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
