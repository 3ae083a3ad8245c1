//! Both sides are compared at one SCN: equal while everything changes, and each difference is found where one is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_pipeline::compare::{
    CompareOutcome, CompareProgress, CompareRequest, TableComparison,
};
use tailrace_pipeline::oracle_gaussdb::{OracleJob, compare};
use tailrace_pipeline::run::StopSignal;

use super::{connect, job, run, server, start};
use crate::gaussdb;

pub(super) fn compared(job: &OracleJob, objects_only: bool) -> Vec<TableComparison> {
    let request = CompareRequest { objects_only, ..CompareRequest::of_all(std::env::temp_dir()) };
    let mut all = Vec::new();
    let progress = CompareProgress::default();
    compare::compare(job, &request, &progress, &StopSignal::new(), &mut |one| all.push(one))
        .expect("a comparison");
    all
}

/// A sample finds what is not at the target, and what is there with other values, in about as many of the rows as it has.
#[test]
fn a_sample_is_looked_up_at_the_target() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (area CHAR(4), id NUMBER(10), v VARCHAR2(20), PRIMARY KEY (area, id))",
        ],
    );
    for number in 0..1000_i64 {
        let area = ["a", "b's"][(number % 2) as usize];
        source.execute("INSERT INTO t VALUES (:1, :2, 'v')", &[&area, &number]).expect("a row");
    }
    run(&source, &["COMMIT"]);
    let job = job(&server, "oracle_sampled", &["T"]);
    let running = start(&job, 1);
    running.wait_for_increment();
    assert!(running.stop().is_none());
    let sampled = |per_million: u32| {
        let all = CompareRequest::of_all(std::env::temp_dir());
        let request =
            CompareRequest { sample_per_million: Some(per_million), is_static: true, ..all };
        let mut found = Vec::new();
        let progress = CompareProgress::default();
        compare::compare(&job, &request, &progress, &StopSignal::new(), &mut |one| found.push(one))
            .expect("a comparison");
        assert_eq!(progress.tables.load(Ordering::Relaxed), 1);
        found.pop().expect("a table")
    };
    let part = sampled(100_000);
    assert_eq!(part.outcome, CompareOutcome::Consistent, "{part:?}");
    assert!(
        (30..300).contains(&part.source_rows) && part.target_rows == part.source_rows,
        "{part:?}"
    );
    assert!(part.notes[0].starts_with("a sample of 10 %"), "{part:?}");
    let (postgres, _) = gaussdb::shared();
    for statement in [
        "DELETE FROM oracle_sampled.t WHERE id < 3",
        "UPDATE oracle_sampled.t SET v = 'w' WHERE id IN (10, 11)",
        "INSERT INTO oracle_sampled.t VALUES ('own', 1, 'x')",
    ] {
        postgres.sql(statement).expect(statement);
    }
    let whole = sampled(1_000_000);
    assert_eq!(whole.outcome, CompareOutcome::Inconsistent);
    let counts =
        (whole.source_rows, whole.target_rows, whole.missing, whole.differing, whole.extra);
    assert_eq!(counts, (1000, 997, 3, 2, 0));
    let repairs =
        whole.differences.iter().filter_map(|one| one.statements.as_ref()?.repair.clone());
    for repair in repairs.collect::<Vec<_>>() {
        postgres.sql(&repair).expect("a repair");
    }
    assert_eq!(sampled(1_000_000).outcome, CompareOutcome::Consistent);
}

#[test]
fn what_differs_is_found_and_named() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (area VARCHAR2(10), id NUMBER(10,2), v CHAR(9), f BINARY_DOUBLE, d DATE, ts TIMESTAMP(6), \
             r RAW(9), c CLOB, PRIMARY KEY (area, id))",
            "CREATE TABLE keyless (v VARCHAR2(9))",
            "INSERT INTO keyless VALUES ('a')",
        ],
    );
    for number in 0..300_i64 {
        let (area, id) = (["b", "Ä", "a's"][(number % 3) as usize], format!("{}.5", 150 - number));
        source
            .execute(
                "INSERT INTO t VALUES (:1, TO_NUMBER(:2), 'x', 0.1, DATE '2026-11-30', TIMESTAMP '2026-11-30 01:02:03.5', \
                 HEXTORAW('0aff'), 'text')",
                &[&area, &id],
            )
            .expect("a row");
    }
    run(&source, &["COMMIT"]);
    let job = job(&server, "oracle_compared", &["T", "KEYLESS"]);
    let running = start(&job, 1);
    running.wait_for_increment();
    assert!(running.stop().is_none());
    for objects_only in [true, false] {
        let all = compared(&job, objects_only);
        assert_eq!(all.len(), 2);
        assert!(all.iter().all(|one| one.outcome == CompareOutcome::Consistent), "{all:?}");
        let rows = if objects_only { (0, 0) } else { (300, 300) };
        assert_eq!((all[0].source_rows, all[0].target_rows), rows);
        let says = |one: &TableComparison, words: &str| one.notes.iter().any(|n| n.contains(words));
        assert!(
            objects_only || says(&all[0], "C (zones") && says(&all[1], "only the rows are counted"),
            "{all:?}"
        );
    }
    // What nobody has changed at the source is changed at the target.
    let (postgres, _) = gaussdb::shared();
    for statement in [
        "DELETE FROM oracle_compared.t WHERE id = 150.5",
        "UPDATE oracle_compared.t SET v = 'y', f = 0.2 WHERE id = -100.5",
        "INSERT INTO oracle_compared.t (area, id) VALUES ('zz', 7)",
        "INSERT INTO oracle_compared.keyless VALUES ('b')",
    ] {
        postgres.sql(statement).expect(statement);
    }
    let all = compared(&job, false);
    let t = &all[0];
    assert_eq!(t.outcome, CompareOutcome::Inconsistent);
    assert_eq!((t.missing, t.extra, t.differing), (1, 1, 1), "{t:?}");
    let told: Vec<String> = t
        .differences
        .iter()
        .map(|d| format!("{} {} {:?}", d.kind.name(), d.key[1].1, d.columns))
        .collect();
    assert!(told.contains(&"missing 150.5 []".to_owned()), "{told:?}");
    assert!(told.contains(&"content -100.5 [\"v\", \"f\"]".to_owned()), "{told:?}");
    assert!(told.contains(&"extra 7 []".to_owned()), "{told:?}");
    assert_eq!((all[1].outcome, all[1].extra), (CompareOutcome::Inconsistent, 1));
    // What is said to repair the target does.
    for one in &t.differences {
        let repair =
            one.statements.as_ref().and_then(|one| one.repair.as_deref()).expect("a repair");
        postgres.sql(repair).expect(repair);
    }
    assert_eq!(compared(&job, false)[0].outcome, CompareOutcome::Consistent);
    // So many are listed, and all are counted.
    let many = "INSERT INTO oracle_compared.t (area, id) SELECT 'many', n FROM generate_series(1, 10050) n";
    postgres.sql(many).expect("many rows");
    let t = &compared(&job, false)[0];
    assert_eq!((t.extra, t.differences.len()), (10_050, 10_000));
    postgres.sql("DROP TABLE oracle_compared.keyless").expect("a drop");
    let all = compared(&job, true);
    assert_eq!(all[1].outcome, CompareOutcome::Impossible, "{all:?}");
}

#[test]
fn a_comparison_is_exact_while_everything_changes() {
    let seed: u64 = rand::random::<u32>().into();
    println!("seed {seed}");
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(30))",
        ],
    );
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (connection, over) = (connect(&server), Arc::clone(&over));
        let mut random = StdRng::seed_from_u64(seed);
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                for _ in 0..random.random_range(1..20) {
                    let (id, v) = (
                        random.random_range(0..2000_i64),
                        format!("{}", random.random_range(0..99)),
                    );
                    let sql = [
                        "INSERT INTO t VALUES (:1, :2)",
                        "DELETE FROM t WHERE id = :1 AND v <> :2",
                    ];
                    // A key that is there is refused, and nothing has happened.
                    connection.execute(sql[random.random_range(0..2)], &[&id, &v]).ok();
                }
                connection.commit().expect("a commit");
            }
        })
    };
    let job = job(&server, "oracle_compared_live", &["T"]);
    let running = start(&job, 1);
    running.wait_for_increment();
    for _ in 0..5 {
        let all = compared(&job, false);
        assert_eq!(all[0].outcome, CompareOutcome::Consistent, "seed {seed}: {all:?}");
    }
    over.store(true, Ordering::Relaxed);
    writer.join().expect("the writer");
    assert!(running.stop().is_none());
}
