//! Measures the built `tailrace` as its users run it, and beside it the floors: how fast the same bytes
//! can be had, or written, by programs that do nothing else. `bench/README.md` has the method and the
//! figures.

mod chart;
mod figures;
mod floors;
mod latency;
mod prepare;
mod rival;
mod stage;
mod startup;
mod tailrace;
mod usage;
mod watch;
mod workload;

use anyhow::Result;
use clap::Parser;

use crate::figures::Figures;
use crate::latency::Subject;
use crate::rival::Flavor;
use crate::stage::Stage;
use crate::tailrace::{Shape, Target};
use crate::workload::Workload;

/// Where Tailrace's messages go.
const TARGETS: [(&str, Target, Shape); 6] = [
    ("Tailrace → nothing", Target::Nothing, Shape::Drs),
    ("Tailrace, Debezium's messages → nothing", Target::Nothing, Shape::Debezium),
    ("Tailrace, exactly once", Target::ExactlyOnce, Shape::Drs),
    ("Tailrace, Debezium's messages, exactly once", Target::ExactlyOnce, Shape::Debezium),
    ("Tailrace, at least once", Target::AtLeastOnce, Shape::Drs),
    ("Tailrace, Debezium's messages, at least once", Target::AtLeastOnce, Shape::Debezium),
];

/// What to measure, and how much of it.
#[derive(Debug, Parser)]
struct Args {
    /// Transactions of one row each in the first log; the other logs grow with it.
    #[arg(long, default_value_t = 600_000)]
    transactions: u64,
    /// Rows of the table that is read whole.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Rows of the one large transaction, of about 200 bytes in the log.
    #[arg(long, default_value_t = 1_000_000)]
    transaction_rows: u64,
    /// Rounds; each measures everything once.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of the latency measurement.
    #[arg(long, default_value_t = 20)]
    latency_seconds: u64,
    /// Tables of the measurement of a start.
    #[arg(long, default_value_t = 100)]
    tables: u32,
    /// The sizes of the aims: 10 M rows, a transaction of 2 GB (10 M rows).
    #[arg(long)]
    full: bool,
    /// Small sizes, one round: to see that it works.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Only measurements whose section and name contain this (repeatable).
    #[arg(long)]
    only: Vec<String>,
    /// Every run as JSON into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
    /// A chart as SVG into this file.
    #[arg(long, value_name = "FILE")]
    chart: Option<std::path::PathBuf>,
    /// The program to measure.
    #[arg(long, default_value = "target/release/tailrace")]
    program: std::path::PathBuf,
}

impl Args {
    fn sized(mut self) -> Self {
        if self.full {
            (self.rows, self.transaction_rows) = (10_000_000, 10_000_000);
        }
        if self.quick {
            (self.transactions, self.rows, self.transaction_rows) = (20_000, 50_000, 50_000);
            (self.rounds, self.latency_seconds) = (1, 5);
        }
        self
    }
}

/// Section of a table that is read whole.
const WHOLE_TABLE: &str = "a table read whole";

/// What the README's chart compares.
const CHARTED: [&str; 5] = [
    "Tailrace, Debezium's messages, exactly once",
    "Debezium, exactly once",
    "Debezium, exactly once, tuned",
    "Debezium, at least once",
    "Debezium, at least once, tuned",
];

fn main() -> Result<()> {
    let args = Args::parse().sized();
    let mut stage = Stage::set(&args.program)?;
    let mut figures = Figures::new(args.only.clone());
    for (workload, _) in workload::ALL {
        stage.mysql.query(&workload.create())?;
    }
    let rivals: Vec<Flavor> = rival::FLAVORS
        .into_iter()
        .filter(|flavor| workload::ALL.iter().any(|(w, _)| figures.wants_of(w.title, flavor.name)))
        .collect();
    let single = workload::SINGLE;
    rival::prepare(&stage, &rivals, single.last)?;
    stage.mysql.query(&format!("TRUNCATE TABLE {}.{}", stage::DATABASE, single.table))?;
    for (workload, changes) in workload::ALL {
        figures.section(workload.title);
        if figures.wants_any() {
            // In the proportions of the whole, at least as many as one transaction makes.
            let changes = changes * args.transactions / 600_000;
            stream(&mut stage, &mut figures, workload, changes, args.rounds)?;
        }
    }
    figures.section(WHOLE_TABLE);
    if figures.wants_any() {
        println!("-- preparing {} rows", args.rows);
        prepare::table(&stage, "filled", args.rows)?;
        for round in 1..=args.rounds {
            println!("-- round {round} of {}", args.rounds);
            snapshot(&mut stage, &mut figures, args.rows)?;
        }
    }
    latencies(&mut stage, &mut figures, args.latency_seconds)?;
    starts(&mut stage, &mut figures, args.tables)?;
    figures.section("one transaction of many rows");
    if figures.wants("→ Kafka, exactly once") {
        let large = prepare::large_transaction(&stage, args.transaction_rows)?;
        let run = tailrace::stream(&mut stage, &large, Target::ExactlyOnce, Shape::Drs)?;
        figures.add("→ Kafka, exactly once", run);
    }
    print!("{}", figures.markdown());
    if let Some(path) = &args.chart {
        std::fs::write(path, figures.chart(&CHARTED))?;
    }
    args.json.as_deref().map_or(Ok(()), |path| figures.write_json(path))
}

fn stream(
    stage: &mut Stage,
    figures: &mut Figures,
    workload: &Workload,
    changes: u64,
    rounds: u32,
) -> Result<()> {
    println!("-- preparing {changes} changes: {}", workload.title);
    let log = prepare::log(stage, workload, changes)?;
    println!("-- the log has {:.0} MB", log.bytes as f64 / 1e6);
    for round in 1..=rounds {
        println!("-- round {round} of {rounds}");
        stream_round(stage, figures, &log)?;
    }
    Ok(())
}

fn stream_round(stage: &mut Stage, figures: &mut Figures, log: &prepare::Log) -> Result<()> {
    if figures.wants("floor: read of the log, raw") {
        figures.add("floor: read of the log, raw", floors::raw_dump(stage, log)?);
    }
    if figures.wants("floor: mysqlbinlog --raw") {
        figures.add("floor: mysqlbinlog --raw", floors::mysqlbinlog(stage, log)?);
    }
    for (name, target, shape) in TARGETS {
        if figures.wants(name) {
            figures.add(name, tailrace::stream(stage, log, target, shape)?);
        }
    }
    for flavor in rival::FLAVORS {
        if figures.wants(flavor.name) {
            figures.add(flavor.name, rival::stream(stage, log, flavor)?);
        }
    }
    for (name, transactional) in
        [("floor: librdkafka alone", false), ("floor: librdkafka alone, transactions", true)]
    {
        if figures.wants(name) {
            figures.add(name, floors::librdkafka(stage, log, transactional)?);
        }
    }
    Ok(())
}

fn starts(stage: &mut Stage, figures: &mut Figures, tables: u32) -> Result<()> {
    figures.section("starts");
    if figures.wants("Tailrace") {
        startup::first_message(stage, figures, tables)?;
        startup::after_kill(stage, figures)?;
    }
    for flavor in rival::FLAVORS {
        if figures.wants(flavor.name) {
            startup::rival_first_message(stage, figures, tables, flavor)?;
        }
    }
    Ok(())
}

fn latencies(stage: &mut Stage, figures: &mut Figures, seconds: u64) -> Result<()> {
    figures.section("latency");
    if figures.wants_any() {
        figures.say(latency::head());
    }
    let ours = TARGETS.iter().filter(|(_, target, _)| *target != Target::Nothing);
    let ours = ours.map(|(name, target, shape)| (*name, Subject::Tailrace(*target, *shape)));
    let theirs = rival::FLAVORS.iter().map(|flavor| (flavor.name, Subject::Debezium(*flavor)));
    for (name, subject) in ours.chain(theirs) {
        if figures.wants(name) {
            latency::measure(stage, figures, (name, subject), seconds)?;
        }
    }
    Ok(())
}

fn snapshot(stage: &mut Stage, figures: &mut Figures, rows: u64) -> Result<()> {
    if figures.wants("floor: SELECT") {
        figures.add("floor: SELECT of the table", floors::select(stage, rows)?);
    }
    for (name, target, shape) in TARGETS {
        if figures.wants(name) {
            figures.add(name, tailrace::snapshot(stage, rows, target, shape)?);
        }
    }
    for flavor in rival::FLAVORS {
        if figures.wants(flavor.name) {
            figures.add(flavor.name, rival::snapshot(stage, "filled", rows, flavor)?);
        }
    }
    Ok(())
}
