//! What a full phase does to an application that works on the same source meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};

use crate::figures::Figures;
use crate::latency::{percentile, spread};
use crate::stage::{DATABASE, Stage};
use crate::tailrace::{self, Shape, Target};
use crate::watch::rest;

/// Connections of the application.
const CLIENTS: u32 = 4;
/// Transactions per second of each: an application that leaves its source room.
const RATE_EACH: u32 = 50;
/// Priority of those whose work would be another machine's in practice.
const LOWEST: i32 = 19;
/// Rows of its table.
const ROWS: u64 = 100_000;
/// Its table.
const TABLE: &str = "oltp";

/// What the application's transactions are measured beside.
struct Beside {
    name: &'static str,
    /// `None`: nothing.
    target: Option<Target>,
    /// Priority of broker and Tailrace.
    priority: Option<i32>,
}

const BESIDE: [Beside; 4] = [
    Beside { name: "alone", target: None, priority: None },
    Beside {
        name: "beside a full phase to nothing",
        target: Some(Target::Nothing),
        priority: None,
    },
    Beside {
        name: "beside a full phase to Kafka, broker and Tailrace at the lowest priority",
        target: Some(Target::ExactlyOnce),
        priority: Some(LOWEST),
    },
    Beside {
        name: "beside a full phase to Kafka",
        target: Some(Target::ExactlyOnce),
        priority: None,
    },
];

/// What it is measured beside, as the figures call it.
pub(crate) fn subjects() -> impl Iterator<Item = &'static str> {
    BESIDE.iter().map(|beside| beside.name)
}

/// Measures the application's transactions alone and while the large table is read whole again and again, in turn,
/// for some seconds each.
///
/// # Errors
/// Those of the source and of the runs.
pub(crate) fn measure(
    stage: &mut Stage,
    figures: &mut Figures,
    (rows, seconds, rounds): (u64, u64, u32),
) -> Result<()> {
    crate::prepare::table(stage, TABLE, ROWS)?;
    println!("-- once without being counted, for the broker");
    let warm_up = Instant::now();
    while warm_up.elapsed() < Duration::from_secs(2 * seconds) {
        tailrace::snapshot_unwatched(stage, (&["filled"], rows), Target::ExactlyOnce, Shape::Drs)?;
    }
    let mut took = BESIDE.map(|_| Vec::new());
    for round in 1..=rounds {
        println!("-- round {round} of {rounds}");
        for (beside, took) in BESIDE.iter().zip(&mut took) {
            if !figures.wants(beside.name) {
                continue;
            }
            stage.set_priority(beside.priority)?;
            took.push(during(stage, |stage| work(stage, beside, (rows, seconds)))?);
        }
    }
    stage.set_priority(None)?;
    let measured = BESIDE.iter().zip(took).filter(|(_, took)| !took.is_empty());
    for (beside, took) in measured {
        let mut each: Vec<f64> = took.iter().map(|round| percentile(round, 0.99)).collect();
        each.sort_by(f64::total_cmp);
        let all = took.concat();
        figures.say(format!("| {} | {} | {each:.1?} | {} |", beside.name, spread(&all), all.len()));
    }
    Ok(())
}

fn work(stage: &mut Stage, beside: &Beside, (rows, seconds): (u64, u64)) -> Result<()> {
    let Some(target) = beside.target else {
        rest(Duration::from_secs(seconds));
        return Ok(());
    };
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let rate = tailrace::snapshot_unwatched(stage, (&["filled"], rows), target, Shape::Drs)?;
        println!("-- {}: {:.0} rows per second", beside.name, rate);
    }
    Ok(())
}

/// Head of the table that [`measure`] gives the lines of.
pub(crate) fn head() -> String {
    format!(
        "Transactions of an application (a SELECT, an UPDATE and an INSERT; {CLIENTS} connections, {} a second together) in ms, of all rounds p50 / p99 / p99.9 / most:\n\n\
         | | a transaction | p99 of each round | transactions |\n|---|---|---|---|",
        CLIENTS * RATE_EACH
    )
}

/// How long the application's transactions took, in milliseconds, while something else was done.
fn during(stage: &mut Stage, work: impl FnOnce(&mut Stage) -> Result<()>) -> Result<Vec<f64>> {
    let (url, stop) = (stage.url(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (url, stop) = (&url, &stop);
                scope.spawn(move || transactions(url, client, stop))
            })
            .collect();
        let worked = work(stage);
        stop.store(true, Ordering::Relaxed);
        let mut took = Vec::new();
        for client in clients {
            took.extend(client.join().ok().context("a client panicked")??);
        }
        worked.map(|()| took)
    })
}

fn transactions(url: &str, client: u32, stop: &AtomicBool) -> Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut conn = Conn::new(Opts::from_url(url)?).await?;
        let mut pace = tokio::time::interval(Duration::from_secs(1) / RATE_EACH);
        let (mut took, mut n) = (Vec::new(), u64::from(client));
        while !stop.load(Ordering::Relaxed) {
            pace.tick().await;
            // Far from each other, and the same in every run.
            n = (n + 7_919) % ROWS + 1;
            let begun = Instant::now();
            conn.query_drop("BEGIN").await?;
            let _row: Option<String> = conn
                .query_first(format!("SELECT c FROM {DATABASE}.{TABLE} WHERE id = {n}"))
                .await?;
            conn.query_drop(format!("UPDATE {DATABASE}.{TABLE} SET k = k + 1 WHERE id = {n}"))
                .await?;
            conn.query_drop(format!(
                "INSERT INTO {DATABASE}.{TABLE} (k, c, pad) VALUES ({n}, 'new', ''); "
            ))
            .await?;
            conn.query_drop("COMMIT").await?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        conn.disconnect().await?;
        Ok(took)
    })
}
