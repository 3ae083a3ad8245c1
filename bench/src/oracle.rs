//! Oracle → GaussDB Distributed as a whole, between two stand-ins: what the program needs for each change from LogMiner's rows
//! to the target's commit. How fast LogMiner is, no stand-in can say: its rate here is the stand-in's.

mod compare;

use std::process::Stdio;

use anyhow::{Context as _, Result, anyhow};
use oracledb::{Config, Connection};
use tailrace_testkit::gaussdb::{FrontOptions, GaussFront};
use tailrace_testkit::oracle::{OracleOptions, OracleServer};
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer};

use crate::figures::{Figures, Run};
use crate::stage::Stage;
use crate::tailrace::{said, usage};

/// What is measured.
const SUBJECT: &str = "Oracle → GaussDB Distributed, mixed changes";
const PASSWORD: &str = "Geheim_123";
/// Rows that are updated; the stand-in looks at each of them to find one.
const ROWS: u64 = 300;
/// Changes of a transaction: four updates, three insertions, three deletions.
const TRANSACTION: u64 = 10;

/// Measures the program over `changes` changes a round.
///
/// # Errors
/// If a stand-in or the program fails.
pub(crate) fn measure(
    stage: &Stage,
    figures: &mut Figures,
    changes: u64,
    rounds: u32,
) -> Result<()> {
    figures.section("Oracle and GaussDB Distributed (stand-ins on both sides)");
    compare::measure(figures, changes * 4, rounds)?;
    if !figures.wants(SUBJECT) {
        return Ok(());
    }
    let oracle = OracleServer::start(OracleOptions::with_user("SHOP", PASSWORD))?;
    let postgres = PostgresServer::start(PostgresOptions::default())?;
    let front = GaussFront::start(&postgres, FrontOptions::with_user("tailrace", PASSWORD))?;
    let source = connect(&oracle)?;
    for statement in [
        "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
        "CREATE TABLE t (id NUMBER(18) PRIMARY KEY, who VARCHAR2(50), price NUMBER(12,2), made DATE)",
    ] {
        source.execute(statement, &[]).map_err(refused)?;
    }
    for id in 0..ROWS {
        insert(&source, id, 0)?;
    }
    source.commit().map_err(refused)?;
    let path = stage.dir.path().join("oracle.toml");
    let file = format!(
        "name = \"bench-oracle\"\n[source]\nengine = \"oracle\"\nhost = \"127.0.0.1\"\nport = {}\nservice = \"standin\"\n\
         user = \"shop\"\npassword = \"{PASSWORD}\"\n[target]\nhost = \"127.0.0.1\"\nport = {}\ndatabase = \"postgres\"\n\
         user = \"tailrace\"\npassword = \"{PASSWORD}\"\n[objects]\nSHOP = [\"T\"]\n",
        oracle.port(),
        front.port()
    );
    std::fs::write(&path, file)?;
    let run = || {
        let mut command = stage.tailrace();
        command.arg("run").arg(&path).args(["--no-precheck", "--until-caught-up"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        usage(&said(command.output().context("tailrace run")?)?)
    };
    // The rows that are there, and what a run without changes takes.
    run()?;
    let (_, idle, _) = run()?;
    for round in 1..=rounds {
        println!("-- round {round} of {rounds}: {changes} changes are made first");
        for number in 0..changes / TRANSACTION {
            transaction(&source, u64::from(round), number)?;
        }
        let (seconds, cpu, peak_mib) = run()?;
        figures.add(SUBJECT, Run::whole(changes, seconds, Some(cpu - idle), Some(peak_mib)));
    }
    Ok(())
}

fn connect(oracle: &OracleServer) -> Result<Connection> {
    let config = Config::default()
        .set_credentials("shop", PASSWORD)
        .set_connect_string(&format!("127.0.0.1:{}/standin", oracle.port()))
        .map_err(refused)?;
    oracledb::connect(config).map_err(refused)
}

fn insert(source: &Connection, id: u64, version: u64) -> Result<()> {
    let sql = "INSERT INTO t VALUES (:1, :2, :3 / 100, DATE '2026-11-30')";
    let (id, who) = (i64::try_from(id)?, format!("customer {version:020} of no {id}"));
    source.execute(sql, &[&id, &who, &(id * 37 % 99_999)]).map_err(refused)?;
    Ok(())
}

fn transaction(source: &Connection, round: u64, number: u64) -> Result<()> {
    for change in 0..4 {
        let id = i64::try_from((number * 7 + change) % ROWS)?;
        let who = format!("customer {number:020} of round {round}");
        let sql = "UPDATE t SET who = :1, price = :2 / 100 WHERE id = :3";
        source.execute(sql, &[&who, &(id * 41 % 99_999), &id]).map_err(refused)?;
    }
    let first = 1_000_000 + number * 3;
    for id in first..first + 3 {
        insert(source, id, number)?;
    }
    for id in first..first + 3 {
        source.execute("DELETE FROM t WHERE id = :1", &[&i64::try_from(id)?]).map_err(refused)?;
    }
    source.commit().map_err(refused)?;
    Ok(())
}

fn refused(error: oracledb::Error) -> anyhow::Error {
    anyhow!("the stand-in for Oracle: {error}")
}
