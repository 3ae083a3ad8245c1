//! Volume: a table of very many rows and one very large transaction, made by the server itself.

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use super::Plan;

/// Rows that one statement of [`fill`] makes.
const ROWS_PER_STATEMENT: u64 = 100_000;

/// Makes the table `` `database`.`table` `` with the columns `id`, `version`, `txn`, `pad` and that many
/// rows, whose `pad` has `pad_bytes` bytes.
///
/// # Errors
/// The server's.
pub fn fill(url: &str, database: &str, table: &str, rows: u64, pad_bytes: usize) -> Result<()> {
    run(url, async |conn: &mut Conn| {
        conn.query_drop(format!("CREATE DATABASE IF NOT EXISTS `{database}`")).await?;
        conn.query_drop(format!(
            "CREATE TABLE `{database}`.`{table}` (id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, \
             txn BIGINT NOT NULL, pad VARCHAR(1000) CHARACTER SET latin1 NOT NULL)"
        ))
        .await?;
        let mut first = 1;
        while first <= rows {
            let last = rows.min(first + ROWS_PER_STATEMENT - 1);
            conn.query_drop(insert(database, table, first, last, pad_bytes)).await?;
            first = last + 1;
        }
        Ok(())
    })
}

/// Inserts the rows `first..=last` into a table that [`fill`] made, in one transaction.
///
/// # Errors
/// The server's.
pub fn one_transaction(
    url: &str,
    (database, table): (&str, &str),
    (first, last): (u64, u64),
    pad_bytes: usize,
) -> Result<()> {
    run(url, async |conn: &mut Conn| {
        conn.query_drop("BEGIN").await?;
        let mut from = first;
        while from <= last {
            let to = last.min(from + ROWS_PER_STATEMENT - 1);
            conn.query_drop(insert(database, table, from, to, pad_bytes)).await?;
            from = to + 1;
        }
        conn.query_drop("COMMIT").await?;
        Ok(())
    })
}

/// Inserts a row into the table `fence`, as the last thing that is written.
///
/// # Errors
/// The server's.
pub fn fence(url: &str, plan: &Plan, number: i64) -> Result<()> {
    let sql = format!(
        "INSERT INTO `{}`.`fence` VALUES ({number}, {number}, -1000 - {number})",
        plan.whole()
    );
    run(url, async |conn: &mut Conn| Ok(conn.query_drop(sql).await?))
}

fn insert(database: &str, table: &str, first: u64, last: u64, pad_bytes: usize) -> String {
    format!(
        "INSERT INTO `{database}`.`{table}` (id, version, txn, pad) \
         WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) \
         SELECT i, i, -1, RPAD(SHA2(i, 256), {pad_bytes}, SHA2(i + 1, 256)) FROM n"
    )
}

fn run(url: &str, work: impl AsyncFnOnce(&mut Conn) -> Result<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut conn = Conn::new(Opts::from_url(url)?).await?;
        conn.query_drop("SET SESSION cte_max_recursion_depth = 1000000").await?;
        work(&mut conn).await.context("bulk rows")?;
        conn.disconnect().await?;
        Ok(())
    })
}
