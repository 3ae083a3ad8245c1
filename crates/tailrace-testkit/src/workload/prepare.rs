//! Databases, tables and first rows.

use anyhow::{Result, bail};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::catalog::{Place, TABLES, Table};
use super::keys::Keys;
use super::session::{Outcome, Session};
use super::{HOT_ROWS, Shared, ddl};

/// Rows of one `INSERT`.
const ROWS_PER_INSERT: u64 = 100;

/// Makes what has to be there, and returns what each writer finds.
pub(super) async fn prepare(shared: &Shared) -> Result<Vec<Keys>> {
    let mut session = Session::new(&shared.url, &[]);
    if !session.connected(shared).await {
        bail!("no connection");
    }
    let mut rng = StdRng::seed_from_u64(shared.plan.seed);
    for place in [Place::Whole, Place::Chosen, Place::Outside] {
        let database = shared.database(place);
        must(&mut session, &format!("DROP DATABASE IF EXISTS `{database}`")).await?;
        must(&mut session, &format!("CREATE DATABASE `{database}` CHARACTER SET utf8mb4")).await?;
    }
    let mut keys: Vec<Keys> = (0..shared.plan.writers).map(|_| Keys::default()).collect();
    for table in TABLES {
        must(&mut session, &table.create(&shared.database(table.place))).await?;
        fill(&mut session, shared, &mut rng, table, &mut keys).await?;
    }
    counters(&mut session, shared).await?;
    for sql in ddl::initial(shared) {
        must(&mut session, &sql).await?;
    }
    session.close().await;
    Ok(keys)
}

async fn must(session: &mut Session, sql: &str) -> Result<()> {
    match session.execute(sql).await {
        Outcome::Done => Ok(()),
        _ => bail!("{}", session.refusal),
    }
}

async fn fill(
    session: &mut Session,
    shared: &Shared,
    rng: &mut StdRng,
    table: &'static Table,
    keys: &mut [Keys],
) -> Result<()> {
    let rows = shared.plan.rows_initial;
    let mut number = 0;
    while number < rows {
        let mut values = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for number in number..rows.min(number + ROWS_PER_INSERT) {
            // An automatic number is given by hand here: the counter starts behind it.
            let key = table.key(rng, number + 1);
            let (columns, literals): (Vec<_>, Vec<_>) = table.values(rng).into_iter().unzip();
            names = table.key_columns().iter().copied().chain(columns).collect();
            let mut row = key.clone();
            row.extend(literals);
            row.push(shared.next_version().to_string());
            values.push(format!("({},0)", row.join(",")));
            let writer = usize::try_from(number).unwrap_or(0) % keys.len().max(1);
            if let Some(keys) = keys.get_mut(writer) {
                keys.found(table.name, key);
            }
        }
        let names: Vec<String> =
            names.iter().map(|c| format!("`{}`", c.replace('`', "``"))).collect();
        let sql = format!(
            "INSERT INTO {} ({},`version`,`txn`) VALUES {}",
            shared.table_name(table),
            names.join(","),
            values.join(",")
        );
        must(session, &sql).await?;
        number += ROWS_PER_INSERT;
    }
    Ok(())
}

/// The tables that all writers share.
async fn counters(session: &mut Session, shared: &Shared) -> Result<()> {
    let columns = "version BIGINT NOT NULL, txn BIGINT NOT NULL";
    let (hot, counter, ledger) =
        (shared.whole("hot"), shared.whole("commit_counter"), shared.whole("ledger"));
    let fence = shared.whole("fence");
    for table in [&hot, &counter, &fence] {
        must(session, &format!("CREATE TABLE {table} (id INT PRIMARY KEY, {columns})")).await?;
    }
    must(session, &format!("CREATE TABLE {ledger} (commit_seq BIGINT PRIMARY KEY, {columns})"))
        .await?;
    must(session, &format!("INSERT INTO {counter} VALUES (1, 0, 0)")).await?;
    must(session, &format!("INSERT INTO {fence} VALUES (0, 0, 0)")).await?;
    for id in 1..=HOT_ROWS {
        must(session, &format!("INSERT INTO {hot} VALUES ({id}, 0, 0)")).await?;
    }
    Ok(())
}
