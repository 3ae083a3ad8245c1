//! What a source is asked for people who configure a job.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tailrace_pipeline::plan::SourceEndpoint;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{ColumnKey, ErrorKind, list_columns, position_at};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};
use tailrace_testkit::wait;

use crate::support::spec_at;

/// The place where the log ends.
fn end(server: &MySqlServer) -> (String, u64) {
    let rows = server.login().query("SHOW BINARY LOG STATUS").expect("a row");
    (rows[0][0].clone(), rows[0][1].parse().expect("an offset"))
}

/// Seconds of the Unix epoch.
fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

#[test]
fn the_log_is_found_by_time_and_columns_by_name() {
    let server = MySqlServer::start(MySqlOptions::default()).expect("a server");
    server
        .sql("CREATE DATABASE look; CREATE TABLE look.t (id INT PRIMARY KEY, code CHAR(3) UNIQUE, v DECIMAL(8,2)); FLUSH BINARY LOGS")
        .expect("a table");
    // Rows at times that do not depend on how fast this goes.
    let insert = |n: u64, at: u64| {
        let before = end(&server);
        let row = format!("SET timestamp = {at}; INSERT INTO look.t VALUES ({n}, '{n}', {n})");
        server.sql(&row).expect("a row");
        before
    };
    let begun = clock();
    let first = insert(1, begun);
    wait::until_true("two seconds", Duration::from_secs(30), || clock() >= begun + 2);
    server.sql("FLUSH BINARY LOGS").expect("another file");
    let next_file = end(&server).0;
    let (second, third) = (insert(2, begun + 1000), insert(3, begun + 2000));
    let endpoint = spec_at(&server.login(), "look").source;
    let find = |at: u64| position_at(&endpoint, at, &StopSignal::new()).expect("a place");
    assert_eq!(find(begun), first);
    assert_eq!(find(begun + 1), (next_file, 4));
    assert_eq!(find(begun + 500), second);
    assert_eq!(find(begun + 1000), second);
    assert_eq!(find(begun + 1001), third);
    assert_eq!(find(begun + 9000), end(&server));
    let error = position_at(&endpoint, 1_000_000_000, &StopSignal::new()).expect_err("too old");
    assert_eq!(error.kind(), ErrorKind::PositionLost);
    assert!(error.message().contains("the log begins with"), "{error}");

    let tables = [("look".to_owned(), "t".to_owned()), ("look".to_owned(), "none".to_owned())];
    let found = list_columns(&SourceEndpoint::Mysql(endpoint), &tables).expect("columns");
    let columns: Vec<_> =
        found[0].columns.iter().map(|c| (c.name.as_str(), c.type_name.as_str(), c.key)).collect();
    assert_eq!(
        columns,
        [
            ("id", "int", ColumnKey::Primary),
            ("code", "char(3)", ColumnKey::Unique),
            ("v", "decimal(8,2)", ColumnKey::None)
        ]
    );
    assert!(found[1].columns.is_empty());
}
