//! What hinders a job is named before it starts, with what to run against it.

use tailrace_pipeline::oracle_gaussdb::OracleJob;
use tailrace_pipeline::precheck::{self, CheckItem, CheckResult};

use super::{connect, job, run, server};
use crate::gaussdb;

fn check(job: &OracleJob) -> Vec<CheckItem> {
    precheck::run_plan(&job.clone().into())
}

/// The item of this name, with its result and words.
fn item(items: &[CheckItem], name: &str) -> (CheckResult, String) {
    let found = items.iter().find(|item| item.item == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {items:?}"));
    (found.result, format!("{} {}", found.reason, found.remedy))
}

#[test]
fn a_job_that_can_run_passes_everything() {
    let server = server();
    run(
        &connect(&server),
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(9))",
        ],
    );
    let items = check(&job(&server, "oracle_precheck", &["T"]));
    let bad: Vec<&CheckItem> =
        items.iter().filter(|item| item.result != CheckResult::Passed).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert!(items.len() >= 15, "{items:?}");
}

#[test]
fn what_the_log_has_to_tell_is_named_with_the_statement_that_makes_it_so() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(9))",
            "CREATE TABLE \"u u\" (v VARCHAR2(9))",
        ],
    );
    let job = job(&server, "oracle_levels", &["T", "u u"]);
    let level = || item(&check(&job), "srcSupplementalLogCheck");
    let (result, words) = level();
    assert_eq!(result, CheckResult::Failed);
    assert!(words.contains("ALTER DATABASE ADD SUPPLEMENTAL LOG DATA;"), "{words}");
    run(&source, &["ALTER DATABASE ADD SUPPLEMENTAL LOG DATA"]);
    let (result, words) = level();
    assert_eq!(result, CheckResult::Failed);
    for table in ["\"SHOP\".\"T\"", "\"SHOP\".\"u u\""] {
        let statement = format!("ALTER TABLE {table} ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS;");
        assert!(words.contains(&statement), "{words}");
    }
    // The key's columns are enough for a table that has one.
    run(&source, &["ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (PRIMARY KEY) COLUMNS"]);
    let (result, words) = level();
    assert_eq!(result, CheckResult::Failed);
    assert!(words.contains("u u") && !words.contains("\"T\""), "{words}");
    run(&source, &["ALTER TABLE \"u u\" ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS"]);
    let (result, words) = level();
    assert_eq!(result, CheckResult::Alarm);
    assert!(words.contains("\"T\" ADD SUPPLEMENTAL LOG DATA (ALL)"), "{words}");
    run(&source, &["ALTER TABLE t ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS"]);
    assert_eq!(level().0, CheckResult::Passed);
    let (result, words) = item(&check(&job), "srcTableHasPrimaryKeyCheck");
    assert!(result == CheckResult::Alarm && words.contains("SHOP.u u"), "{words}");
}

#[test]
fn tables_that_cannot_be_had_are_named() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY)",
            "CREATE TABLE \"t\" (id NUMBER(10) PRIMARY KEY, slim VARCHAR2(4000), wide VARCHAR2(4001))",
            "CREATE TABLE a_name_of_more_than_thirty_bytes (id NUMBER(10) PRIMARY KEY)",
        ],
    );
    let tables = ["T", "t", "A_NAME_OF_MORE_THAN_THIRTY_BYTES", "GONE"];
    let mut job = job(&server, "oracle_tables", &tables);
    let items = check(&job);
    for (name, wanted) in [
        ("userSelectObjectsCheck", "SHOP.GONE"),
        ("mappedNameCheck", "SHOP.T and SHOP.t as oracle_tables.t"),
        ("srcNameLengthCheck", "A_NAME_OF_MORE_THAN_THIRTY_BYTES"),
    ] {
        let (result, words) = item(&items, name);
        assert!(result == CheckResult::Failed && words.contains(wanted), "{name}: {words}");
    }
    let (result, words) = item(&items, "srcExtendedStringCheck");
    assert!(result == CheckResult::Alarm && words.contains(": SHOP.t.WIDE"), "{words}");
    // A wrong password is told once; nothing else can be known.
    job.source.password = "wrong".to_owned().into();
    let items = check(&job);
    let (result, words) = item(&items, "srcDbConnection");
    assert!(result == CheckResult::Failed && words.contains("ORA-01017"), "{words}");
    assert!(items.iter().all(|item| item.group != "objects"), "{items:?}");
}

#[test]
fn tables_of_the_target_are_looked_at() {
    let server = server();
    run(
        &connect(&server),
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY)",
            "CREATE TABLE u (id NUMBER(10) PRIMARY KEY)",
        ],
    );
    let (postgres, _) = gaussdb::shared();
    for statement in [
        "CREATE SCHEMA oracle_there AUTHORIZATION tailrace",
        "CREATE TABLE oracle_there.t (id bigint PRIMARY KEY)",
        "CREATE FUNCTION oracle_there.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER does_more BEFORE INSERT ON oracle_there.t FOR EACH ROW EXECUTE FUNCTION oracle_there.f()",
    ] {
        postgres.sql(statement).expect(statement);
    }
    let mut job = job(&server, "oracle_there", &["T", "U"]);
    let (result, words) = item(&check(&job), "dstDbObjectsCheck");
    assert!(result == CheckResult::Failed && words.contains("already: oracle_there.t "), "{words}");
    job.make_structure = false;
    let items = check(&job);
    let (result, words) = item(&items, "dstDbObjectsCheck");
    assert!(
        result == CheckResult::Failed && words.contains("these tables: oracle_there.u "),
        "{words}"
    );
    let (result, words) = item(&items, "dstTriggerCheck");
    assert!(result == CheckResult::Failed && words.contains("does_more"), "{words}");
    assert_eq!(item(&items, "dstForeignKeyCheck").0, CheckResult::Passed);
}
