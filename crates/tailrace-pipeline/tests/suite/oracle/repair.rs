//! Rows that differ become what they are at the source, whether the job rests or runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::oracle_gaussdb::compare::{Repaired, RowKey, repair};
use tailrace_pipeline::oracle_gaussdb::{Conflict, OracleJob};
use tailrace_pipeline::run::StopSignal;

use super::compare::compared;
use super::{connect, job, run, server, start};
use crate::gaussdb;

/// Keys of the rows of the job's first table that differ.
fn differing(job: &OracleJob) -> Vec<RowKey> {
    let found = compared(job, false).swap_remove(0);
    found.differences.into_iter().map(|one| one.key).collect()
}

fn repaired(job: &OracleJob, keys: &[RowKey]) -> Vec<Repaired> {
    let mut all = Vec::new();
    repair(job, &job.tables[0], keys, &StopSignal::new(), &mut |number, outcome| {
        assert_eq!(number, all.len());
        all.push(outcome);
    })
    .expect("a repair");
    all
}

#[test]
fn each_kind_of_difference_is_repaired_and_what_cannot_be_is_told() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (area CHAR(4), id NUMBER(10,2), d DATE, ts TIMESTAMP(6), v VARCHAR2(9), c CLOB, \
             PRIMARY KEY (area, id, d, ts))",
        ],
    );
    for number in 0..250_i64 {
        source
            .execute(
                "INSERT INTO t VALUES (:1, TO_NUMBER(:2), DATE '2026-11-30', TIMESTAMP '2026-11-30 01:02:03.5', 'x', 'long text')",
                &[&["b", "it's"][(number % 2) as usize], &format!("{number}.5")],
            )
            .expect("a row");
    }
    run(&source, &["COMMIT"]);
    let job = job(&server, "oracle_repaired", &["T"]);
    let keys: Vec<RowKey> = Vec::new();
    let early = repair(&job, &job.tables[0], &keys, &StopSignal::new(), &mut |_, _| {});
    assert_eq!(early.expect_err("no record").kind(), ErrorKind::Configuration);
    let running = start(&job, 1);
    running.wait_for_increment();
    assert!(running.stop().is_none());
    let (postgres, _) = gaussdb::shared();
    let sql = |statement: &str| postgres.sql(statement).expect(statement);
    // More than one transaction's worth, of each kind.
    sql("DELETE FROM oracle_repaired.t WHERE id < 60");
    sql("UPDATE oracle_repaired.t SET v = NULL, c = 'another' WHERE id > 180");
    sql(
        "INSERT INTO oracle_repaired.t SELECT 'zz', n, now(), now() FROM generate_series(1, 5) AS n",
    );
    let keys = differing(&job);
    assert!(keys.len() > 130, "{}", keys.len());
    assert_eq!(repaired(&job, &keys), vec![Repaired::Done; keys.len()]);
    assert_eq!(repaired(&job, &keys), vec![Repaired::Equal; keys.len()]);
    assert_eq!(compared(&job, false)[0].outcome, CompareOutcome::Consistent);
    let whole = "SELECT count(*) FROM oracle_repaired.t WHERE c = 'long text' AND v = 'x'";
    assert_eq!(sql(whole).trim(), "250");

    // What one row's constraint refuses does not hinder the others.
    sql("DELETE FROM oracle_repaired.t WHERE id < 3");
    sql("ALTER TABLE oracle_repaired.t ADD CONSTRAINT odd CHECK (id <> 1.5)");
    let outcomes = repaired(&job, &differing(&job));
    assert_eq!(outcomes.len(), 3);
    let failed: Vec<&Repaired> = outcomes.iter().filter(|one| **one != Repaired::Done).collect();
    assert!(matches!(failed[..], [Repaired::Failed(why)] if why.contains("odd")), "{failed:?}");
}

#[test]
fn rows_are_repaired_while_everything_changes() {
    const ROWS: i64 = 300;
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
    for id in 0..ROWS {
        source.execute("INSERT INTO t VALUES (:1, 'begin')", &[&id]).expect("a row");
    }
    run(&source, &["COMMIT"]);
    let mut job = job(&server, "oracle_repaired_live", &["T"]);
    // What is damaged may be changed before it is repaired.
    job.conflict = Conflict::Overwrite;
    let running = start(&job, 1);
    running.wait_for_increment();
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (connection, over) = (connect(&server), Arc::clone(&over));
        let mut random = StdRng::seed_from_u64(seed);
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                for _ in 0..random.random_range(1..10) {
                    let (id, v) = (random.random_range(0..ROWS), random.random_range(0..99_i64));
                    let v = v.to_string();
                    connection
                        .execute("UPDATE t SET v = :1 WHERE id = :2", &[&v, &id])
                        .expect("an update");
                }
                connection.commit().expect("a commit");
            }
        })
    };
    let (postgres, _) = gaussdb::shared();
    for round in 0..5 {
        for statement in [
            format!("DELETE FROM oracle_repaired_live.t WHERE id % 10 = {round}"),
            format!(
                "UPDATE oracle_repaired_live.t SET v = 'damaged' WHERE id % 10 = {}",
                round + 5
            ),
            format!("INSERT INTO oracle_repaired_live.t VALUES (1000 + {round}, 'extra')"),
        ] {
            postgres.sql(&statement).expect(&statement);
        }
        let keys = differing(&job);
        let outcomes = repaired(&job, &keys);
        assert!(outcomes.iter().all(|one| !matches!(one, Repaired::Failed(_))), "{outcomes:?}");
        let found = compared(&job, false);
        assert_eq!(found[0].outcome, CompareOutcome::Consistent, "seed {seed}: {found:?}");
    }
    over.store(true, Ordering::Relaxed);
    writer.join().expect("a writer");
    assert!(running.stop().is_none());
}
