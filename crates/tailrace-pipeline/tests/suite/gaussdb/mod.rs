//! GaussDB Distributed as a target. No GaussDB can be had: what is shown here is shown on the stand-in over PostgreSQL.

mod apply;
mod conflicts;
mod login;

use std::sync::OnceLock;

use secrecy::SecretString;
use tailrace_codec::gaussdb::apply::{ChangeKind, Changes, Text};
use tailrace_pipeline::job::GaussEndpoint;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::sink::gaussdb::GaussSink;
use tailrace_testkit::gaussdb::{FrontOptions, GaussFront};
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer};

const USER: &str = "tailrace";
const PASSWORD: &str = "Geheim_123'";

/// The stand-in that all tests of this file's folder share, each with a schema of its own.
pub(crate) fn shared() -> &'static (PostgresServer, GaussFront) {
    static SHARED: OnceLock<(PostgresServer, GaussFront)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let postgres = PostgresServer::start(PostgresOptions::default()).expect("PostgreSQL");
        let front = front(&postgres, |_| {});
        (postgres, front)
    })
}

/// Another front over a PostgreSQL.
fn front(postgres: &PostgresServer, change: impl FnOnce(&mut FrontOptions)) -> GaussFront {
    let mut options = FrontOptions::with_user(USER, PASSWORD);
    change(&mut options);
    GaussFront::start(postgres, options).expect("the front")
}

pub(crate) fn endpoint(front: &GaussFront) -> GaussEndpoint {
    GaussEndpoint {
        nodes: vec![("127.0.0.1".to_owned(), front.port())],
        database: "postgres".to_owned(),
        user: USER.to_owned(),
        password: SecretString::from(PASSWORD),
        tls: None,
    }
}

/// The target, for a job of this name.
fn open(job: &str) -> (GaussSink, Option<String>) {
    GaussSink::open(&endpoint(&shared().1), job, 1, StopSignal::new()).expect("the target")
}

/// Makes a schema with a table `t` in it.
fn make(sink: &mut GaussSink, schema: &str, columns: &str) {
    sink.begin().expect("a transaction");
    sink.define(&format!("CREATE SCHEMA {schema}")).expect("a schema");
    sink.define(&format!("CREATE TABLE {schema}.t ({columns})")).expect("a table");
    sink.commit("made").expect("a commit");
}

/// Rows of a schema's table `t` in order, values between commas.
fn rows(schema: &str) -> Vec<String> {
    let sql = format!("SELECT t::text FROM {schema}.t ORDER BY 1");
    shared().0.sql(&sql).expect("rows").lines().map(str::to_owned).collect()
}

const N: Text<'_> = Text::Null;
const U: Text<'_> = Text::Unknown;
fn t(text: &str) -> Text<'_> {
    Text::Text(text)
}

fn insert(changes: &mut Changes, row: &[Text<'_>]) {
    assert!(changes.push(ChangeKind::Insert, 0, [], row.iter().copied()));
}

fn update(changes: &mut Changes, before: &[Text<'_>], after: &[Text<'_>]) {
    assert!(changes.push(ChangeKind::Update, 0, before.iter().copied(), after.iter().copied()));
}

fn delete(changes: &mut Changes, before: &[Text<'_>]) {
    assert!(changes.push(ChangeKind::Delete, 0, before.iter().copied(), []));
}
