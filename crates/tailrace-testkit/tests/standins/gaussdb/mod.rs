//! The front over PostgreSQL that stands in for GaussDB Distributed.

mod clients;
mod rules;

use tailrace_testkit::gaussdb::{FrontOptions, GaussFront};
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer};

const USER: &str = "tailrace";
const PASSWORD: &str = "Geheim_123";

/// A PostgreSQL whose users may make tables, and a front in front of it.
fn front(options: impl FnOnce(&mut FrontOptions)) -> (PostgresServer, GaussFront) {
    let postgres = PostgresServer::start(PostgresOptions::default()).expect("PostgreSQL");
    let mut settings = FrontOptions::with_user(USER, PASSWORD);
    options(&mut settings);
    let front = GaussFront::start(&postgres, settings).expect("the front");
    postgres.sql("GRANT CREATE ON SCHEMA public TO PUBLIC").expect("a privilege");
    (postgres, front)
}
