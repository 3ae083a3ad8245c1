//! Measures the built `tailrace` as its users run it, and beside it the floors: how fast the same bytes
//! can be had, or written, by programs that do nothing else. `bench/README.md` has the method and the
//! figures.

mod api_load;
mod chart;
mod figures;
mod floors;
mod gauss;
mod interference;
mod latency;
mod many_jobs;
mod many_tables;
mod oracle;
mod prepare;
mod rival;
mod server;
mod stage;
mod startup;
mod tailrace;
mod usage;
mod watch;
mod workload;

use anyhow::Result;
use clap::Parser;

use crate::figures::{Figures, Run};
use crate::latency::Subject;
use crate::rival::{Flavor, Rivals};
use crate::stage::{DATABASE, Stage};
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
    /// Size of the logs: the first has half as many more transactions of one row each, and the others grow with it.
    #[arg(long, default_value_t = 600_000)]
    transactions: u64,
    /// Rows of the table that is read whole.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Rows of the one large transaction, of about 200 bytes in the log.
    #[arg(long, default_value_t = 1_000_000)]
    transaction_rows: u64,
    /// Rounds; each measures everything once.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of the latency measurement.
    #[arg(long, default_value_t = 20)]
    latency_seconds: u64,
    /// Seconds before the latency measurement that are not counted: the broker's JVM compiles its code. Measured on two
    /// cores, a commit takes 8 ms in the first 10 s, 5 ms in the third and 4 ms after 50 s.
    #[arg(long, default_value_t = 60)]
    warm_up_seconds: u64,
    /// Tables of the measurement of a start (repeatable).
    #[arg(long, default_values_t = [100, 10_000])]
    tables: Vec<u32>,
    /// Jobs of a server in which nothing happens.
    #[arg(long, default_value_t = 100)]
    idle_jobs: u32,
    /// Jobs of a server that run at once.
    #[arg(long, default_value_t = 20)]
    jobs: u32,
    /// The sizes of the aims: 10 M rows, a transaction of 2 GB (10 M rows).
    #[arg(long)]
    full: bool,
    /// Small sizes, one round, without the rival: some minutes, to see before a change is kept that nothing is slower.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Only measurements whose section and name contain this (repeatable).
    #[arg(long)]
    only: Vec<String>,
    /// Compares with the JSON of an earlier measurement.
    #[arg(long, value_name = "FILE")]
    against: Option<std::path::PathBuf>,
    /// Takes up the figures of an earlier JSON, so that a long measurement can be made in parts (repeatable).
    #[arg(long, value_name = "FILE")]
    with: Vec<std::path::PathBuf>,
    /// Every run as JSON into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
    /// A chart as SVG into this file.
    #[arg(long, value_name = "FILE")]
    chart: Option<std::path::PathBuf>,
    /// The program to measure; the last one counts.
    #[arg(long, default_value = "target/release/tailrace", overrides_with = "program")]
    program: std::path::PathBuf,
}

/// What the short form measures: without the rival, whose Java machine alone needs longer.
const QUICK: [&str; 7] = [
    "one row: Tailrace",
    "one row: floor: librdkafka",
    "1 000 inserted rows: Tailrace",
    "a table read whole: Tailrace",
    "latency: Tailrace, Debezium's messages, exactly once",
    "starts: Tailrace",
    "many jobs: Tailrace, idle",
];

impl Args {
    fn sized(mut self) -> Self {
        if self.full {
            (self.rows, self.transaction_rows) = (10_000_000, 10_000_000);
        }
        if self.quick {
            (self.transactions, self.rows, self.transaction_rows) = (100_000, 200_000, 200_000);
            (self.rounds, self.latency_seconds) = (1, 5);
            (self.tables, self.idle_jobs, self.jobs) = (vec![100], 5, 3);
            self.warm_up_seconds = 10;
            if self.only.is_empty() {
                self.only = QUICK.map(str::to_owned).to_vec();
            }
        }
        self
    }
}

const RAW_DUMP: &str = "floor: read of the log, raw";
const MYSQLBINLOG: &str = "floor: mysqlbinlog --raw";
const LIBRDKAFKA: [(&str, bool); 2] =
    [("floor: librdkafka alone", false), ("floor: librdkafka alone, transactions", true)];
const SELECT: &str = "floor: SELECT of the table";
const MYSQLDUMP: &str = "floor: mysqldump";

/// Everything that both a log and a table are read by.
fn subjects() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().map(|target| target.0).chain(rival::FLAVORS.iter().map(|flavor| flavor.name))
}

/// Section of a table that is read whole.
const WHOLE_TABLE: &str = "a table read whole";

/// Tables that are read side by side.
const EIGHT: [&str; 8] =
    ["eight0", "eight1", "eight2", "eight3", "eight4", "eight5", "eight6", "eight7"];

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
    for path in &args.with {
        figures.take_up(path)?;
    }
    let mut rivals = Rivals::default();
    let measured = measure(&args, &mut stage, &mut figures, &mut rivals);
    // What was measured before something failed is told all the same.
    print!("{}", figures.markdown());
    if let Some(path) = &args.against {
        print!("{}", figures.against(path)?);
    }
    if let Some(path) = &args.chart {
        std::fs::write(path, figures.chart(&CHARTED))?;
    }
    if let Some(path) = &args.json {
        figures.write_json(path)?;
    }
    measured.and_then(|()| rivals.stop())
}

fn measure(
    args: &Args,
    stage: &mut Stage,
    figures: &mut Figures,
    rivals: &mut Rivals,
) -> Result<()> {
    for (workload, _) in workload::ALL {
        stage.mysql.query(&workload.create())?;
    }
    let flavors: Vec<Flavor> = rival::FLAVORS
        .into_iter()
        .filter(|flavor| workload::ALL.iter().any(|(w, _)| figures.wants_of(w.title, flavor.name)))
        .collect();
    let single = workload::SINGLE;
    rival::prepare(stage, &flavors, single.last)?;
    stage.mysql.query(&format!("TRUNCATE TABLE {}.{}", DATABASE, single.table))?;
    for (workload, changes) in workload::ALL {
        figures.section(workload.title);
        if figures.wants_any(
            subjects().chain([RAW_DUMP, MYSQLBINLOG]).chain(LIBRDKAFKA.map(|floor| floor.0)),
        ) {
            // In the proportions of the whole, at least as many as one transaction makes.
            let changes = changes * args.transactions / 600_000;
            stream(stage, figures, rivals, (workload, changes), args.rounds)?;
        }
    }
    figures.section(WHOLE_TABLE);
    if figures.wants_any(subjects().chain([SELECT, MYSQLDUMP])) {
        println!("-- preparing {} rows", args.rows);
        prepare::table(stage, "filled", args.rows)?;
        for round in 1..=args.rounds {
            println!("-- round {round} of {}", args.rounds);
            floors_of_table(stage, figures, args.rows)?;
            snapshot(stage, figures, rivals, (&["filled"], args.rows))?;
        }
    }
    figures.section("eight tables read whole");
    if figures.wants_any(subjects()) {
        println!("-- preparing {} rows in eight tables", args.rows);
        for table in EIGHT {
            prepare::table(stage, table, args.rows / 8)?;
        }
        for round in 1..=args.rounds {
            println!("-- round {round} of {}", args.rounds);
            snapshot(stage, figures, rivals, (&EIGHT, args.rows / 8 * 8))?;
        }
    }
    // They would share the machine with what comes.
    rivals.stop()?;
    latencies(stage, figures, (args.warm_up_seconds, args.latency_seconds))?;
    starts(stage, figures, &args.tables)?;
    beside(stage, figures, args)?;
    figures.section("one transaction of many rows");
    if figures.wants("→ Kafka, exactly once") {
        let large = prepare::large_transaction(stage, args.transaction_rows)?;
        let run = tailrace::stream(stage, &large, Target::ExactlyOnce, Shape::Drs)?;
        figures.add("→ Kafka, exactly once", run);
    }
    figures.section("transactions of one row, over thousands of tables");
    if figures.wants_any(many_tables::SUBJECTS.iter().map(|subject| subject.0)) {
        let tables = args.tables.iter().copied().max().unwrap_or(1);
        let sizes = (tables, args.transactions / 3, args.rounds);
        many_tables::measure(stage, figures, sizes)?;
    }
    gauss::measure(figures, args.rows, args.rounds)?;
    oracle::measure(stage, figures, args.rows / 4, args.rounds)
}

/// Share of the cores' work that others may take in a run that counts.
const STOLEN_MAX: f64 = 0.05;
/// Runs of one figure and round until one counts.
const TRIES: u32 = 3;

/// A run in which others did not take too much of the machine; the last one if none is so.
fn steady(name: &str, mut run: impl FnMut() -> Result<Run>) -> Result<Run> {
    let mut last = run()?;
    for _ in 1..TRIES {
        match last.stolen {
            Some(stolen) if stolen > STOLEN_MAX => {
                println!("-- {name}: others took {:.0} % of the machine; again", stolen * 100.0);
                last = run()?;
            }
            _ => break,
        }
    }
    Ok(last)
}

fn stream(
    stage: &mut Stage,
    figures: &mut Figures,
    rivals: &mut Rivals,
    (workload, changes): (&Workload, u64),
    rounds: u32,
) -> Result<()> {
    println!("-- preparing {changes} changes: {}", workload.title);
    let log = prepare::log(stage, workload, changes)?;
    println!("-- the log has {:.0} MB", log.bytes as f64 / 1e6);
    if let Some((name, target, shape)) = TARGETS
        .into_iter()
        .find(|(name, target, _)| *target != Target::Nothing && figures.wants(name))
    {
        println!("-- {name}: once without being counted, for the broker");
        tailrace::stream(stage, &log, target, shape)?;
    }
    for round in 1..=rounds {
        println!("-- round {round} of {rounds}");
        stream_round(stage, figures, rivals, (&log, round))?;
    }
    Ok(())
}

/// What a round measures, in an order that turns around with every round: no run always has the same one before it.
fn in_turn<T>(mut all: Vec<T>, round: u32) -> Vec<T> {
    if round.is_multiple_of(2) {
        all.reverse();
    }
    all
}

fn stream_round(
    stage: &mut Stage,
    figures: &mut Figures,
    rivals: &mut Rivals,
    (log, round): (&prepare::Log, u32),
) -> Result<()> {
    if figures.wants(RAW_DUMP) {
        figures.add(RAW_DUMP, floors::raw_dump(stage, log)?);
    }
    if figures.wants(MYSQLBINLOG) {
        figures.add(MYSQLBINLOG, floors::mysqlbinlog(stage, log)?);
    }
    for (name, target, shape) in in_turn(TARGETS.to_vec(), round) {
        if figures.wants(name) {
            let run = steady(name, || tailrace::stream(stage, log, target, shape))?;
            figures.add(name, run);
        }
    }
    for flavor in in_turn(rival::FLAVORS.to_vec(), round) {
        if figures.wants(flavor.name) {
            let run = steady(flavor.name, || rivals.stream(stage, log, flavor))?;
            figures.add(flavor.name, run);
        }
    }
    for (name, transactional) in LIBRDKAFKA {
        if figures.wants(name) {
            let run = steady(name, || floors::librdkafka(stage, log, transactional))?;
            figures.add(name, run);
        }
    }
    Ok(())
}

/// What it does to others, and what others do to it.
fn beside(stage: &mut Stage, figures: &mut Figures, args: &Args) -> Result<()> {
    figures.section("an application beside a full phase");
    if figures.wants_any(interference::subjects()) {
        figures.say(interference::head());
        // The table may be there from before.
        stage.mysql.query(&format!("DROP TABLE IF EXISTS {DATABASE}.filled"))?;
        let rows = args.rows * 3;
        prepare::table(stage, "filled", rows)?;
        interference::measure(stage, figures, (rows, args.latency_seconds, args.rounds))?;
    }
    figures.section("many jobs");
    if figures.wants("Tailrace, idle") {
        many_jobs::one_idle(stage, figures)?;
        many_jobs::many_idle(stage, figures, args.idle_jobs)?;
    }
    if figures.wants(api_load::SUBJECT) {
        api_load::measure(stage, figures)?;
    }
    if figures.wants("Tailrace, together") {
        many_jobs::together(stage, figures, (args.jobs, args.transactions / 2))?;
    }
    Ok(())
}

fn starts(stage: &mut Stage, figures: &mut Figures, tables: &[u32]) -> Result<()> {
    figures.section("starts");
    if figures.wants("Tailrace") {
        for tables in tables {
            startup::first_message(stage, figures, *tables)?;
        }
        startup::after_kill(stage, figures)?;
    }
    // Of many tables the rival's start takes longer than all other measurements.
    let Some(tables) = tables.iter().min() else { return Ok(()) };
    for flavor in rival::FLAVORS {
        if figures.wants(flavor.name) {
            startup::rival_first_message(stage, figures, *tables, flavor)?;
        }
    }
    Ok(())
}

fn latencies(stage: &mut Stage, figures: &mut Figures, seconds: (u64, u64)) -> Result<()> {
    figures.section("latency");
    if figures.wants_any(subjects()) {
        figures.say(latency::head(seconds.0));
    }
    let ours = TARGETS.iter().filter(|(_, target, _)| *target != Target::Nothing);
    let ours = ours.map(|(name, target, shape)| (*name, Subject::Tailrace(*target, *shape)));
    let theirs = rival::FLAVORS.iter().map(|flavor| (flavor.name, Subject::Debezium(*flavor)));
    for (name, subject) in ours.chain(theirs) {
        let steady = format!("{name}, {} a second", latency::RATE);
        if figures.wants(&steady) {
            latency::measure(stage, figures, (name, subject), seconds)?;
        }
        let at_half = format!("{name}, at half of the maximum");
        if figures.wants(&at_half) {
            latency::measure_at_half(stage, figures, (name, subject), seconds)?;
        }
    }
    Ok(())
}

fn floors_of_table(stage: &mut Stage, figures: &mut Figures, rows: u64) -> Result<()> {
    if figures.wants(SELECT) {
        figures.add(SELECT, floors::select(stage, rows)?);
    }
    if figures.wants(MYSQLDUMP) {
        figures.add(MYSQLDUMP, floors::mysqldump(stage, rows)?);
    }
    Ok(())
}

fn snapshot(
    stage: &mut Stage,
    figures: &mut Figures,
    rivals: &mut Rivals,
    all: (&[&str], u64),
) -> Result<()> {
    for (name, target, shape) in TARGETS {
        if figures.wants(name) {
            let run = steady(name, || tailrace::snapshot(stage, all, target, shape))?;
            figures.add(name, run);
        }
    }
    for flavor in rival::FLAVORS {
        if figures.wants(flavor.name) {
            let run = steady(flavor.name, || rivals.snapshot(stage, all, flavor))?;
            figures.add(flavor.name, run);
        }
    }
    Ok(())
}
