//! A comparison of contents, and beside it what reading the source by the driver alone takes.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use secrecy::SecretString;
use tailrace_codec::gaussdb::apply::Conflict;
use tailrace_pipeline::checkpoint::Checkpoint;
use tailrace_pipeline::compare::{CompareOutcome, CompareProgress, CompareRequest};
use tailrace_pipeline::job::{GaussEndpoint, Limits, OracleDatabase, OracleEndpoint, TaskType};
use tailrace_pipeline::observe::{JobObserver, Phase};
use tailrace_pipeline::oracle_gaussdb::{self, OracleJob, TableChoice};
use tailrace_pipeline::run::StopSignal;
use tailrace_testkit::gaussdb::{FrontOptions, GaussFront};
use tailrace_testkit::oracle::{OracleOptions, OracleServer};
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer};

use super::{PASSWORD, connect, insert, refused};
use crate::figures::{Figures, Run};

const SUBJECT: &str = "Oracle and GaussDB, a comparison of contents";
const FLOOR: &str = "Oracle, the same rows read by its driver alone";
/// As many rows as the driver alone is asked for at a time.
const FLOOR_FETCH_ROWS: u32 = 100;

/// Measures a comparison of a table of so many rows.
///
/// # Errors
/// If a stand-in fails, or the sides differ.
pub(super) fn measure(figures: &mut Figures, rows: u64, rounds: u32) -> Result<()> {
    if !figures.wants(SUBJECT) && !figures.wants(FLOOR) {
        return Ok(());
    }
    let oracle = OracleServer::start(OracleOptions::with_user("SHOP", PASSWORD))?;
    let postgres = PostgresServer::start(PostgresOptions::default())?;
    let front = GaussFront::start(&postgres, FrontOptions::with_user("tailrace", PASSWORD))?;
    let source = connect(&oracle)?;
    let table = "CREATE TABLE t (id NUMBER(18) PRIMARY KEY, who VARCHAR2(50), price NUMBER(12,2), made DATE)";
    source.execute(table, &[]).map_err(refused)?;
    println!("-- {rows} rows are made first");
    for id in 0..rows {
        insert(&source, id, 0)?;
    }
    source.commit().map_err(refused)?;
    let job = job(&oracle, &front);
    let observer: Arc<dyn JobObserver> = Arc::new(Nobody);
    oracle_gaussdb::run(&job, 1, &StopSignal::new(), &observer, &Arc::default())?;
    for round in 1..=rounds {
        println!("-- round {round} of {rounds}");
        let begun = Instant::now();
        let query =
            "SELECT id, who, price, TO_CHAR(made, 'SYYYY-MM-DD HH24:MI:SS') FROM t ORDER BY id";
        let statement = source.statement(query).map_err(refused)?;
        let statement = statement.fetch_array_size(FLOOR_FETCH_ROWS).build().map_err(refused)?;
        let mut read = 0;
        for row in statement.query(&[]).map_err(refused)? {
            row.map_err(refused)?;
            read += 1;
        }
        ensure!(read == rows, "{read} rows were read");
        let seconds = begun.elapsed().as_secs_f64();
        figures.add(FLOOR, Run::whole(rows, seconds, None, None));
        let (begun, mut told) = (Instant::now(), Vec::new());
        let request = CompareRequest::of_all(std::env::temp_dir());
        let progress = CompareProgress::default();
        oracle_gaussdb::compare::compare(
            &job,
            &request,
            &progress,
            &StopSignal::new(),
            &mut |one| {
                told.push(one);
            },
        )?;
        let seconds = begun.elapsed().as_secs_f64();
        ensure!(told[0].outcome == CompareOutcome::Consistent, "{told:?}");
        figures.add(SUBJECT, Run::whole(rows, seconds, None, None));
    }
    Ok(())
}

fn job(oracle: &OracleServer, front: &GaussFront) -> OracleJob {
    let host = || "127.0.0.1".to_owned();
    OracleJob {
        job_id: "bench-compare".to_owned(),
        task: TaskType::Full,
        source: OracleEndpoint {
            listeners: vec![(host(), oracle.port())],
            database: OracleDatabase::Service("standin".to_owned()),
            pluggable: None,
            user: "shop".to_owned(),
            password: SecretString::from(PASSWORD),
            tls: None,
        },
        target: GaussEndpoint {
            nodes: vec![(host(), front.port())],
            database: "postgres".to_owned(),
            user: "tailrace".to_owned(),
            password: SecretString::from(PASSWORD),
            tls: None,
        },
        tables: vec![TableChoice {
            owner: "SHOP".to_owned(),
            name: "T".to_owned(),
            schema: "bench".to_owned(),
            target: "t".to_owned(),
        }],
        rereads: Vec::new(),
        conflict: Conflict::Stop,
        make_structure: true,
        make_indexes: true,
        apply_definitions: true,
        limits: Limits::default(),
    }
}

struct Nobody;

impl JobObserver for Nobody {
    fn phase(&self, _phase: Phase) {}
    fn durable(&self, _checkpoint: &Checkpoint) {}
    fn table(&self, _database: &str, _table: &str, _rows: u64, _done: bool) {}
    fn ddl(&self, _position: &str, _statement: &str) {}
    fn log(&self, _level: tracing::Level, _message: &str) {}
}
