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

#[test]
fn fronts_of_one_server_may_be_started_at_once() {
    let postgres = PostgresServer::start(PostgresOptions::default()).expect("PostgreSQL");
    let start = |number: usize| {
        // The same user for some, one of its own for others.
        let user = format!("{USER}{}", number / 2);
        GaussFront::start(&postgres, FrontOptions::with_user(&user, PASSWORD)).expect("the front")
    };
    std::thread::scope(|threads| {
        for number in 0..6 {
            threads.spawn(move || start(number));
        }
    });
    for user in 0..3 {
        let may = format!("SELECT has_database_privilege('{USER}{user}', 'postgres', 'CREATE')");
        assert_eq!(postgres.sql(&may).expect("an answer").trim(), "t");
    }
}
