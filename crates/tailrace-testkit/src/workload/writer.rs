//! One writer: transactions over rows that no other writer touches, so that the order of versions of
//! a key is the order of its writes.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::{MissedTickBehavior, interval};

use super::Shared;
use super::catalog::{Key as KeyKind, TABLES, Table, other_case};
use super::keys::{Key, Keys};
use super::literals::text;
use super::session::{Outcome, Session};

/// Rows of one multi-row statement in a bigger transaction.
const ROWS_PER_INSERT: usize = 50;

/// State of one writer.
pub(super) struct Writer<'a> {
    shared: &'a Shared,
    rng: StdRng,
    session: Session,
    keys: Keys,
    number: u64,
    next_number: u64,
    transaction: i64,
}

/// Something other than success: how the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// Deadlock, lock wait, a table that was just dropped: roll back.
    Refused,
    /// The connection is gone.
    Lost,
}

type Step = Result<(), Broken>;

/// How rows come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// `INSERT` with the key.
    Insert,
    /// `INSERT` without the key: the server gives the numbers.
    InsertNumbered,
    /// `REPLACE` of a row of this writer.
    Replace,
}

impl<'a> Writer<'a> {
    /// Writer number `number`, of `shared.plan.writers`, with the rows it has from the start.
    pub(super) fn new(shared: &'a Shared, rng: StdRng, number: u64, keys: Keys) -> Self {
        // Each writer speaks a little differently: compressed transactions, partial JSON updates.
        let compression = format!("SESSION binlog_transaction_compression = {}", number % 2);
        let partial =
            if number.is_multiple_of(3) && shared.plan.partial_json { "PARTIAL_JSON" } else { "" };
        let variables = [
            "SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SESSION innodb_lock_wait_timeout = 2",
            &compression,
            &format!("SESSION binlog_row_value_options = '{partial}'"),
        ];
        let session = Session::new(&shared.url, &variables);
        let next_number = shared.plan.rows_initial + 1;
        Self { shared, rng, session, keys, number, next_number, transaction: 0 }
    }

    /// Writes until the load is to stop or has made all its transactions.
    pub(super) async fn run(mut self) {
        let plan = &self.shared.plan;
        let rate = f64::from(plan.transactions_per_second_max.max(1));
        let writers = u32::try_from(plan.writers.max(1)).unwrap_or(1);
        let mut pace = interval(Duration::from_secs_f64(f64::from(writers) / rate));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.shared.stopping() && self.shared.take_turn() {
            pace.tick().await;
            if !self.session.connected(self.shared).await {
                break;
            }
            self.transaction().await;
        }
        self.session.close().await;
    }

    async fn transaction(&mut self) {
        self.transaction = self.shared.next_transaction();
        let kind = self.rng.random_range(0..100);
        let result = match kind {
            0..40 => self.single().await,
            40..82 => self.several(false).await,
            82..90 => self.several(true).await,
            90..97 => self.rolled_back().await,
            _ => self.big().await,
        };
        match result {
            Ok(()) => {
                self.keys.commit();
                self.shared.committed();
            }
            Err(Broken::Refused) => {
                self.shared.refused(&self.session.refusal);
                match self.session.execute("ROLLBACK").await {
                    Outcome::Done => self.keys.roll_back_to(0),
                    _ => self.keys.give_up(),
                }
            }
            Err(Broken::Lost) => {
                self.shared.lost();
                self.keys.give_up();
            }
        }
    }

    async fn run_sql(&mut self, sql: &str) -> Step {
        match self.session.execute(sql).await {
            Outcome::Done => Ok(()),
            Outcome::Refused => Err(Broken::Refused),
            Outcome::Unknown => Err(Broken::Lost),
        }
    }

    async fn single(&mut self) -> Step {
        let table = self.pick();
        self.statement(table).await
    }

    /// Several tables, at the end a number in commit order.
    async fn several(&mut self, savepoint: bool) -> Step {
        self.run_sql("BEGIN").await?;
        for _ in 0..self.rng.random_range(1..6) {
            let table = self.pick();
            self.statement(table).await?;
        }
        if savepoint {
            self.run_sql("SAVEPOINT part").await?;
            let mark = self.keys.mark();
            for _ in 0..self.rng.random_range(1..4) {
                let table = self.pick();
                self.statement(table).await?;
            }
            self.run_sql("ROLLBACK TO SAVEPOINT part").await?;
            self.keys.roll_back_to(mark);
            let table = self.pick();
            self.statement(table).await?;
        }
        self.hot_row().await?;
        self.take_number().await?;
        self.run_sql("COMMIT").await
    }

    async fn rolled_back(&mut self) -> Step {
        self.run_sql("BEGIN").await?;
        for _ in 0..self.rng.random_range(1..6) {
            let table = self.pick();
            self.statement(table).await?;
        }
        self.run_sql("ROLLBACK").await?;
        self.keys.roll_back_to(0);
        Ok(())
    }

    /// Hundreds of rows in one table, inserted, then changed or deleted by one statement each.
    async fn big(&mut self) -> Step {
        self.run_sql("BEGIN").await?;
        let table = self.pick();
        for _ in 0..self.shared.plan.big_transaction_rows.div_ceil(ROWS_PER_INSERT) {
            self.insert(table, ROWS_PER_INSERT).await?;
        }
        let keys = self.keys.newest(table.name, ROWS_PER_INSERT);
        let version = self.shared.next_version();
        let sql = format!(
            "UPDATE {} SET version = {version}, txn = {} WHERE {}",
            self.shared.table_name(table),
            self.transaction,
            self.any_of(table, &keys)
        );
        self.run_sql(&sql).await?;
        let dying = keys.get(..keys.len() / 2).unwrap_or(&[]).to_vec();
        let sql = format!(
            "DELETE FROM {} WHERE {}",
            self.shared.table_name(table),
            self.any_of(table, &dying)
        );
        self.run_sql(&sql).await?;
        dying.into_iter().for_each(|key| self.keys.died(table.name, key));
        self.run_sql("COMMIT").await
    }

    fn pick(&mut self) -> &'static Table {
        let sum: u32 = TABLES.iter().map(|t| t.weight).sum();
        let mut place = self.rng.random_range(0..sum);
        for table in TABLES {
            if place < table.weight {
                return table;
            }
            place -= table.weight;
        }
        &TABLES[0]
    }

    async fn statement(&mut self, table: &'static Table) -> Step {
        // Tables neither die out nor grow without bound.
        let count = self.keys.count(table.name);
        let target = usize::try_from(self.shared.plan.rows_initial).unwrap_or(usize::MAX);
        let many = count > target.max(20) * 2 / self.shared.plan.writers.max(1) + 20;
        match self.rng.random_range(0..100) {
            _ if count < 5 => self.insert(table, 3).await,
            0..22 if !many => {
                let rows = if self.rng.random_ratio(1, 5) { 4 } else { 1 };
                self.insert(table, rows).await
            }
            22..30 => self.second_life(table).await,
            30..45 => self.delete(table).await,
            45..53 => self.move_key(table).await,
            53..58 => self.replace(table).await,
            _ => self.update(table).await,
        }
    }

    fn fresh(&mut self, table: &Table) -> Key {
        let number = self.next_number * self.shared.plan.writers as u64 + self.number;
        self.next_number += 1;
        table.key(&mut self.rng, number)
    }

    async fn insert(&mut self, table: &'static Table, rows: usize) -> Step {
        let keys: Vec<_> = (0..rows).map(|_| self.fresh(table)).collect();
        let automatic = table.key == KeyKind::Automatic;
        let verb = if automatic { Verb::InsertNumbered } else { Verb::Insert };
        self.insert_keys(table, verb, keys).await
    }

    async fn second_life(&mut self, table: &'static Table) -> Step {
        match self.keys.take_dead(table.name) {
            Some(key) => self.insert_keys(table, Verb::Insert, vec![key]).await,
            None => self.insert(table, 1).await,
        }
    }

    /// `REPLACE`: the server logs an update, or a delete and an insert.
    async fn replace(&mut self, table: &'static Table) -> Step {
        let Some(key) = self.keys.any(table.name, &mut self.rng) else { return Ok(()) };
        if matches!(table.key, KeyKind::None | KeyKind::TextWithoutCase) {
            return self.update(table).await;
        }
        self.insert_keys(table, Verb::Replace, vec![key]).await
    }

    async fn insert_keys(&mut self, table: &'static Table, verb: Verb, keys: Vec<Key>) -> Step {
        let sql = self.insert_sql(table, verb, &keys);
        // Noted before: if the answer is lost, the keys are given up.
        for key in &keys {
            match verb {
                Verb::Insert => self.keys.born(table.name, key.clone()),
                Verb::Replace => self.keys.touched(table.name, key.clone()),
                Verb::InsertNumbered => {}
            }
        }
        self.run_sql(&sql).await?;
        if verb == Verb::InsertNumbered {
            let first = self.session.given_number();
            for number in first..first + keys.len() as u64 {
                self.keys.born(table.name, vec![number.to_string()]);
            }
        }
        Ok(())
    }

    fn insert_sql(&mut self, table: &Table, verb: Verb, keys: &[Key]) -> String {
        let numbered = verb == Verb::InsertNumbered;
        let key_columns: &[&str] = if numbered { &[] } else { table.key_columns() };
        let mut names: Vec<String> = Vec::new();
        let mut rows = Vec::new();
        for key in keys {
            let (columns, values): (Vec<_>, Vec<_>) =
                table.values(&mut self.rng).into_iter().unzip();
            names = key_columns.iter().copied().chain(columns).map(name).collect();
            let mut row = if numbered { Vec::new() } else { key.clone() };
            row.extend(values);
            row.push(self.shared.next_version().to_string());
            row.push(self.transaction.to_string());
            rows.push(format!("({})", row.join(",")));
        }
        format!(
            "{} INTO {} ({},`version`,`txn`) VALUES {}",
            if verb == Verb::Replace { "REPLACE" } else { "INSERT" },
            self.shared.table_name(table),
            names.join(","),
            rows.join(",")
        )
    }

    async fn update(&mut self, table: &'static Table) -> Step {
        let Some(key) = self.keys.any(table.name, &mut self.rng) else { return Ok(()) };
        let mut values = table.values(&mut self.rng);
        // A few columns; for JSON sometimes a part, which the log may hold as a difference.
        values.retain(|_| self.rng.random_ratio(1, 3));
        let mut set: Vec<String> =
            values.into_iter().map(|(c, v)| format!("{} = {v}", name(c))).collect();
        if table.name == "every_type" && self.rng.random_ratio(1, 3) {
            set.retain(|s| !s.starts_with("`t_json`"));
            let part = text(&mut self.rng);
            set.push(format!("`t_json` = JSON_SET(COALESCE(`t_json`, '{{}}'), '$.part', {part})"));
        }
        set.push(format!("version = {}", self.shared.next_version()));
        set.push(format!("txn = {}", self.transaction));
        self.change(table, &key, &set).await
    }

    async fn move_key(&mut self, table: &'static Table) -> Step {
        let Some(key) = self.keys.any(table.name, &mut self.rng) else { return Ok(()) };
        let new = match table.key {
            KeyKind::Automatic => return self.update(table).await,
            // The same key for the source, another text for the consumer.
            KeyKind::TextWithoutCase if self.rng.random_bool(0.5) => {
                key.iter().map(|k| other_case(&mut self.rng, k)).collect()
            }
            _ => self.fresh(table),
        };
        let columns = table.key_columns();
        let mut set: Vec<String> =
            columns.iter().zip(&new).map(|(c, v)| format!("{} = {v}", name(c))).collect();
        set.push(format!("version = {}", self.shared.next_version()));
        set.push(format!("txn = {}", self.transaction));
        self.keys.died(table.name, key.clone());
        self.keys.born(table.name, new.clone());
        self.change(table, &key, &set).await
    }

    async fn change(&mut self, table: &'static Table, key: &[String], set: &[String]) -> Step {
        self.keys.touched(table.name, key.to_vec());
        let sql = format!(
            "UPDATE {} SET {} WHERE {}",
            self.shared.table_name(table),
            set.join(", "),
            equal(table, key)
        );
        self.run_sql(&sql).await
    }

    async fn delete(&mut self, table: &'static Table) -> Step {
        let Some(key) = self.keys.any(table.name, &mut self.rng) else { return Ok(()) };
        self.keys.died(table.name, key.clone());
        let sql =
            format!("DELETE FROM {} WHERE {}", self.shared.table_name(table), equal(table, &key));
        self.run_sql(&sql).await
    }

    /// A row that all writers change.
    async fn hot_row(&mut self) -> Step {
        let sql = format!(
            "UPDATE {} SET version = version + 1, txn = {} WHERE id = {}",
            self.shared.whole("hot"),
            self.transaction,
            self.rng.random_range(1..=super::HOT_ROWS)
        );
        self.run_sql(&sql).await
    }

    /// The row lock on the counter is held until the commit, so numbers are in commit order.
    async fn take_number(&mut self) -> Step {
        let counter = self.shared.whole("commit_counter");
        let ledger = self.shared.whole("ledger");
        let sql = format!(
            "UPDATE {counter} SET version = LAST_INSERT_ID(version + 1), txn = {} WHERE id = 1",
            self.transaction
        );
        self.run_sql(&sql).await?;
        let sql = format!(
            "INSERT INTO {ledger} (commit_seq, version, txn) VALUES (LAST_INSERT_ID(), {}, {})",
            self.shared.next_version(),
            self.transaction
        );
        self.run_sql(&sql).await
    }

    fn any_of(&self, table: &Table, keys: &[Key]) -> String {
        let each: Vec<String> = keys.iter().map(|key| format!("({})", equal(table, key))).collect();
        if each.is_empty() { "FALSE".into() } else { each.join(" OR ") }
    }
}

fn name(column: &str) -> String {
    format!("`{}`", column.replace('`', "``"))
}

fn equal(table: &Table, key: &[String]) -> String {
    let parts: Vec<String> =
        table.key_columns().iter().zip(key).map(|(c, v)| format!("{} = {v}", name(c))).collect();
    parts.join(" AND ")
}
