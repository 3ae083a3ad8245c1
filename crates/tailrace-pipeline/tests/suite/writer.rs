//! Random changes of the rows of two tables, `item` and `side`, each with a key `id` and a number `v`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_testkit::sql::Login;

/// `ER_LOCK_DEADLOCK` and `ER_LOCK_WAIT_TIMEOUT` of MySQL's error reference: somebody changes the table's columns.
const PASSING: [u16; 2] = [1213, 1205];

/// Changes rows of both tables until it is told to stop; gives how many rows were changed.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    pub(crate) transactions: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<u64>,
}

impl Writer {
    /// Begins with tables that have rows with the ids from 1 up to this one.
    pub(crate) fn start(login: &Login, database: &str, rows: u64, seed: u64) -> Self {
        let (stop, transactions) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let options = OptsBuilder::default()
            .ip_or_hostname(login.host.clone())
            .tcp_port(login.port)
            .user(Some(login.user.clone()))
            .pass(Some(login.password.clone()))
            .db_name(Some(database.to_owned()));
        let (told, counted) = (Arc::clone(&stop), Arc::clone(&transactions));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let mut connection = Conn::new(options).await.expect("a connection");
                let mut random = StdRng::seed_from_u64(seed);
                let (mut changed, mut next) = (0, rows + 1);
                while !told.load(Ordering::Relaxed) {
                    changed += transaction(&mut connection, &mut random, &mut next).await;
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                connection.disconnect().await.expect("a clean end");
                changed
            })
        });
        Self { stop, transactions, thread }
    }

    /// Ends; gives how many rows were changed.
    pub(crate) fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer")
    }
}

/// One transaction of one to four statements; gives how many rows it changed. One that met the tool's locks is made anew.
async fn transaction(connection: &mut Conn, random: &mut StdRng, next: &mut u64) -> u64 {
    let statements: Vec<String> = (0..random.random_range(1..=4))
        .map(|_| {
            let table = if random.random_bool(0.8) { "item" } else { "side" };
            let (id, value) = (random.random_range(1..*next), random.random::<u16>());
            match random.random_range(0..10) {
                0..4 => {
                    *next += 1;
                    format!("INSERT INTO {table} (id, v) VALUES ({next}, {value})")
                }
                // Another value each time, so that the row changes.
                4..8 => format!("UPDATE {table} SET v = v + 1 + {value} % 7 WHERE id = {id}"),
                _ => format!("DELETE FROM {table} WHERE id = {id}"),
            }
        })
        .collect();
    let rolls_back = random.random_bool(0.1);
    loop {
        match attempt(connection, &statements, rolls_back).await {
            Ok(rows) => return rows,
            Err(mysql_async::Error::Server(e)) if PASSING.contains(&e.code) => {
                connection.query_drop("ROLLBACK").await.expect("rolled back");
            }
            Err(e) => panic!("{statements:?}: {e}"),
        }
    }
}

async fn attempt(
    connection: &mut Conn,
    statements: &[String],
    rolls_back: bool,
) -> mysql_async::Result<u64> {
    connection.query_drop("BEGIN").await?;
    let mut rows = 0;
    for statement in statements {
        connection.query_drop(statement.as_str()).await?;
        rows += connection.affected_rows();
    }
    connection.query_drop(if rolls_back { "ROLLBACK" } else { "COMMIT" }).await?;
    Ok(if rolls_back { 0 } else { rows })
}
