//! What is measured is written once, by MySQL itself.

use anyhow::{Context as _, Result};

use crate::stage::{DATABASE, Stage};
use crate::workload::{SYSBENCH, Workload};

/// Rows of one INSERT when a table is filled.
const ROWS_PER_INSERT: u64 = 2_000;

/// A part of the log.
pub(crate) struct Log {
    /// GTIDs executed before it.
    pub(crate) from: String,
    /// File and offset of its begin.
    pub(crate) file: String,
    pub(crate) offset: u64,
    /// Bytes.
    pub(crate) bytes: u64,
    /// Rows, or transactions of one row.
    pub(crate) changes: u64,
    /// The table that it changes.
    pub(crate) table: &'static str,
    /// A statement that changes it once more.
    pub(crate) last: &'static str,
}

/// Writes the log of a workload of about `changes`.
pub(crate) fn log(stage: &Stage, workload: &Workload, changes: u64) -> Result<Log> {
    let n = changes.div_ceil(workload.changes_each);
    let changes = n * workload.changes_each;
    measured(stage, (workload.table, workload.last), changes, || {
        stage.mysql.query(&workload.write(n)).map(drop)
    })
}

/// One transaction of many rows.
pub(crate) fn large_transaction(stage: &Stage, rows: u64) -> Result<Log> {
    create(stage, "large")?;
    let last = "INSERT INTO large (k, c, pad) VALUES (0, 'last', '')";
    measured(stage, ("large", last), rows, || {
        // Doubling a table is the fastest way to many rows; the last statement makes the log's one
        // transaction of all of them.
        table(stage, "seed", rows)?;
        stage
            .mysql
            .query(&format!("INSERT INTO {DATABASE}.large SELECT * FROM {DATABASE}.seed"))
            .map(drop)
    })
}

/// The table of sysbench.
fn create(stage: &Stage, table: &str) -> Result<()> {
    stage.mysql.query(&format!("CREATE TABLE {DATABASE}.{table} ({SYSBENCH})")).map(drop)
}

/// A table to be read whole.
pub(crate) fn table(stage: &Stage, table: &str, rows: u64) -> Result<()> {
    create(stage, table)?;
    for begin in (0..rows).step_by(200_000) {
        let end = (begin + 200_000).min(rows);
        let mut script = String::new();
        for from in (begin..end).step_by(usize::try_from(ROWS_PER_INSERT)?) {
            let count = ROWS_PER_INSERT.min(end - from);
            script.push_str(&format!(
                "INSERT INTO {DATABASE}.{table} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
                 SELECT /*+ SET_VAR(cte_max_recursion_depth = 10000) */ {from} + i, i, \
                 REPEAT(CHAR(97 + i % 26), 119), REPEAT('p', 59) FROM n;\n"
            ));
        }
        stage.mysql.query(&script)?;
    }
    Ok(())
}

fn end(stage: &Stage) -> Result<(String, u64)> {
    let rows = stage.mysql.query("SHOW BINARY LOG STATUS")?;
    let row = rows.first().context("the source writes no log")?;
    let (file, offset) = (row.first().context("no file")?, row.get(1).context("no offset")?);
    Ok((file.clone(), offset.parse()?))
}

/// What some work writes into the log.
pub(crate) fn measured(
    stage: &Stage,
    (table, last): (&'static str, &'static str),
    changes: u64,
    work: impl FnOnce() -> Result<()>,
) -> Result<Log> {
    // From the begin of a file, so that a reader has nothing to skip.
    stage.mysql.query("FLUSH BINARY LOGS")?;
    let gtids = stage.mysql.query("SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '')")?;
    let from = gtids.first().and_then(|row| row.first()).context("no GTIDs")?.replace("\\n", "");
    let (file, offset) = end(stage)?;
    work()?;
    let bytes = bytes_behind(stage, &file, offset)?;
    Ok(Log { from, file, offset, bytes, changes, table, last })
}

/// Bytes of the log behind a place.
fn bytes_behind(stage: &Stage, file: &str, offset: u64) -> Result<u64> {
    let mut bytes = 0;
    for row in stage.mysql.query("SHOW BINARY LOGS")? {
        let (Some(name), Some(size)) = (row.first(), row.get(1)) else { continue };
        if name.as_str() >= file {
            bytes += size.parse::<u64>()?;
        }
    }
    Ok(bytes - offset)
}
