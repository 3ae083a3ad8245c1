//! A job of Oracle → GaussDB Distributed between two stand-ins, driven by the official SDK.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use tailrace_testkit::provision::python::ORACLE;
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer};
use tailrace_testkit::{python, wait};

use super::served::{PATIENCE, Served};
use super::standin_process::Standin;

pub(super) const PASSWORD: &str = "Geheim_123";
/// The account of the job; the tables are of another.
pub(super) const CAPTURE: &str = "CAPTURE";
/// Rows of the target in the form of `load.py rows`.
const TARGET_ROWS: &str = "SELECT 'orders|' || id || '|' || coalesce(who, '') || '|' || coalesce(regexp_replace(trim_scale(price)::text, '^(-?)0[.]', '\\1.'), '') || '|' \
     || coalesce(to_char(made, 'YYYY-MM-DD HH24:MI:SS'), '') || '|' || coalesce(to_char(seen, 'YYYY-MM-DD HH24:MI:SS.US'), '') \
     FROM sales.orders2 UNION ALL SELECT 'notes|' || id || '|' || text FROM sales.notes";

/// Both stand-ins, and the server under test.
pub(super) struct Scene {
    pub(super) oracle: Standin,
    pub(super) postgres: PostgresServer,
    pub(super) front: Standin,
    pub(super) served: Served,
    job: String,
}

impl Scene {
    pub(super) fn set_up() -> Result<Self> {
        let oracle = Standin::oracle()?;
        let postgres = PostgresServer::start(PostgresOptions::default())?;
        let front = Standin::front(&postgres)?;
        let served = Served::start()?;
        Ok(Self { oracle, postgres, front, served, job: String::new() })
    }

    /// Runs commands of `drive_oracle.py`, `@` being the job.
    pub(super) fn drive(&self, commands: &[&str]) -> Result<String> {
        let commands: Vec<&str> = commands
            .iter()
            .map(|c| if *c == "@" && !self.job.is_empty() { self.job.as_str() } else { c })
            .collect();
        let (source, target) = self.addresses();
        self.served.drive_with("drive_oracle.py", &ends(&source, &target), &commands)
    }

    /// Where source and target are, `host:port`.
    pub(super) fn addresses(&self) -> (String, String) {
        let address = |standin: &Standin| format!("127.0.0.1:{}", standin.port());
        (address(&self.oracle), address(&self.front))
    }

    /// Makes the job of both tables, up to but without its start.
    pub(super) fn make(&mut self, name: &str) -> Result<()> {
        self.make_of(name, BOTH)
    }

    /// Makes a job of these objects.
    pub(super) fn make_of(&mut self, name: &str, chosen: &str) -> Result<()> {
        let commands = [
            "create",
            name,
            "--",
            "connect",
            "@",
            "--",
            "policy",
            "@",
            "conflict_policy=stop",
            "--",
            "select",
            "@",
            chosen,
            "--",
            "precheck",
            "@",
        ];
        self.job = self.drive(&commands)?;
        let found = self.drive(&["objects", "@"])?;
        ensure!(found == r#"{"SHOP": ["NOTES", "ORDERS"]}"#, "{found}");
        Ok(())
    }

    /// Ends and deletes the job, as its user would: nothing of it is left at the target but the rows.
    pub(super) fn end_and_delete(&self) -> Result<()> {
        let commands =
            ["stop", "@", "--", "wait", "@", "RELEASE_RESOURCE_COMPLETE", "--", "delete", "@"];
        self.drive(&commands)?;
        let left = "SELECT count(*) FROM tailrace.progress FULL JOIN tailrace.tables USING (job) FULL JOIN tailrace.appliers USING (job)";
        let left = self.postgres.sql(left)?;
        ensure!(left.trim() == "0", "the job's records are still there: {left}");
        Ok(())
    }

    /// Runs a command of `load.py`.
    pub(super) fn load(&self, arguments: &[&str]) -> Result<String> {
        load(self.oracle.port(), arguments)
    }

    /// The SCN up to which the target is, by its progress row.
    pub(super) fn applied(&self) -> Result<u64> {
        let sql = "SELECT position FROM tailrace.progress";
        let position: serde_json::Value = serde_json::from_str(self.postgres.sql(sql)?.trim())?;
        let scn = position["committed_scn"].as_u64().context("an SCN")?;
        let waits = position["committed"].as_array().context("commits")?.is_empty();
        Ok(if waits { scn - 1 } else { scn })
    }

    /// Waits until all that the source has by now is read and applied.
    pub(super) fn catch_up(&self) -> Result<()> {
        let end: u64 = self.load(&["scn"])?.trim().parse()?;
        wait::until("the end of the load", PATIENCE, || {
            let parts = self.drive(&["components", "@"])?;
            let parts: serde_json::Value = serde_json::from_str(&parts)?;
            let read =
                parts["increment_components_list"][0]["current_point"].as_str().unwrap_or("0");
            Ok((read.parse::<u64>()? >= end).then_some(()))
        })
    }

    /// The target is the source as it was, row by row.
    pub(super) fn judge(&self, scn: &str) -> Result<()> {
        let source = self.load(&["rows", scn])?;
        let mut source: Vec<&str> = source.lines().collect();
        source.sort_unstable();
        let target = self.postgres.sql(TARGET_ROWS)?;
        let mut target: Vec<&str> = target.lines().collect();
        target.sort_unstable();
        if let Some((a, b)) = source.iter().zip(&target).find(|(a, b)| a != b) {
            anyhow::bail!("at SCN {scn}: the source has {a}, the target {b}");
        }
        ensure!(
            source.len() == target.len(),
            "{} and {} rows at SCN {scn}",
            source.len(),
            target.len()
        );
        Ok(())
    }
}

/// What tells a client of the ends of a job.
pub(super) fn ends<'a>(source: &'a str, target: &'a str) -> [(&'static str, &'a str); 8] {
    [
        ("TAILRACE_SOURCE", source),
        ("TAILRACE_SOURCE_USER", CAPTURE),
        ("TAILRACE_SOURCE_PASSWORD", PASSWORD),
        ("TAILRACE_SOURCE_DATABASE", "serviceName.standin"),
        ("TAILRACE_TARGET", target),
        ("TAILRACE_TARGET_USER", "tailrace"),
        ("TAILRACE_TARGET_PASSWORD", PASSWORD),
        ("TAILRACE_TARGET_DATABASE", "postgres"),
    ]
}

/// Both tables.
pub(super) const BOTH: &str =
    r#"{"SHOP": {"name": "SALES", "tables": {"ORDERS": "ORDERS2", "NOTES": "NOTES"}}}"#;

/// Runs a command of `load.py`.
pub(super) fn load(port: u16, arguments: &[&str]) -> Result<String> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/load.py");
    let address = format!("127.0.0.1:{port}/standin");
    let envs = [
        ("TAILRACE_ORACLE", address.as_str()),
        ("TAILRACE_ORACLE_USER", "shop"),
        ("TAILRACE_ORACLE_PASSWORD", PASSWORD),
    ];
    python::run_with(ORACLE, &script, arguments, &envs)
}
