//! The load on a real server: it has to write what it says, and end.

use std::time::Duration;

use super::{Plan, Workload, fill, one_transaction, seed};
use crate::checker::{Format, read_source};
use crate::{env, wait};

/// What the server may refuse: a taken key, a missing table or index, a deadlock, a lock wait, a
/// definition changed by another statement, nothing left to drop.
const EXPECTED: [&str; 9] =
    ["1050", "1051", "1054", "1061", "1062", "1091", "1146", "1205", "1213"];

fn url() -> String {
    let login = env::mysql().expect("a MySQL server");
    format!("mysql://{}:{}@{}:{}", login.user, login.password, login.host, login.port)
}

#[test]
fn writes_every_kind_of_change_and_stops() {
    let plan = Plan {
        rows_initial: 50,
        ddl_pause: Some(Duration::from_millis(20)),
        transactions_per_second_max: 1000,
        big_transaction_rows: 100,
        ..Plan::new(seed(), "workload_test")
    };
    let selected = plan.selected();
    let load = Workload::start(&url(), plan).expect("the load starts");
    load.allow_ddl();
    wait::until_true("400 transactions and 25 statements", Duration::from_secs(120), || {
        load.committed() >= 400 && load.statements() >= 25
    });
    let summary = load.stop().expect("the load stops");
    for refusal in summary.refusals.keys() {
        assert!(
            EXPECTED.iter().any(|number| refusal.contains(number)),
            "the server refused what it should take: {:?}",
            summary.refusals
        );
    }
    assert_eq!(summary.lost, 0);
    let tables = read_source(&url(), &selected, Format::Json).expect("the source can be read");
    let rows =
        |name: &str| tables.iter().find(|t| t.table == name).map_or(0, |table| table.rows.len());
    for name in ["int_pk", "ci_pk", "every_type", "charsets", "no_pk", "ledger", "ddl_altered"] {
        assert!(rows(name) > 0, "{name} has no rows");
    }
    assert_eq!(rows("not_chosen"), 0, "a table that is not selected was read");
}

#[test]
fn makes_volume() {
    let url = url();
    fill(&url, "bulk_test", "bulk", 1000, 64).expect("rows");
    one_transaction(&url, ("bulk_test", "bulk"), (1001, 1500), 64).expect("a transaction");
    let login = env::mysql().expect("a MySQL server");
    let count = login.query("SELECT COUNT(*), MAX(id), MAX(LENGTH(pad)) FROM bulk_test.bulk");
    assert_eq!(count.expect("a count"), [["1500", "1500", "64"]]);
    login.query("DROP DATABASE bulk_test").expect("clean-up");
}
