//! The source as it is at the end: every row of the selected tables as the texts that messages must
//! carry, read with a driver that is not the product's.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Row};

use super::message::{Format, Image, Shape};
use super::rendering::{Rendering, rendering, type_code};

/// The objects of a job.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// Database to its tables; `None` for all of them.
    pub databases: BTreeMap<String, Option<Vec<String>>>,
}

impl Selected {
    /// Whether a table is selected.
    pub fn includes(&self, database: &str, table: &str) -> bool {
        match self.databases.get(database) {
            None => false,
            Some(None) => true,
            Some(Some(tables)) => tables.iter().any(|t| t == table),
        }
    }
}

/// One table of the source.
#[derive(Debug)]
pub struct SourceTable {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// What `mysqlType`, `sqlType` and `pkNames` must say.
    pub shape: Shape,
    /// All rows.
    pub rows: Vec<Image>,
}

/// Reads all selected tables in one consistent view.
///
/// # Errors
/// The server's, and a column of a type that the checker does not know.
pub fn read(url: &str, selected: &Selected, format: Format) -> Result<Vec<SourceTable>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut conn = Conn::new(Opts::from_url(url)?).await?;
        conn.query_drop("SET time_zone = '+00:00', SESSION sql_mode = ''").await?;
        conn.query_drop("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        conn.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
        let mut tables = Vec::new();
        for database in selected.databases.keys() {
            let names: Vec<String> = conn
                .exec(
                    "SELECT TABLE_NAME FROM information_schema.TABLES \
                     WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME",
                    (database,),
                )
                .await?;
            for table in names.into_iter().filter(|t| selected.includes(database, t)) {
                let read = table_of(&mut conn, database, &table, format).await;
                tables.push(read.with_context(|| format!("{database}.{table}"))?);
            }
        }
        conn.disconnect().await?;
        Ok(tables)
    })
}

async fn table_of(
    conn: &mut Conn,
    database: &str,
    table: &str,
    format: Format,
) -> Result<SourceTable> {
    let columns: Vec<(String, String, String, Option<u32>)> = conn
        .exec(
            "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, DATETIME_PRECISION \
             FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? \
             ORDER BY ORDINAL_POSITION",
            (database, table),
        )
        .await?;
    let primary_key: Vec<String> = conn
        .exec(
            // Without a PRIMARY KEY the server takes the first unique index without NULLs for it, and
            // says so in COLUMN_KEY.
            "SELECT k.COLUMN_NAME FROM information_schema.STATISTICS k \
             WHERE k.TABLE_SCHEMA = ? AND k.TABLE_NAME = ? AND k.INDEX_NAME = \
             (SELECT i FROM (SELECT s.INDEX_NAME i, COUNT(*) n, SUM(c.COLUMN_KEY = 'PRI') p \
              FROM information_schema.STATISTICS s JOIN information_schema.COLUMNS c \
              ON c.TABLE_SCHEMA = s.TABLE_SCHEMA AND c.TABLE_NAME = s.TABLE_NAME \
              AND c.COLUMN_NAME = s.COLUMN_NAME \
              WHERE s.TABLE_SCHEMA = ? AND s.TABLE_NAME = ? AND s.NON_UNIQUE = 0 \
              AND s.SUB_PART IS NULL GROUP BY s.INDEX_NAME HAVING p = n) q \
              ORDER BY i = 'PRIMARY' DESC, i LIMIT 1) ORDER BY k.SEQ_IN_INDEX",
            (database, table, database, table),
        )
        .await?;
    let mut shape = Shape { columns: Vec::new(), primary_key };
    let mut renderings = Vec::new();
    for (name, data_type, column_type, fsp) in columns {
        let unknown = || anyhow!("column {name} has type {data_type}, which is not known");
        renderings
            .push(rendering(&name, &data_type, fsp.unwrap_or(0), format).ok_or_else(unknown)?);
        let code = type_code(&data_type).ok_or_else(unknown)?;
        let unsigned = if column_type.contains(" unsigned") { " unsigned" } else { "" };
        shape.columns.push((name, format!("{data_type}{unsigned}"), code));
    }
    let rows = rows_of(conn, database, table, &shape, &renderings).await?;
    Ok(SourceTable { database: database.into(), table: table.into(), shape, rows })
}

async fn rows_of(
    conn: &mut Conn,
    database: &str,
    table: &str,
    shape: &Shape,
    renderings: &[Rendering],
) -> Result<Vec<Image>> {
    let names: Arc<[Box<str>]> = shape.columns.iter().map(|(n, _, _)| n.as_str().into()).collect();
    let expressions: Vec<&str> = renderings.iter().map(|r| r.expression.as_str()).collect();
    let sql = format!("SELECT {} FROM `{database}`.`{table}`", expressions.join(", "));
    let mut rows = Vec::new();
    let mut result = conn.exec_iter(sql, ()).await?;
    while let Some(row) = result.next().await? {
        rows.push(image_of(row, &names, renderings)?);
    }
    Ok(rows)
}

fn image_of(row: Row, names: &Arc<[Box<str>]>, renderings: &[Rendering]) -> Result<Image> {
    let mut values = Vec::with_capacity(names.len());
    for ((value, rendering), name) in row.unwrap().into_iter().zip(renderings).zip(names.iter()) {
        let text = rendering.rule.text(value).map_err(|e| anyhow!("column {name}: {e}"))?;
        values.push(text.map(String::into_boxed_str));
    }
    Ok(Image { columns: Arc::clone(names), values: values.into_boxed_slice() })
}
