//! What a full phase does to an application that works on the same source meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};

use crate::figures::Figures;
use crate::latency::spread;
use crate::stage::{DATABASE, Stage};
use crate::tailrace::{self, Shape, Target};

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

/// Measures the application's transactions alone for some seconds, then while the large table is read whole again and
/// again.
///
/// # Errors
/// Those of the source and of the runs.
pub(crate) fn measure(
    stage: &mut Stage,
    figures: &mut Figures,
    (rows, seconds): (u64, u64),
) -> Result<()> {
    crate::prepare::table(stage, TABLE, ROWS)?;
    let alone = during(stage, |_| {
        std::thread::park_timeout(Duration::from_secs(seconds));
        Ok(())
    })?;
    figures.say(format!("| alone | {} | {} |", spread(&alone), alone.len()));
    for (name, target, priority) in [
        ("to nothing", Target::Nothing, None),
        ("to Kafka, broker and Tailrace at the lowest priority", Target::ExactlyOnce, Some(LOWEST)),
        ("to Kafka", Target::ExactlyOnce, None),
    ] {
        stage.set_priority(priority)?;
        let beside = during(stage, |stage| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(seconds) {
                let run = tailrace::snapshot(stage, (&["filled"], rows), target, Shape::Drs)?;
                println!("-- {name}: {:.0} rows per second", run.rate);
            }
            Ok(())
        })?;
        figures.say(format!(
            "| beside a full phase {name} | {} | {} |",
            spread(&beside),
            beside.len()
        ));
    }
    Ok(())
}

/// Head of the table that [`measure`] gives the lines of.
pub(crate) fn head() -> String {
    format!(
        "Transactions of an application (a SELECT, an UPDATE and an INSERT; {CLIENTS} connections, {} a second together) in ms, p50 / p99 / p99.9 / most:\n\n\
         | | a transaction | transactions |\n|---|---|---|",
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
