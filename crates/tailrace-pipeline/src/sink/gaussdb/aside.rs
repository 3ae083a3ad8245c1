//! Changes that the target refuses and that are put aside, in the transaction that applies those around them: DRS's dirty data.

use tailrace_codec::gaussdb::apply::{ApplyTable, Change, ChangeKind, Text};

use super::connection::Connection;
use super::progress::{Progress, SCHEMA, literal};
use super::refused::Failure;
use crate::error::{Error, ErrorKind, Result};

/// Longest statement that is kept whole, bytes; of longer ones the beginning.
const SQL_BYTES_MAX: usize = 64 << 10;

/// Where changes that are refused go, if they may.
pub struct Aside<'a> {
    /// Most changes of the job that are put aside at a time. Each transaction counts those that it sees: its own, and those that
    /// are committed.
    pub rows_max: u64,
    /// Which one this is of several that put changes aside at the same time, and how many there are: their numbers differ by that.
    pub lane: AsideLane,
    /// The job's name for a table, by its number.
    pub table_name: &'a dyn Fn(u32) -> String,
    /// Where a change was committed at the source, by its number among those that are applied: SCN.
    pub scn: &'a dyn Fn(usize) -> u64,
    /// Now, milliseconds of the Unix epoch.
    pub at_ms: i64,
}

/// One of several that put changes aside at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsideLane {
    /// Its number, from 0.
    pub number: u64,
    /// How many there are.
    pub of: u64,
}

impl AsideLane {
    /// There is no other one.
    pub const ALONE: Self = Self { number: 0, of: 1 };
}

/// A row by the columns of its key and their values, as the log tells them.
pub type AsideKey = Vec<(String, String)>;

/// A change that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideRow {
    /// Number of it within its job.
    pub id: u64,
    /// Its table, as the job calls it.
    pub table: String,
    /// `insert`, `update` or `delete`
    pub kind: String,
    /// SCN of its transaction's commit.
    pub scn: u64,
    /// When it was put aside, milliseconds of the Unix epoch.
    pub at_ms: i64,
    /// Statement that was refused.
    pub sql: String,
    /// What the target said.
    pub error: String,
    /// The rows that it was about: the one before it, and the one behind it if that has another key. None without a key.
    pub keys: Vec<AsideKey>,
}

/// Puts a change aside in the open transaction.
///
/// # Errors
/// `TargetRow` with the reason if there is no room any more; the connection's errors.
pub(super) fn put(
    connection: &mut Connection,
    progress: &Progress,
    aside: &Aside<'_>,
    (number, table, change): (usize, &ApplyTable, &Change<'_>),
    (sql, why): (&str, &str),
) -> Result<()> {
    let job = progress.job();
    let count = format!("SELECT count(*) FROM {SCHEMA}.dirty_rows WHERE job = {job}");
    let count: u64 = connection.text(&count)?.parse().unwrap_or(u64::MAX);
    let name = (aside.table_name)(change.table);
    if count >= aside.rows_max {
        let text = format!(
            "{count} changes are put aside already, as many as dirty_rows_max allows; the next of {name} cannot be applied either: {why}"
        );
        return Err(Error::new(ErrorKind::TargetRow, text));
    }
    let keys = serde_json::to_string(&keys(table, change))
        .map_err(|e| Error::new(ErrorKind::Bug, e.to_string()))?;
    // Others do not see this one's number before it is committed, and must not take it. Divided whole numbers are not whole in
    // every mode of GaussDB.
    let AsideLane { number: lane, of } = aside.lane;
    connection.run(&format!(
        "INSERT INTO {SCHEMA}.dirty_rows (job, id, table_name, kind, scn, at_ms, statement, error, row_keys) VALUES \
         ({job}, (SELECT last - mod(last, {of}) + {of} + {lane} FROM \
         (SELECT coalesce(max(id), 0) AS last FROM {SCHEMA}.dirty_rows WHERE job = {job}) l), {}, '{}', {}, {}, {}, {}, {})",
        literal(&name),
        kind(change.kind),
        (aside.scn)(number),
        aside.at_ms,
        literal(&shortened(sql)),
        literal(&shortened(why)),
        literal(&keys),
    ))?;
    Ok(())
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Insert => "insert",
        ChangeKind::Update => "update",
        ChangeKind::Delete => "delete",
    }
}

/// A text with its length if it is too long to be kept.
fn shortened(text: &str) -> String {
    if text.len() <= SQL_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=SQL_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{} … ({} bytes in all)", &text[..end], text.len())
}

/// The keys of the rows that a change is about.
fn keys(table: &ApplyTable, change: &Change<'_>) -> Vec<AsideKey> {
    let before: Vec<Text<'_>> = change.before().collect();
    let after: Vec<Text<'_>> = change.after().collect();
    let value = |column: &usize, rows: [&[Text<'_>]; 2]| {
        let told = rows.into_iter().find_map(|row| match row.get(*column) {
            Some(Text::Text(text)) => Some((*text).to_owned()),
            _ => None,
        })?;
        Some((table.columns()[*column].name.clone(), told))
    };
    let key = |rows: [&[Text<'_>]; 2]| -> Option<AsideKey> {
        let key: Option<AsideKey> = table.key().iter().map(|column| value(column, rows)).collect();
        key.filter(|key| !key.is_empty())
    };
    let mut keys: Vec<AsideKey> = Vec::new();
    keys.extend((change.kind != ChangeKind::Insert).then(|| key([&before, &[]])).flatten());
    let behind = (change.kind != ChangeKind::Delete).then(|| key([&after, &before])).flatten();
    keys.extend(behind.filter(|behind| !keys.contains(behind)));
    keys
}

impl Progress {
    /// The changes that are put aside, the first first, at most so many from an offset on, and how many there are.
    pub(super) fn aside(
        &self,
        connection: &mut Connection,
        (from_ms, until_ms): (i64, i64),
        (offset, limit): (u64, u64),
    ) -> Result<(u64, Vec<AsideRow>)> {
        if !super::inspection::has_table(connection, SCHEMA, "dirty_rows")? {
            return Ok((0, Vec::new()));
        }
        let job = self.job();
        let which = format!("job = {job} AND at_ms >= {from_ms} AND at_ms < {until_ms}");
        let count = format!("SELECT count(*) FROM {SCHEMA}.dirty_rows WHERE {which}");
        let count = connection.text(&count)?.parse().unwrap_or(0);
        let rows = connection.rows(&format!(
            "SELECT id, table_name, kind, scn, at_ms, statement, error, row_keys FROM {SCHEMA}.dirty_rows \
             WHERE {which} ORDER BY id LIMIT {limit} OFFSET {offset}"
        ))?;
        let rows: Result<Vec<AsideRow>> = rows.into_iter().map(read).collect();
        Ok((count, rows?))
    }

    /// The changes with these numbers that are put aside.
    pub(super) fn aside_of(
        &self,
        connection: &mut Connection,
        ids: &[u64],
    ) -> Result<Vec<AsideRow>> {
        if ids.is_empty() || !super::inspection::has_table(connection, SCHEMA, "dirty_rows")? {
            return Ok(Vec::new());
        }
        let rows = connection.rows(&format!(
            "SELECT id, table_name, kind, scn, at_ms, statement, error, row_keys FROM {SCHEMA}.dirty_rows \
             WHERE job = {} AND id IN ({}) ORDER BY id",
            self.job(),
            list(ids)
        ))?;
        rows.into_iter().map(read).collect()
    }

    /// Forgets changes that were put aside, in the open transaction; how many there were.
    pub(super) fn discard(&self, connection: &mut Connection, ids: &[u64]) -> Result<u64, Failure> {
        connection.run(&format!(
            "DELETE FROM {SCHEMA}.dirty_rows WHERE job = {} AND id IN ({})",
            self.job(),
            list(ids)
        ))
    }
}

fn list(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

fn read(row: Vec<Option<String>>) -> Result<AsideRow> {
    let mut cells = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || cells.next().unwrap_or_default();
    let damaged = |what: &str| {
        Error::new(
            ErrorKind::Checkpoint,
            format!("a change put aside at the target has a {what} that cannot be read"),
        )
    };
    let id = next().parse().map_err(|_| damaged("number"))?;
    let (table, kind) = (next(), next());
    let scn = next().parse().map_err(|_| damaged("SCN"))?;
    let at_ms = next().parse().map_err(|_| damaged("time"))?;
    let (sql, error) = (next(), next());
    let keys = serde_json::from_str(&next()).map_err(|_| damaged("key"))?;
    Ok(AsideRow { id, table, kind, scn, at_ms, sql, error, keys })
}

#[cfg(test)]
mod tests {
    use tailrace_codec::gaussdb::apply::{ApplyColumn, Changes};

    use super::*;

    #[test]
    fn a_change_is_known_by_the_rows_that_it_is_about() {
        let column =
            |name: &str| ApplyColumn { name: name.to_owned(), sql_type: "text".to_owned() };
        let columns = vec![column("v"), column("id")];
        let table = ApplyTable::new("s", "t", columns.clone(), vec![1], vec![1]).expect("a table");
        let mut changes = Changes::new();
        let (row, moved) = ([Text::Null, Text::Text("1")], [Text::Text("x"), Text::Text("2")]);
        assert!(changes.push(ChangeKind::Insert, 0, [], row));
        assert!(changes.push(ChangeKind::Update, 0, row, [Text::Text("x"), Text::Unknown]));
        assert!(changes.push(ChangeKind::Update, 0, row, moved));
        assert!(changes.push(ChangeKind::Delete, 0, row, []));
        let of = |number: usize| {
            let keys = keys(&table, &changes.get(number));
            keys.into_iter().flatten().map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!((of(0), of(1)), (vec!["1".to_owned()], vec!["1".to_owned()]));
        assert_eq!((of(2), of(3)), (vec!["1".to_owned(), "2".to_owned()], vec!["1".to_owned()]));
        let keyless = ApplyTable::new("s", "t", columns, vec![], vec![]).expect("a table");
        assert!(keys(&keyless, &changes.get(0)).is_empty());
        let long = "é".repeat(SQL_BYTES_MAX);
        let short = shortened(&long);
        assert!(short.len() < SQL_BYTES_MAX + 40 && short.ends_with("(131072 bytes in all)"));
    }
}
