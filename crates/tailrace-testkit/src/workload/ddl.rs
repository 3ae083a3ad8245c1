//! Changing structures: one task executes statements, so that their order is known, and writes rows
//! that use the new columns; another writes to the same tables meanwhile.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::Shared;
use super::catalog::Place;
use super::session::{Outcome, Session};
use crate::checker::Statement;

/// Its structure changes; in the database that is selected as a whole.
const ALTERED: &str = "ddl_altered";
/// It is truncated, and changes its name with [`TWIN`].
const SWAPPED: &str = "ddl_swapped";
const TWIN: &str = "ddl_twin";
/// Its structure changes; selected by name.
pub(super) const CHOSEN: &str = "ddl_chosen";
/// Its structure changes and nobody may notice: not selected, in a database that is selected in part.
const NOT_CHOSEN: &str = "ddl_not_chosen";

/// Tables made on the way that are kept at the same time.
const MADE_MAX: usize = 4;

const COLUMNS: &str = "id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, txn BIGINT NOT NULL, \
    body VARCHAR(60) DEFAULT NULL, tail VARCHAR(20) DEFAULT NULL";

/// The tables that are there before the load begins.
pub(super) fn initial(shared: &Shared) -> Vec<String> {
    let (whole, chosen, outside) = databases(shared);
    [
        (&whole, ALTERED),
        (&whole, SWAPPED),
        (&whole, TWIN),
        (&chosen, CHOSEN),
        (&chosen, NOT_CHOSEN),
        (&outside, ALTERED),
    ]
    .into_iter()
    .map(|(database, table)| format!("CREATE TABLE `{database}`.`{table}` ({COLUMNS})"))
    .collect()
}

fn databases(shared: &Shared) -> (String, String, String) {
    (shared.plan.whole(), shared.plan.chosen(), shared.plan.outside())
}

/// Writes rows with the columns that never change, to tables that come and go.
pub(super) async fn rows(shared: &Shared) {
    let mut rng = StdRng::seed_from_u64(shared.plan.seed ^ 0x0dd1);
    let mut session = Session::new(&shared.url, &[]);
    let (whole, chosen, outside) = databases(shared);
    let tables = [
        format!("`{whole}`.{ALTERED}"),
        format!("`{whole}`.{SWAPPED}"),
        format!("`{chosen}`.{CHOSEN}"),
        format!("`{chosen}`.{NOT_CHOSEN}"),
        format!("`{outside}`.{ALTERED}"),
    ];
    let mut pace = tokio::time::interval(Duration::from_millis(30));
    while !shared.stopping() {
        pace.tick().await;
        if !session.connected(shared).await {
            break;
        }
        let Some(table) = tables.choose(&mut rng) else { break };
        let (version, txn) = (shared.next_version(), shared.next_transaction());
        // Odd keys; even ones belong to the task of the statements.
        let id = rng.random_range(0..200) * 2 + 1;
        let sql = match rng.random_range(0..4) {
            0 => format!("DELETE FROM {table} WHERE id = {id}"),
            1 => format!(
                "UPDATE {table} SET version = {version}, txn = {txn}, body = 'up' WHERE id = {id}"
            ),
            _ => format!(
                "INSERT INTO {table} (id, version, txn, body) VALUES ({id}, {version}, {txn}, 'in <{id}>')"
            ),
        };
        match session.execute(&sql).await {
            Outcome::Done => shared.committed(),
            // The row or the table is not there, or the key is taken.
            Outcome::Refused => shared.refused(&session.refusal),
            Outcome::Unknown => shared.lost(),
        }
    }
    session.close().await;
}

/// Executes statements until the load is to stop.
pub(super) async fn statements(shared: &Shared, pause: Duration) {
    let mut actor = Actor {
        shared,
        rng: StdRng::seed_from_u64(shared.plan.seed ^ 0xdd1),
        session: Session::new(&shared.url, &[]),
        serial: 0,
    };
    let mut pace = tokio::time::interval(pause);
    while !shared.stopping() {
        pace.tick().await;
        let allowed = shared.ddl_allowed.load(std::sync::atomic::Ordering::Relaxed);
        if allowed && actor.session.connected(shared).await {
            actor.step().await;
        }
    }
    actor.session.close().await;
}

struct Actor<'a> {
    shared: &'a Shared,
    rng: StdRng,
    session: Session,
    serial: u64,
}

impl Actor<'_> {
    async fn step(&mut self) {
        let (whole, chosen, outside) = databases(self.shared);
        match self.rng.random_range(0..20) {
            0..7 => self.alter(&whole, ALTERED).await,
            7..11 => self.alter(&chosen, CHOSEN).await,
            11 => self.truncate(&whole).await,
            12 | 13 => self.swap(&whole).await,
            14 | 15 => self.make(&whole).await,
            16 => self.drop_made(&whole).await,
            17 => self.alter(&chosen, NOT_CHOSEN).await,
            18 => self.alter(&outside, ALTERED).await,
            _ => self.noise(&outside).await,
        }
    }

    /// Executes a statement, with the database as the session's default or in the names.
    async fn execute(&mut self, place: Place, database: &str, sql: &str) -> Outcome {
        let outcome = self.session.execute(sql).await;
        let selected = matches!(place, Place::Whole | Place::Chosen);
        match outcome {
            Outcome::Refused => self.shared.refused(&self.session.refusal),
            Outcome::Done | Outcome::Unknown if selected => self.shared.statement(Statement {
                database: database.to_owned(),
                sql: sql.to_owned(),
                certain: outcome == Outcome::Done,
            }),
            Outcome::Done | Outcome::Unknown => {}
        }
        outcome
    }

    /// `table` or `` `database`.`table` ``: the default database is not always the table's.
    async fn spell(&mut self, database: &str, table: &str) -> String {
        let default = if self.rng.random_bool(0.5) {
            database.to_owned()
        } else {
            self.shared.plan.outside()
        };
        let used = self.session.execute(&format!("USE `{default}`")).await;
        if used == Outcome::Done && default == database {
            table.to_owned()
        } else {
            format!("`{database}`.`{table}`")
        }
    }

    fn place(&self, database: &str, table: &str) -> Place {
        match (database, table) {
            (d, _) if d == self.shared.plan.outside() => Place::Outside,
            (_, NOT_CHOSEN) => Place::NotChosen,
            (_, CHOSEN) => Place::Chosen,
            _ => Place::Whole,
        }
    }

    /// One change of columns, keys or character set, then rows that have the columns as they are now.
    async fn alter(&mut self, database: &str, table: &str) {
        let extra = self.extra_columns(database, table).await;
        let name = self.spell(database, table).await;
        let clause = self.clause(&extra);
        let place = self.place(database, table);
        self.execute(place, database, &format!("ALTER TABLE {name} {clause}")).await;
        self.rows_with_all_columns(database, table).await;
    }

    fn clause(&mut self, extra: &[(String, String)]) -> String {
        self.serial += 1;
        let serial = self.serial;
        let chosen = extra.choose(&mut self.rng).cloned();
        let Some((column, kind)) = chosen.filter(|_| self.rng.random_bool(0.7)) else {
            return self.addition(serial);
        };
        match self.rng.random_range(0..8) {
            0 | 1 if extra.len() > 1 => format!("DROP COLUMN `{column}`"),
            2 => format!("RENAME COLUMN `{column}` TO `x{serial}`"),
            3 => format!("CHANGE COLUMN `{column}` `x{serial}` {}", wider(&kind)),
            4 => format!("MODIFY COLUMN `{column}` {} AFTER `id`", wider(&kind)),
            5 => "MODIFY COLUMN `tail` VARCHAR(20) DEFAULT NULL FIRST".into(),
            6 if self.rng.random_bool(0.5) => "CONVERT TO CHARACTER SET latin1".into(),
            6 => "CONVERT TO CHARACTER SET utf8mb4".into(),
            7 if self.rng.random_bool(0.5) => "ADD INDEX `i0` (`version`), COMMENT = 'a, b'".into(),
            7 => "DROP INDEX `i0`".into(),
            _ => self.addition(serial),
        }
    }

    fn addition(&mut self, serial: u64) -> String {
        let kinds = [
            "INT NOT NULL DEFAULT 7",
            "VARCHAR(30) NOT NULL DEFAULT 'it''s <new>'",
            "DECIMAL(8,3) NOT NULL DEFAULT '1.500'",
            "BIGINT UNSIGNED",
            "DATETIME(3) NOT NULL DEFAULT '2020-02-02 03:04:05.678'",
            "ENUM('a','b') NOT NULL DEFAULT 'b'",
        ];
        let kind = kinds.choose(&mut self.rng).copied().unwrap_or("BIGINT");
        let places = [
            "",
            " FIRST",
            " AFTER `version`",
            ", ALGORITHM=INSTANT",
            ", ALGORITHM=COPY",
            ", ADD COLUMN `y%` INT, DROP COLUMN `tail`, ADD COLUMN `tail` VARCHAR(20)",
        ];
        let place = places.choose(&mut self.rng).copied().unwrap_or("");
        format!("ADD COLUMN `x{serial}` {kind}{}", place.replace('%', &serial.to_string()))
    }

    /// Columns that came on the way, with their types.
    async fn extra_columns(&mut self, database: &str, table: &str) -> Vec<(String, String)> {
        let sql = format!(
            "SELECT CONCAT(COLUMN_NAME, ' ', DATA_TYPE) FROM information_schema.COLUMNS WHERE \
             TABLE_SCHEMA = '{database}' AND TABLE_NAME = '{table}' AND COLUMN_NAME LIKE 'x%'"
        );
        let found = self.session.strings(&sql).await;
        found
            .iter()
            .filter_map(|row| row.split_once(' '))
            .map(|(column, kind)| (column.to_owned(), kind.to_owned()))
            .collect()
    }

    async fn rows_with_all_columns(&mut self, database: &str, table: &str) {
        let extra = self.extra_columns(database, table).await;
        for _ in 0..3 {
            let id = self.rng.random_range(0..200) * 2;
            let (version, txn) = (self.shared.next_version(), self.shared.next_transaction());
            let mut names = vec!["id".to_owned(), "version".into(), "txn".into(), "body".into()];
            let mut values =
                vec![id.to_string(), version.to_string(), txn.to_string(), "'all'".into()];
            for (column, kind) in &extra {
                names.push(format!("`{column}`"));
                values.push(self.value(kind));
            }
            let sql = format!(
                "REPLACE INTO `{database}`.`{table}` ({}) VALUES ({})",
                names.join(","),
                values.join(",")
            );
            match self.session.execute(&sql).await {
                Outcome::Done => self.shared.committed(),
                Outcome::Refused => self.shared.refused(&self.session.refusal),
                Outcome::Unknown => self.shared.lost(),
            }
        }
    }

    fn value(&mut self, kind: &str) -> String {
        match kind {
            "int" | "bigint" => self.rng.random_range(0..1_000_000).to_string(),
            "decimal" => format!("{}.125", self.rng.random_range(-9999..9999)),
            "datetime" => "'2024-05-06 07:08:09.123'".into(),
            "enum" => "'a'".into(),
            _ => format!("'{}'", self.rng.random_range(0..1_000_000)),
        }
    }

    async fn truncate(&mut self, database: &str) {
        let name = self.spell(database, SWAPPED).await;
        self.execute(Place::Whole, database, &format!("TRUNCATE TABLE {name}")).await;
    }

    /// What online schema change tools do at their end.
    async fn swap(&mut self, database: &str) {
        let one = self.spell(database, SWAPPED).await;
        let prefix = if one == SWAPPED { String::new() } else { format!("`{database}`.") };
        let sql = format!(
            "RENAME TABLE {one} TO {prefix}ddl_between, {prefix}{TWIN} TO {prefix}{SWAPPED}, \
             {prefix}ddl_between TO {prefix}{TWIN}"
        );
        self.execute(Place::Whole, database, &sql).await;
        self.rows_with_all_columns(database, SWAPPED).await;
        self.rows_with_all_columns(database, TWIN).await;
    }

    async fn made(&mut self, database: &str) -> Vec<String> {
        let sql = format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{database}' \
             AND TABLE_NAME LIKE 'made%' ORDER BY TABLE_NAME"
        );
        self.session.strings(&sql).await
    }

    async fn make(&mut self, database: &str) {
        let made = self.made(database).await;
        if made.len() >= MADE_MAX {
            return self.drop_made(database).await;
        }
        self.serial += 1;
        let table = format!("made{}", self.serial);
        let name = self.spell(database, &table).await;
        let txn = self.shared.next_transaction();
        let sql = match self.rng.random_range(0..3) {
            0 => format!("CREATE TABLE {name} LIKE `{database}`.`{SWAPPED}`"),
            1 => format!(
                "CREATE TABLE IF NOT EXISTS {name} ({COLUMNS}) SELECT id, version, {txn} AS txn FROM `{database}`.`{SWAPPED}`"
            ),
            _ => format!("CREATE TABLE {name} ({COLUMNS}) COMMENT 'x; y' -- a remark"),
        };
        self.execute(Place::Whole, database, &sql).await;
        self.rows_with_all_columns(database, &table).await;
    }

    async fn drop_made(&mut self, database: &str) {
        let made = self.made(database).await;
        let count = if made.len() > 2 { 2 } else { 1 };
        let names: Vec<String> =
            made.iter().take(count).map(|t| format!("`{database}`.`{t}`")).collect();
        if !names.is_empty() {
            let sql = format!("DROP TABLE {}", names.join(", "));
            self.execute(Place::Whole, database, &sql).await;
        }
    }

    /// Statements that are in the log and concern no job.
    async fn noise(&mut self, outside: &str) {
        self.serial += 1;
        let serial = self.serial;
        let sql = match self.rng.random_range(0..6) {
            0 => format!("CREATE TABLE `{outside}`.`noise{serial}` (a INT, b GEOMETRY, c JSON)"),
            1 => format!("CREATE OR REPLACE VIEW `{outside}`.`v` AS SELECT 1 AS a"),
            2 => format!("ANALYZE TABLE `{outside}`.`outside`"),
            3 => format!(
                "CREATE PROCEDURE `{outside}`.`p{serial}`() SELECT 'DROP TABLE x; ALTER TABLE y'"
            ),
            4 => "FLUSH BINARY LOGS".into(),
            _ => format!("CREATE USER 'noise{serial}'@'%' IDENTIFIED BY 'secret'"),
        };
        self.execute(Place::Outside, outside, &sql).await;
    }
}

/// A type that holds all values of a type with the same text, with a default of its kind.
fn wider(kind: &str) -> &'static str {
    match kind {
        "int" => "BIGINT NOT NULL DEFAULT 8",
        "bigint" | "decimal" | "datetime" | "varchar" => "VARCHAR(90) NULL DEFAULT 'wide'",
        "enum" => "ENUM('a','b','c') NOT NULL DEFAULT 'c'",
        _ => "VARCHAR(90) NULL",
    }
}
