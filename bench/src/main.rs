//! Measures the built `tailrace` as its users run it, and beside it the floors: how fast the same bytes
//! can be had, or written, by programs that do nothing else. `bench/README.md` has the method and the
//! figures.

mod figures;
mod floors;
mod latency;
mod prepare;
mod stage;
mod tailrace;

use anyhow::Result;
use clap::Parser;

use crate::figures::Figures;
use crate::stage::Stage;

/// What to measure, and how much of it.
#[derive(Debug, Parser)]
struct Args {
    /// Transactions of one row each in the prepared log.
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
    /// The sizes of the aims: 10 M rows, a transaction of 2 GB (10 M rows).
    #[arg(long)]
    full: bool,
    /// Small sizes, one round: to see that it works.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Only measurements whose name contains this.
    #[arg(long)]
    only: Option<String>,
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

fn main() -> Result<()> {
    let args = Args::parse().sized();
    let mut stage = Stage::set(&args.program)?;
    let mut figures = Figures::new(args.only.clone());
    println!("-- preparing {} transactions and {} rows", args.transactions, args.rows);
    let log = prepare::log(&stage, args.transactions)?;
    prepare::table(&stage, args.rows)?;
    println!("-- the log has {:.0} MB", log.bytes as f64 / 1e6);
    for round in 1..=args.rounds {
        println!("-- round {round} of {}", args.rounds);
        stream(&mut stage, &mut figures, &log)?;
        snapshot(&mut stage, &mut figures, args.rows)?;
    }
    if figures.wants("latency") {
        latency::measure(&mut stage, &mut figures, args.latency_seconds)?;
    }
    if figures.wants("large transaction") {
        let large = prepare::large_transaction(&stage, args.transaction_rows)?;
        let run = tailrace::stream(&mut stage, &large, tailrace::Target::ExactlyOnce)?;
        figures.add("large transaction → Kafka, exactly once", &large, &run);
    }
    print!("{}", figures.markdown());
    Ok(())
}

fn stream(stage: &mut Stage, figures: &mut Figures, log: &prepare::Log) -> Result<()> {
    use tailrace::Target;
    if figures.wants("floor: read of the log, raw") {
        figures.add("floor: read of the log, raw", log, &floors::raw_dump(stage, log)?);
    }
    if figures.wants("floor: mysqlbinlog --raw") {
        figures.add("floor: mysqlbinlog --raw", log, &floors::mysqlbinlog(stage, log)?);
    }
    for (name, target) in [
        ("stream → nothing", Target::Nothing),
        ("stream → Kafka, exactly once", Target::ExactlyOnce),
        ("stream → Kafka, at least once", Target::AtLeastOnce),
    ] {
        if figures.wants(name) {
            figures.add(name, log, &tailrace::stream(stage, log, target)?);
        }
    }
    for (name, transactional) in
        [("floor: librdkafka alone", false), ("floor: librdkafka alone, transactions", true)]
    {
        if figures.wants(name) {
            figures.add(name, log, &floors::librdkafka(stage, log, transactional)?);
        }
    }
    Ok(())
}

fn snapshot(stage: &mut Stage, figures: &mut Figures, rows: u64) -> Result<()> {
    use tailrace::Target;
    let whole = prepare::Log::of_rows(rows);
    if figures.wants("floor: SELECT") {
        figures.add("floor: SELECT of the table", &whole, &floors::select(stage)?);
    }
    for (name, target) in [
        ("snapshot → nothing", Target::Nothing),
        ("snapshot → Kafka, exactly once", Target::ExactlyOnce),
    ] {
        if figures.wants(name) {
            figures.add(name, &whole, &tailrace::snapshot(stage, target)?);
        }
    }
    Ok(())
}
