//! A seeded random write load on a real MySQL, whose end state and order can be checked from outside.
//!
//! Every row has a `version` that grows with each write of its key (each writer has keys of its own,
//! and versions come from one counter), and a `txn`, the number of the transaction that wrote it.
//! Some transactions insert a `commit_seq` into the table `ledger`, in commit order.
//! What it writes: `catalog` (keys and types) and `ddl` (changing structures).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::checker::{Selected, Statement};

mod bulk;
mod catalog;
mod ddl;
mod keys;
mod literals;
mod prepare;
mod session;
#[cfg(test)]
mod tests;
mod writer;

pub use bulk::{fence, fill, one_transaction};

/// Rows of the table that all writers change.
const HOT_ROWS: u64 = 5;

/// The environment variable that repeats a random test.
pub const SEED: &str = "TAILRACE_SEED";

/// The seed of this run: that of the environment, else a random one. It is printed.
#[expect(clippy::print_stderr, reason = "the seed has to be in the test's output to repeat it")]
pub fn seed() -> u64 {
    let given = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    eprintln!("{SEED}={seed}");
    seed
}

/// How much is written, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All choices follow from it.
    pub seed: u64,
    /// Begin of the names of the databases.
    pub prefix: String,
    /// Concurrent writers.
    pub writers: usize,
    /// Rows in each table before the load begins.
    pub rows_initial: u64,
    /// Transactions of all writers together, after which they end by themselves.
    pub transactions_max: u64,
    /// Transactions of all writers together in a second.
    pub transactions_per_second_max: u32,
    /// Rows of a bigger transaction.
    pub big_transaction_rows: usize,
    /// Time between two DDL statements, once they are allowed; `None` for no DDL at all.
    pub ddl_pause: Option<Duration>,
    /// Some sessions log JSON updates as differences (`binlog_row_value_options`).
    pub partial_json: bool,
}

impl Plan {
    /// A plan for a test on two cores.
    pub fn new(seed: u64, prefix: &str) -> Self {
        Self {
            seed,
            prefix: prefix.to_owned(),
            writers: 4,
            rows_initial: 200,
            transactions_max: 1_000_000,
            transactions_per_second_max: 100,
            big_transaction_rows: 500,
            ddl_pause: Some(Duration::from_millis(400)),
            partial_json: true,
        }
    }

    /// The database that is selected as a whole.
    pub fn whole(&self) -> String {
        format!("{}_whole", self.prefix)
    }

    /// The database of which some tables are selected.
    pub fn chosen(&self) -> String {
        format!("{}_chosen", self.prefix)
    }

    /// The database that is not selected.
    pub fn outside(&self) -> String {
        format!("{}_outside", self.prefix)
    }

    /// The objects for the job under test.
    pub fn selected(&self) -> Selected {
        let tables = catalog::TABLES
            .iter()
            .filter(|t| t.place == catalog::Place::Chosen)
            .map(|t| t.name.to_owned())
            .chain([ddl::CHOSEN.to_owned()])
            .collect();
        Selected { databases: [(self.whole(), None), (self.chosen(), Some(tables))].into() }
    }
}

/// What the writers share.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    url: String,
    stop: AtomicBool,
    ddl_allowed: AtomicBool,
    turns: AtomicU64,
    version: AtomicI64,
    transaction: AtomicI64,
    committed: AtomicU64,
    lost: AtomicU64,
    refusals: Mutex<HashMap<String, u64>>,
    statements: Mutex<Vec<Statement>>,
}

impl Shared {
    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn take_turn(&self) -> bool {
        self.turns.fetch_add(1, Ordering::Relaxed) < self.plan.transactions_max
    }

    fn next_version(&self) -> i64 {
        self.version.fetch_add(1, Ordering::Relaxed)
    }

    fn next_transaction(&self) -> i64 {
        self.transaction.fetch_add(1, Ordering::Relaxed)
    }

    fn committed(&self) {
        self.committed.fetch_add(1, Ordering::Relaxed);
    }

    fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refusal by the server's error number.
    fn refused(&self, refusal: &str) {
        let kind = refusal.split_once(": ").map_or(refusal, |(kind, _)| kind).to_owned();
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(kind).or_default() += 1;
    }

    fn statement(&self, statement: Statement) {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).push(statement);
    }

    /// A table in the database that is selected as a whole.
    fn whole(&self, table: &str) -> String {
        format!("`{}`.`{table}`", self.plan.whole())
    }

    fn database(&self, place: catalog::Place) -> String {
        match place {
            catalog::Place::Whole => self.plan.whole(),
            catalog::Place::Chosen | catalog::Place::NotChosen => self.plan.chosen(),
            catalog::Place::Outside => self.plan.outside(),
        }
    }

    fn table_name(&self, table: &catalog::Table) -> String {
        format!("`{}`.`{}`", self.database(table.place), table.name)
    }
}

/// What a load did.
#[derive(Debug)]
pub struct Summary {
    /// Transactions committed.
    pub committed: u64,
    /// Transactions whose outcome nobody knows, since the connection was lost.
    pub lost: u64,
    /// What the server refused, by its error number: deadlocks, for example.
    pub refusals: HashMap<String, u64>,
    /// DDL statements on selected objects, in their order.
    pub statements: Vec<Statement>,
}

/// A load that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Workload {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Workload {
    /// Makes databases, tables and their first rows, and begins to write. `url` is
    /// `mysql://user:password@host:port`.
    ///
    /// # Errors
    /// The server does not take what has to be there before the load begins.
    pub fn start(url: &str, plan: Plan) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared {
            plan,
            url: url.to_owned(),
            stop: AtomicBool::new(false),
            ddl_allowed: AtomicBool::new(false),
            turns: AtomicU64::new(0),
            version: AtomicI64::new(1),
            transaction: AtomicI64::new(1),
            committed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            refusals: Mutex::default(),
            statements: Mutex::default(),
        });
        let keys = runtime.block_on(prepare::prepare(&shared)).context("tables of the load")?;
        let inside = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("workload".into())
            .spawn(move || runtime.block_on(run(&inside, keys)))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// From now on structures change too.
    pub fn allow_ddl(&self) {
        self.shared.ddl_allowed.store(true, Ordering::Relaxed);
    }

    /// Transactions committed so far.
    pub fn committed(&self) -> u64 {
        self.shared.committed.load(Ordering::Relaxed)
    }

    /// DDL statements on selected objects so far.
    pub fn statements(&self) -> usize {
        self.shared.statements.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Stops, waits until the last transaction has ended, and tells what was done.
    ///
    /// # Errors
    /// A writer failed.
    pub fn stop(mut self) -> Result<Summary> {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("the load panicked"))??;
        }
        let take = |mutex: &Mutex<Vec<Statement>>| {
            std::mem::take(&mut *mutex.lock().unwrap_or_else(PoisonError::into_inner))
        };
        Ok(Summary {
            committed: self.committed(),
            lost: self.shared.lost.load(Ordering::Relaxed),
            refusals: std::mem::take(
                &mut *self.shared.refusals.lock().unwrap_or_else(PoisonError::into_inner),
            ),
            statements: take(&self.shared.statements),
        })
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A test that fails has its own message; nothing is added to it here.
            drop(thread.join());
        }
    }
}

async fn run(shared: &Arc<Shared>, keys: Vec<keys::Keys>) -> Result<()> {
    let local = tokio::task::LocalSet::new();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, keys) in (0_u64..).zip(keys) {
        let shared = Arc::clone(shared);
        let rng = StdRng::seed_from_u64(shared.plan.seed.wrapping_add(number));
        tasks.spawn_local_on(
            async move { writer::Writer::new(&shared, rng, number, keys).run().await },
            &local,
        );
    }
    if let Some(pause) = shared.plan.ddl_pause {
        let one = Arc::clone(shared);
        tasks.spawn_local_on(async move { ddl::statements(&one, pause).await }, &local);
        let two = Arc::clone(shared);
        tasks.spawn_local_on(async move { ddl::rows(&two).await }, &local);
    }
    local
        .run_until(async {
            while let Some(ended) = tasks.join_next().await {
                ended.context("a writer")?;
            }
            Ok(())
        })
        .await
}
