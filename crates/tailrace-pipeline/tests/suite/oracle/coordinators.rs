//! Coordinators of the target that are lost while a job runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_pipeline::ErrorKind;
use tailrace_testkit::chaos::{ChaosProxy, Direction};

use super::random::{now, source, target, writer};
use super::{connect, job, run, server, start};
use crate::gaussdb;

/// Rows that are there to be copied: twenty-five pieces.
const ROWS: i64 = 500;
/// Coordinators that are lost, one behind the other.
const LOSSES: u64 = 14;

/// Bytes that a coordinator may still pass on before it is lost. Some losses fall into the copy, most into the increment, and
/// of those some between a commit and its answer.
fn bytes_left(random: &mut StdRng) -> (Direction, u64) {
    if random.random_bool(0.5) {
        (Direction::ToServer, random.random_range(200..30_000))
    } else {
        (Direction::ToClient, random.random_range(200..3_000))
    }
}

/// The job goes on by the coordinator that is left, whatever the lost one was at, and what it finds there is whole.
#[test]
fn a_job_goes_on_by_the_coordinator_that_is_left() {
    let seed: u64 = rand::random::<u32>().into();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (server, name) = (server(), "oracle_coordinators");
    let connection = connect(&server);
    run(
        &connection,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(30), n NUMBER(8))",
        ],
    );
    for id in 0..ROWS {
        let id = 1_000 + id;
        connection.execute("INSERT INTO t VALUES (:1, 'old', 0)", &[&id]).expect("a row");
    }
    run(&connection, &["COMMIT"]);
    let (_, front) = gaussdb::shared();
    let proxy = || ChaosProxy::start(&format!("127.0.0.1:{}", front.port())).expect("a proxy");
    let coordinators = [proxy(), proxy()];
    let mut job = job(&server, name, &["T"]);
    job.target.nodes =
        coordinators.iter().map(|proxy| ("127.0.0.1".to_owned(), proxy.port())).collect();
    let over = Arc::new(AtomicBool::new(false));
    let writer = writer(&server, seed, 0, Arc::clone(&over));
    for epoch in 1..=LOSSES {
        let lost = &coordinators[(epoch % 2) as usize];
        let left = &coordinators[1 - (epoch % 2) as usize];
        lost.pass();
        left.refuse();
        let (direction, bytes) = bytes_left(&mut random);
        let (before, context) = (lost.accepted(), format!("loss {epoch}, seed {seed}"));
        lost.cut_after(direction, bytes);
        let error = start(&job, epoch).ended().expect("an error");
        assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}, {context}");
        assert!(lost.accepted() > before, "{context}");
        let reached = target(name);
        if reached.is_copied {
            assert_eq!(reached.rows, source(&connection, reached.scn), "{context}");
        }
    }
    over.store(true, Ordering::Relaxed);
    writer.join().expect("the writer");
    // A last change that tells that all before it is there.
    run(&connection, &["INSERT INTO t VALUES (-1, 'the end', 0)", "COMMIT"]);
    coordinators[0].pass();
    let running = start(&job, LOSSES + 1);
    running.wait_for("the end", &format!("SELECT count(*) FROM {name}.t WHERE id = -1"), "1");
    assert!(running.stop().is_none(), "seed {seed}");
    assert_eq!(target(name).rows, source(&connection, now(&connection)), "seed {seed}");
}
