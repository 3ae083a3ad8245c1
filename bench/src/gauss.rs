//! The sink of GaussDB Distributed over its stand-in, a front over PostgreSQL 15 in this process, and beside it `psql` with the
//! same rows and the same statements straight into PostgreSQL.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tailrace_codec::gaussdb::apply::{ChangeKind, Changes, Conflict, Text};
use tailrace_pipeline::job::GaussEndpoint;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::sink::gaussdb::{ApplyTables, GaussSink};
use tailrace_testkit::gaussdb::{FrontOptions, GaussFront};
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer, USER};

use crate::figures::{Figures, Run};

/// Bytes of rows in one part of a copy.
const PART_BYTES: usize = 1 << 20;
/// Bytes of changes of which a batch of transactions is committed, as in the data path.
const BATCH_BYTES: usize = 4 << 20;
const PASSWORD: &str = "Geheim_123";
const COLUMNS: &str =
    "id bigint PRIMARY KEY, who varchar(50), price numeric(12,2), made timestamp(0)";

/// What is measured, each with its floor.
const SUBJECTS: [&str; 6] = [
    "copied rows: Tailrace's sink",
    "copied rows: floor: psql",
    "inserts: Tailrace's sink",
    "inserts: floor: psql, the same statements",
    "mixed changes: Tailrace's sink",
    "mixed changes: floor: psql, the same statements",
];

struct Scene {
    postgres: PostgresServer,
    front: GaussFront,
    folder: tempfile::TempDir,
}

/// A pseudorandom number (SplitMix64), the same for each run.
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) ^ z >> 31
}

/// The values of a row.
fn row(id: u64, version: u64) -> [String; 4] {
    let random = mixed(id ^ version << 40);
    let who = format!("customer {random:020} of no {}", random % 1000);
    let price = format!("{}.{:02}", random % 9_999_999, random % 100);
    [id.to_string(), who, price, "2026-11-30 12:34:56".to_owned()]
}

/// Measures the sink and its floors.
///
/// # Errors
/// If a server, `psql` or the sink fails.
pub(crate) fn measure(figures: &mut Figures, rows: u64, rounds: u32) -> Result<()> {
    figures.section("GaussDB Distributed (a stand-in over PostgreSQL 15)");
    if !figures.wants_any(SUBJECTS.into_iter()) {
        return Ok(());
    }
    let postgres = PostgresServer::start(PostgresOptions::default())?;
    let front = GaussFront::start(&postgres, FrontOptions::with_user("tailrace", PASSWORD))?;
    let scene = Scene { postgres, front, folder: tempfile::tempdir()? };
    println!("-- preparing {rows} rows and as many changes");
    let copied = scene.copied(rows)?;
    for round in 1..=rounds {
        println!("-- round {round} of {rounds}");
        if figures.wants(SUBJECTS[0]) {
            scene.table(0)?;
            figures.add(SUBJECTS[0], scene.copy(&copied, rows)?);
            scene.table(0)?;
            figures.add(SUBJECTS[1], scene.psql(&copied, rows)?);
        }
        for (at, there, change) in
            [(2, 0, insert as fn(u64, u64, &mut Changes) -> bool), (4, rows, any_change)]
        {
            if figures.wants(SUBJECTS[at]) {
                scene.table(there)?;
                figures.add(SUBJECTS[at], scene.apply(rows, there, change)?);
                // Once more for the statements, which are then the only work.
                scene.table(there)?;
                let script = scene.folder.path().join("statements.sql");
                scene.front.record(Some(&script))?;
                scene.apply(rows, there, change)?;
                scene.front.record(None)?;
                scene.table(there)?;
                figures.add(SUBJECTS[at + 1], scene.psql(&script, rows)?);
            }
        }
    }
    Ok(())
}

fn insert(number: u64, _: u64, into: &mut Changes) -> bool {
    let row = row(number, 0);
    into.push(ChangeKind::Insert, 0, std::iter::empty(), row.iter().map(|value| Text::Text(value)))
}

/// Two inserts, two updates and a deletion of five, over the rows that are there.
fn any_change(number: u64, there: u64, into: &mut Changes) -> bool {
    let kind = number % 5;
    // Each row is met once: what is done to it needs no memory here.
    let key = number / 5 * 5 % there + kind;
    match kind {
        0 | 1 => insert(there + number, there, into),
        2 | 3 => {
            let (before, after) = (row(key, 0), row(key, 1));
            let before = before.iter().map(|value| Text::Text(value));
            into.push(ChangeKind::Update, 0, before, after.iter().map(|value| Text::Text(value)))
        }
        _ => {
            let before = row(key, 0);
            let before = before.iter().map(|value| Text::Text(value));
            into.push(ChangeKind::Delete, 0, before, std::iter::empty())
        }
    }
}

impl Scene {
    /// Makes the table anew with so many rows.
    fn table(&self, rows: u64) -> Result<()> {
        self.postgres
            .sql("DROP SCHEMA IF EXISTS shop CASCADE; DROP SCHEMA IF EXISTS tailrace CASCADE")?;
        self.postgres.sql("CREATE SCHEMA shop AUTHORIZATION tailrace")?;
        self.postgres.sql(&format!("CREATE TABLE shop.t ({COLUMNS})"))?;
        self.postgres.sql("ALTER TABLE shop.t OWNER TO tailrace")?;
        if rows > 0 {
            let copied = self.folder.path().join("copied.sql");
            self.psql(&copied, rows)?;
        }
        self.postgres.sql("CHECKPOINT").map(drop)
    }

    fn endpoint(&self) -> GaussEndpoint {
        GaussEndpoint {
            nodes: vec![("127.0.0.1".to_owned(), self.front.port())],
            database: "postgres".to_owned(),
            user: "tailrace".to_owned(),
            password: PASSWORD.to_owned().into(),
            tls: None,
        }
    }

    /// The rows as a script of `psql`.
    fn copied(&self, rows: u64) -> Result<std::path::PathBuf> {
        let path = self.folder.path().join("copied.sql");
        let mut file = std::io::BufWriter::new(File::create(&path)?);
        file.write_all(b"COPY shop.t FROM STDIN;\n")?;
        for id in 0..rows {
            file.write_all(row(id, 0).join("\t").as_bytes())?;
            file.write_all(b"\n")?;
        }
        file.write_all(b"\\.\n")?;
        file.flush()?;
        Ok(path)
    }

    /// Copies the rows of a script by the sink.
    fn copy(&self, script: &Path, rows: u64) -> Result<Run> {
        let text = std::fs::read(script)?;
        let from = text.iter().position(|byte| *byte == b'\n').context("a line")? + 1;
        let data = text.get(from..text.len() - 3).context("rows")?;
        let (mut sink, _) = GaussSink::open(&self.endpoint(), "bench", 1, StopSignal::new())?;
        let table = sink.table("shop", "t")?;
        let (begun, cpu) = (Instant::now(), thread_cpu_seconds());
        sink.begin()?;
        sink.begin_copy(&table)?;
        for part in data.chunks(PART_BYTES) {
            sink.copy_rows(part)?;
        }
        let copied = sink.end_copy(&table)?;
        sink.commit("there")?;
        ensure!(copied == Ok(rows), "{copied:?} of {rows} rows were copied");
        Ok(run(rows, begun, cpu))
    }

    /// Applies changes by the sink, batch by batch.
    fn apply(
        &self,
        changes: u64,
        there: u64,
        change: fn(u64, u64, &mut Changes) -> bool,
    ) -> Result<Run> {
        let (mut sink, _) = GaussSink::open(&self.endpoint(), "bench", 1, StopSignal::new())?;
        let mut tables = ApplyTables::new();
        tables.insert(0, sink.table("shop", "t")?);
        let mut batch = Changes::new();
        let (mut number, mut seconds, mut used) = (0, 0.0, 0.0);
        while number < changes {
            batch.clear();
            while number < changes && batch.bytes() < BATCH_BYTES {
                ensure!(change(number, there, &mut batch), "no room");
                number += 1;
            }
            let (begun, cpu) = (Instant::now(), thread_cpu_seconds());
            sink.begin()?;
            sink.apply(&tables, &batch, Conflict::Overwrite)?;
            sink.commit("there")?;
            seconds += begun.elapsed().as_secs_f64();
            used += thread_cpu_seconds().zip(cpu).map_or(0.0, |(after, before)| after - before);
        }
        Ok(Run::whole(changes, seconds, Some(used), None))
    }

    /// Runs a script by `psql`.
    fn psql(&self, script: &Path, rows: u64) -> Result<Run> {
        let begun = Instant::now();
        let ended = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--host=127.0.0.1", "--set=ON_ERROR_STOP=1"])
            .args(["--output=/dev/null", "--dbname=postgres"])
            .arg(format!("--port={}", self.postgres.port()))
            .arg(format!("--username={USER}"))
            .arg("--file")
            .arg(script)
            .stdin(Stdio::null())
            .status()
            .context("starting psql")?;
        ensure!(ended.success(), "psql ended with {ended}");
        Ok(Run::whole(rows, begun.elapsed().as_secs_f64(), None, None))
    }
}

fn run(rows: u64, begun: Instant, cpu: Option<f64>) -> Run {
    let used = thread_cpu_seconds().zip(cpu).map(|(after, before)| after - before);
    Run::whole(rows, begun.elapsed().as_secs_f64(), used, None)
}

/// CPU time of this thread so far, seconds: the front of the stand-in has threads of its own.
fn thread_cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse::<f64>().ok().map(|nanos| nanos / 1e9)
}
