//! Statements for many rows at once, through a staging table.

use super::changes::Text;
use super::copy::{copy_null, copy_text};
use super::table::{ApplyTable, quoted};

/// The staging table's column that says what a row is there for.
const OP: &str = "tailrace_op";

/// What a staged row is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StageOp {
    /// Its key is deleted.
    Delete,
    /// It is put in the place of the row with its key.
    Replace,
    /// It is inserted.
    Insert,
    /// Some columns of the row with its key are set, those of the group with this number.
    Update(u16),
}

impl StageOp {
    fn code(self) -> u32 {
        match self {
            Self::Delete => 0,
            Self::Replace => 1,
            Self::Insert => 2,
            Self::Update(group) => 3 + u32::from(group),
        }
    }
}

/// Appends a row for the staging table; values that are not known are NULL there and nobody looks at them.
pub fn stage_row<'v>(into: &mut Vec<u8>, op: StageOp, row: impl IntoIterator<Item = Text<'v>>) {
    into.extend_from_slice(op.code().to_string().as_bytes());
    for value in row {
        into.push(b'\t');
        match value {
            Text::Text(text) => copy_text(into, text),
            Text::Null | Text::Unknown => copy_null(into),
        }
    }
    into.push(b'\n');
}

/// The statements for one table with a key.
#[derive(Debug)]
pub struct SetStatements<'t> {
    table: &'t ApplyTable,
    stage: String,
}

impl<'t> SetStatements<'t> {
    /// Statements that go through a staging table of this name, which lives as long as the session.
    pub fn new(table: &'t ApplyTable, stage: &str) -> Self {
        Self { table, stage: quoted(stage) }
    }

    /// Makes the staging table. It is empty at the begin of each transaction, and its rows are where the table's are.
    pub fn create_stage(&self) -> String {
        let column = |number: usize| {
            format!("{} {}", self.table.column(number), self.table.columns()[number].sql_type)
        };
        let columns: Vec<String> = (0..self.table.columns().len()).map(column).collect();
        let distribution = match self.table.distribution() {
            [] => "REPLICATION".to_owned(),
            columns => format!("HASH ({})", self.table.list(columns.iter().copied())),
        };
        format!(
            "CREATE TEMP TABLE {} ({OP} integer NOT NULL, {}) ON COMMIT DELETE ROWS DISTRIBUTE BY {distribution}",
            self.stage,
            columns.join(", ")
        )
    }

    /// Copies rows into the staging table, see [`stage_row`].
    pub fn copy_stage(&self) -> String {
        format!("COPY {} FROM STDIN", self.stage)
    }

    /// Empties the staging table within a transaction.
    pub fn empty_stage(&self) -> String {
        format!("TRUNCATE {}", self.stage)
    }

    /// Deletes the rows whose keys are staged for it.
    pub fn delete(&self, op: StageOp) -> String {
        format!(
            "DELETE FROM {} t USING {} s WHERE {}",
            self.table.full_name(),
            self.stage,
            self.matched(op)
        )
    }

    /// Inserts the staged rows.
    pub fn insert(&self, op: StageOp) -> String {
        format!("{} WHERE {}", self.insert_select(), self.staged(op))
    }

    /// Inserts those of the staged rows whose keys are not there.
    pub fn insert_missing(&self, op: StageOp) -> String {
        format!(
            "{} WHERE {} AND NOT EXISTS (SELECT 1 FROM {} t WHERE {})",
            self.insert_select(),
            self.staged(op),
            self.table.full_name(),
            self.keys_equal()
        )
    }

    /// Sets columns of the rows whose keys are staged; `None` if there are none but those of the key.
    pub fn update(&self, op: StageOp, columns: impl IntoIterator<Item = usize>) -> Option<String> {
        let sets = self.sets(columns)?;
        Some(format!(
            "UPDATE {} t SET {sets} FROM {} s WHERE {}",
            self.table.full_name(),
            self.stage,
            self.matched(op)
        ))
    }

    /// Sets all columns of the rows whose keys are staged, and inserts those that are missing.
    pub fn merge(&self, op: StageOp) -> String {
        let all = || 0..self.table.columns().len();
        let update = match self.sets(all()) {
            Some(sets) => format!(" WHEN MATCHED THEN UPDATE SET {sets}"),
            None => String::new(),
        };
        let values: Vec<String> = all().map(|n| format!("s.{}", self.table.column(n))).collect();
        format!(
            "MERGE INTO {} t USING (SELECT {} FROM {} s WHERE {}) s ON ({}){update} \
             WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
            self.table.full_name(),
            self.table.list(all()),
            self.stage,
            self.staged(op),
            self.keys_equal(),
            self.table.list(all()),
            values.join(", ")
        )
    }

    fn insert_select(&self) -> String {
        let columns = self.table.list(0..self.table.columns().len());
        let table = self.table.full_name();
        format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {} s", self.stage)
    }

    fn sets(&self, columns: impl IntoIterator<Item = usize>) -> Option<String> {
        let sets: Vec<String> = columns
            .into_iter()
            .filter(|column| !self.table.is_key(*column))
            .map(|column| {
                let name = self.table.column(column);
                format!("{name} = s.{name}")
            })
            .collect();
        (!sets.is_empty()).then(|| sets.join(", "))
    }

    fn staged(&self, op: StageOp) -> String {
        format!("s.{OP} = {}", op.code())
    }

    fn matched(&self, op: StageOp) -> String {
        format!("{} AND {}", self.staged(op), self.keys_equal())
    }

    fn keys_equal(&self) -> String {
        let equal = |&column: &usize| {
            let name = self.table.column(column);
            format!("t.{name} = s.{name}")
        };
        self.table.key().iter().map(equal).collect::<Vec<_>>().join(" AND ")
    }
}
