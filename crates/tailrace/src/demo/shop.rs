//! The shop: a schema, rows, and customers who keep it busy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tailrace_pipeline::job::MysqlEndpoint;
use tailrace_pipeline::{Session, TextRow};

/// Rows of one INSERT of the filling.
const ROWS_PER_INSERT: u64 = 500;
/// Pause between two transactions of the live writes: about 200 a second.
const TRANSACTION_PACE: Duration = Duration::from_millis(5);

/// Tables with their columns. Every table has a `version` that only grows.
const TABLES: [(&str, &str); 4] = [
    (
        "customers",
        "id INT UNSIGNED NOT NULL PRIMARY KEY, version INT NOT NULL, name VARCHAR(60) NOT NULL, \
         email VARCHAR(120) NULL, tier ENUM('bronze','silver','gold') NOT NULL, born DATE NULL",
    ),
    (
        "products",
        "sku CHAR(8) NOT NULL PRIMARY KEY, version INT NOT NULL, title VARCHAR(80) NOT NULL, \
         price DECIMAL(10,2) NOT NULL, stock INT NOT NULL, tags SET('new','sale','heavy') NOT NULL",
    ),
    (
        "orders",
        "id BIGINT NOT NULL PRIMARY KEY, version INT NOT NULL, customer INT UNSIGNED NOT NULL, \
         placed DATETIME NOT NULL, state VARCHAR(10) NOT NULL, note TEXT NULL",
    ),
    (
        "order_items",
        "order_id BIGINT NOT NULL, line SMALLINT NOT NULL, version INT NOT NULL, sku CHAR(8) NOT NULL, \
         quantity INT NOT NULL, price DECIMAL(10,2) NOT NULL, PRIMARY KEY (order_id, line)",
    ),
];

/// How large the shop is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) customers: u64,
    pub(crate) products: u64,
    pub(crate) orders: u64,
}

impl Size {
    /// A shop with about so many rows in all.
    pub(crate) fn of(rows: u64) -> Self {
        Self { customers: rows / 10, products: (rows / 50).max(10), orders: rows / 4 }
    }
}

/// What was written while the job was running.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) transactions: AtomicU64,
    pub(crate) changes: AtomicU64,
}

/// Names of the tables.
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(name, _)| *name)
}

/// Makes the database and fills it; gives the number of rows.
pub(crate) fn open(session: &mut Session, database: &str, size: Size) -> anyhow::Result<u64> {
    session.execute(&format!("CREATE DATABASE `{database}`"))?;
    for (table, columns) in TABLES {
        session.execute(&format!("CREATE TABLE `{database}`.{table} ({columns})"))?;
    }
    let mut rows = 0;
    let mut fill = |table: &str, count: u64, row: &dyn Fn(u64) -> String| -> anyhow::Result<()> {
        for begin in (0..count).step_by(usize::try_from(ROWS_PER_INSERT)?) {
            let end = (begin + ROWS_PER_INSERT).min(count);
            let values: Vec<String> = (begin..end).map(row).collect();
            let sql = format!("INSERT INTO `{database}`.{table} VALUES {}", values.join(","));
            session.execute(&sql).with_context(|| format!("filling {table}"))?;
        }
        rows += count;
        Ok(())
    };
    fill("customers", size.customers, &customer)?;
    fill("products", size.products, &product)?;
    fill("orders", size.orders, &|id| order(id, size))?;
    fill("order_items", size.orders * 2, &|n| item(n / 2, n % 2, size))?;
    Ok(rows)
}

fn customer(id: u64) -> String {
    let tier = ["bronze", "silver", "gold"][usize::try_from(id % 3).unwrap_or(0)];
    let email = if id.is_multiple_of(7) { "NULL".into() } else { format!("'c{id}@example.com'") };
    format!(
        "({id},0,'Customer {id} <Smith & Søn>',{email},'{tier}','19{:02}-0{}-1{}')",
        50 + id % 50,
        1 + id % 9,
        id % 10
    )
}

fn product(n: u64) -> String {
    let tags = ["", "new", "sale,heavy", "new,sale"][usize::try_from(n % 4).unwrap_or(0)];
    format!("('{}',0,'Product \"{n}\"',{}.{:02},1000,'{tags}')", sku(n), 1 + n % 900, n % 100)
}

fn sku(n: u64) -> String {
    format!("SKU{n:05}")
}

fn order(id: u64, size: Size) -> String {
    let customer = id % size.customers.max(1);
    format!(
        "({id},0,{customer},'2026-0{}-1{} 0{}:30:00','paid',NULL)",
        1 + id % 9,
        id % 10,
        id % 10
    )
}

fn item(order: u64, line: u64, size: Size) -> String {
    let product = (order * 7 + line) % size.products;
    format!(
        "({order},{line},0,'{}',{},{}.{:02})",
        sku(product),
        1 + order % 5,
        1 + product % 900,
        product % 100
    )
}

/// Customers keep buying until `stop` is set.
pub(crate) fn keep_busy(
    endpoint: &MysqlEndpoint,
    database: &str,
    size: Size,
    stop: &AtomicBool,
    written: &Written,
) -> anyhow::Result<()> {
    let mut session = Session::connect(endpoint)?;
    session.execute(&format!("USE `{database}`"))?;
    let mut next_order = size.orders;
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let changes = match rand::random_range(0..10) {
            0..5 => buy(&mut session, &mut next_order, size)?,
            5..7 => rename(&mut session, size)?,
            7..9 => ship(&mut session, next_order)?,
            _ => cancel(&mut session, next_order)?,
        };
        written.changes.fetch_add(changes, Ordering::Relaxed);
        written.transactions.fetch_add(1, Ordering::Relaxed);
        due += TRANSACTION_PACE;
        std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// Changes a table's structure, as somebody always does.
pub(crate) fn alter(endpoint: &MysqlEndpoint, database: &str) -> anyhow::Result<()> {
    let mut session = Session::connect(endpoint)?;
    let sql = format!(
        "ALTER TABLE `{database}`.customers ADD COLUMN points INT NOT NULL DEFAULT 0 AFTER name"
    );
    Ok(session.execute(&sql)?)
}

/// An order over several tables, in one transaction.
fn buy(session: &mut Session, next_order: &mut u64, size: Size) -> anyhow::Result<u64> {
    let id = *next_order;
    *next_order += 1;
    let customer = rand::random_range(0..size.customers.max(1));
    let product = sku(rand::random_range(0..size.products));
    let quantity = rand::random_range(1..5);
    session.execute("BEGIN")?;
    session.execute(&format!(
        "INSERT INTO orders VALUES ({id},0,{customer},UTC_TIMESTAMP(),'new','bought live')"
    ))?;
    session.execute(&format!(
        "INSERT INTO order_items VALUES ({id},0,0,'{product}',{quantity},9.99),({id},1,0,'{product}',1,0.50)"
    ))?;
    session.execute(&format!(
        "UPDATE products SET stock = stock - {quantity}, version = version + 1 WHERE sku = '{product}'"
    ))?;
    session.execute("COMMIT")?;
    Ok(4)
}

fn rename(session: &mut Session, size: Size) -> anyhow::Result<u64> {
    let id = rand::random_range(0..size.customers.max(1));
    session.execute(&format!(
        "UPDATE customers SET name = CONCAT('Renamed ', version), version = version + 1 WHERE id = {id}"
    ))?;
    Ok(1)
}

fn ship(session: &mut Session, orders: u64) -> anyhow::Result<u64> {
    let id = rand::random_range(0..orders.max(1));
    session.execute(&format!(
        "UPDATE orders SET state = 'shipped', version = version + 1 WHERE id = {id}"
    ))?;
    Ok(1)
}

fn cancel(session: &mut Session, orders: u64) -> anyhow::Result<u64> {
    let id = rand::random_range(0..orders.max(1));
    session.execute("BEGIN")?;
    session.execute(&format!("DELETE FROM order_items WHERE order_id = {id}"))?;
    session.execute(&format!("DELETE FROM orders WHERE id = {id}"))?;
    session.execute("COMMIT")?;
    Ok(3)
}

/// Columns and rows of a table as they are now.
pub(crate) fn rows(
    session: &mut Session,
    database: &str,
    table: &str,
) -> anyhow::Result<(Vec<String>, Vec<TextRow>)> {
    let columns = session.rows(&format!(
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{database}' \
         AND TABLE_NAME = '{table}' ORDER BY ORDINAL_POSITION"
    ))?;
    let columns = columns.into_iter().filter_map(|mut row| row.pop().flatten()).collect();
    Ok((columns, session.rows(&format!("SELECT * FROM `{database}`.{table}"))?))
}
