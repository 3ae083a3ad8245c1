//! Oracle → GaussDB Distributed by the official SDK, under writers of python-oracledb. Both servers are stand-ins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_testkit::workload::seed;
use tailrace_testkit::{env, wait};

use super::oracle_scene::{BOTH, Scene, load};
use super::served::PATIENCE;
use super::setting;
use super::volume::{PEAK_RSS_KB_MAX, peak_rss_kb};

fn run() -> Result<()> {
    let seed = seed();
    let mut scene = Scene::set_up()?;
    scene.load(&["prepare"])?;
    scene.make("oracle-proof")?;
    let port = scene.oracle.port();
    let written = seed.to_string();
    let writers = thread::spawn(move || load(port, &["write", &written, "4000"]));
    scene.drive(&["start", "@", "--", "wait", "@", "INCRE_TRANSFER_STARTED"])?;
    // At pauses that come whenever they do, whole transactions are there and nothing else.
    let mut last = 0;
    for _ in 0..3 {
        wait::until("some way", PATIENCE, || {
            let applied = scene.applied()?;
            Ok((applied > last + 300 || writers.is_finished()).then_some(()))
        })?;
        scene.drive(&["pause", "@", "--", "wait", "@", "PAUSING"])?;
        last = scene.applied()?;
        scene.judge(&last.to_string()).with_context(|| format!("TAILRACE_SEED={seed}"))?;
        scene.drive(&["resume", "@", "--", "wait", "@", "INCRE_TRANSFER_STARTED"])?;
    }
    // While both sides change, and by the product itself.
    let compared = scene.drive(&["compare", "@", "SHOP"])?;
    ensure!(compared == EQUAL, "{compared} (TAILRACE_SEED={seed})");
    writers.join().expect("the writers")?;
    scene.catch_up()?;
    scene.judge("now").with_context(|| format!("TAILRACE_SEED={seed}"))?;
    scene
        .postgres
        .sql("DELETE FROM sales.orders2 WHERE id = (SELECT min(id) FROM sales.orders2)")?;
    let compared = scene.drive(&["compare", "@", "SHOP"])?;
    ensure!(compared == r#"{"NOTES": [true, 0], "ORDERS": [false, 1]}"#, "{compared}");
    let repaired = scene.drive(&["repair", "@", "SHOP"])?;
    ensure!(repaired == r#"["ORDERS", 1, 1, 0]"#, "{repaired}");
    scene.judge("now").with_context(|| format!("TAILRACE_SEED={seed}"))?;
    scene.end_and_delete()
}

/// What a comparison says of tables that are the same.
const EQUAL: &str = r#"{"NOTES": [true, 0], "ORDERS": [true, 0]}"#;

#[test]
fn the_target_is_the_source_at_every_pause() {
    let _alone = env::alone();
    if let Err(error) = run() {
        panic!("{error:#}");
    }
}

/// One of the tables first, and the other one while both are written to and the server is killed.
fn edited() -> Result<()> {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut scene = Scene::set_up()?;
    scene.load(&["prepare"])?;
    let first = r#"{"SHOP": {"name": "SALES", "tables": {"ORDERS": "ORDERS2"}}}"#;
    scene.make_of("oracle-edited", first)?;
    scene.drive(&["start", "@", "--", "wait", "@", "INCRE_TRANSFER_STARTED"])?;
    let over = Arc::new(AtomicBool::new(false));
    let writers = writers(scene.oracle.port(), seed, &over);
    scene.drive(&["edit", "@", BOTH])?;
    for number in 0..4 {
        let pause = Duration::from_millis(random.random_range(0..500));
        let begun = std::time::Instant::now();
        wait::until("the instant", PATIENCE, || Ok((begun.elapsed() >= pause).then_some(())))?;
        scene.served.kill()?;
        scene.served.launch().with_context(|| format!("after kill {number}"))?;
    }
    scene.served.ready()?;
    wait::until("the added table", PATIENCE, || {
        let met = "SELECT count(*) FROM tailrace.tables t JOIN tailrace.progress p ON p.job = t.job \
                   WHERE t.table_name = 'SHOP.NOTES' AND t.job NOT LIKE '%+'";
        Ok((scene.postgres.sql(met)?.trim() == "1").then_some(()))
    })?;
    over.store(true, Ordering::Relaxed);
    writers.join().expect("the writers")?;
    scene.catch_up()?;
    scene.judge("now").with_context(|| format!("TAILRACE_SEED={seed}"))?;
    scene.end_and_delete()
}

#[test]
fn a_table_that_is_added_meets_the_others() {
    let _alone = env::alone();
    if let Err(error) = edited() {
        panic!("{error:#}");
    }
}

/// What is larger than memory should hold is put aside, and applied in pieces of one target transaction.
fn huge() -> Result<()> {
    let rows = setting("TAILRACE_PROOF_TRANSACTION_ROWS", 1_000_000) / 4;
    let bytes = setting("TAILRACE_PROOF_ORACLE_ROW_BYTES", 186);
    // A megabyte a second, where there is much.
    let patience = PATIENCE.max(Duration::from_secs(rows * bytes / 1_000_000));
    let mut scene = Scene::set_up()?;
    scene.load(&["prepare"])?;
    scene.make("oracle-huge")?;
    scene.drive(&["start", "@", "--", "wait", "@", "INCRE_TRANSFER_STARTED"])?;
    let count = |scene: &Scene| -> Result<u64> {
        Ok(scene.postgres.sql("SELECT count(*) FROM sales.notes")?.trim().parse()?)
    };
    let before = count(&scene)?;
    scene.load(&["huge", &rows.to_string(), &bytes.to_string()])?;
    // Nothing of it, or all of it.
    wait::until("the transaction", patience, || {
        let now = count(&scene)?;
        ensure!(now == before || now == before + rows, "{now} rows, a part of the transaction");
        Ok((now > before).then_some(()))
    })?;
    let peak = peak_rss_kb(&scene.served)?;
    ensure!(peak <= PEAK_RSS_KB_MAX, "peak RSS was {peak} kB; {PEAK_RSS_KB_MAX} kB are allowed");
    println!("peak RSS {peak} kB, {rows} rows of {bytes} bytes");
    scene.end_and_delete()
}

#[test]
fn a_huge_transaction_takes_little_memory() {
    let _alone = env::alone();
    if let Err(error) = huge() {
        panic!("{error:#}");
    }
}

/// Writers that go on until they are told.
fn writers(port: u16, seed: u64, over: &Arc<AtomicBool>) -> JoinHandle<Result<()>> {
    let over = Arc::clone(over);
    thread::spawn(move || {
        for round in 0.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            load(port, &["write", &format!("{seed}/{round}"), "400"])?;
        }
        Ok(())
    })
}

/// `kill -9` of the server, of PostgreSQL, of the front before it and of the stand-in for Oracle, at random instants.
fn survive(name: &str, appliers: u32, kills: u64) -> Result<()> {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut scene = Scene::set_up()?;
    scene.load(&["prepare"])?;
    scene.make(name)?;
    scene.drive(&["set", "@", "parallel", &appliers.to_string()])?;
    let over = Arc::new(AtomicBool::new(false));
    let writers = writers(scene.oracle.port(), seed, &over);
    scene.drive(&["start", "@"])?;
    for number in 0..kills {
        let pause = Duration::from_millis(random.random_range(0..700));
        let begun = std::time::Instant::now();
        wait::until("the instant", PATIENCE, || Ok((begun.elapsed() >= pause).then_some(())))?;
        match random.random_range(0..10) {
            0..6 => {
                scene.served.kill()?;
                scene.served.launch().with_context(|| format!("after kill {number}"))?;
            }
            6 => {
                scene.postgres.kill()?;
                scene.postgres.restart()?;
            }
            7 | 8 => scene.front.kill_and_restart()?,
            _ => scene.oracle.kill_and_restart()?,
        }
    }
    scene.served.ready()?;
    over.store(true, Ordering::Relaxed);
    writers.join().expect("the writers")?;
    scene.drive(&["wait", "@", "INCRE_TRANSFER_STARTED"])?;
    scene.catch_up()?;
    scene.judge("now").with_context(|| format!("TAILRACE_SEED={seed}"))?;
    scene.drive(&["pause", "@", "--", "wait", "@", "PAUSING"])?;
    let position = scene.applied()?;
    ensure!(position > 0, "no position");
    scene.end_and_delete()
}

#[test]
fn everything_may_be_killed_at_any_instant() {
    let _alone = env::alone();
    if let Err(error) = survive("oracle-kills", 1, setting("TAILRACE_PROOF_KILLS", 100)) {
        panic!("{error:#}");
    }
}

#[test]
fn several_appliers_may_be_killed_at_any_instant() {
    let _alone = env::alone();
    if let Err(error) =
        survive("oracle-kills-parallel", 4, setting("TAILRACE_PROOF_KILLS", 100) / 2)
    {
        panic!("{error:#}");
    }
}
