//! Makes rows that a comparison has found to differ what they are at the source, whether the job runs or rests.
//!
//! Some rows at a time: a transaction at the target holds the job's progress record, so that the job applies nothing meanwhile;
//! each row is read at the source as of the SCN that the target has, and becomes that at the target. What differed when it was
//! compared and does not any more is left alone, so a repair may be done again.

use tailrace_codec::gaussdb::apply::{ApplyTable, ChangeKind, Changes, Conflict, Text};
use tailrace_codec::oracle::{LengthUnit, OracleColumn, OracleType};

use super::super::position::{Position, TableCopy};
use super::super::{OracleJob, TableChoice};
use super::merge::{Row, literal};
use super::{Compared, Form, applied_scn, canonical, columns, still_added};
use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;
use crate::sink::gaussdb::{ApplyTables, GaussSink};
use crate::source::oracle::session::Session;
use crate::source::oracle::{catalog, snapshot};

/// Rows that are repaired in one transaction: the job waits for no more of them.
const BATCH_ROWS: usize = 100;
/// Times that a batch is begun anew because another worker took the job over.
const OWNERS_MAX: usize = 5;
/// The table's number among the changes.
const TABLE: u32 = 0;

/// A row by the columns of its key, as [`Difference::key`](crate::compare::Difference::key) has them.
pub type RowKey = Vec<(String, String)>;

/// What came of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repaired {
    /// It is the same on both sides by now.
    Equal,
    /// It was made what it is at the source.
    Done,
    /// It could not be: why.
    Failed(String),
}

/// Repairs rows of one table; blocks. `told` hears of every row, by its number among `keys`, when it is done for good.
///
/// # Errors
/// `SchemaMismatch` if rows of the table cannot be told apart, or are not copied yet; `Configuration` if the job has no
/// progress record at the target; `Cancelled`, and those of source and target. What is wrong with one row is told of it.
pub fn repair(
    job: &OracleJob,
    choice: &TableChoice,
    keys: &[RowKey],
    stop: &StopSignal,
    told: &mut dyn FnMut(usize, Repaired),
) -> Result<()> {
    repair_by(job, choice, (keys, false), stop, told)
}

/// As [`repair`], of rows whose keys are as the log tells them.
///
/// # Errors
/// As that.
pub(crate) fn repair_told(
    job: &OracleJob,
    choice: &TableChoice,
    keys: &[RowKey],
    stop: &StopSignal,
    told: &mut dyn FnMut(usize, Repaired),
) -> Result<()> {
    repair_by(job, choice, (keys, true), stop, told)
}

fn repair_by(
    job: &OracleJob,
    choice: &TableChoice,
    (keys, as_told): (&[RowKey], bool),
    stop: &StopSignal,
    told: &mut dyn FnMut(usize, Repaired),
) -> Result<()> {
    let session = job.session()?;
    let mut sink = GaussSink::beside_owner(&job.target, &job.job_id, stop.clone())?;
    let source = catalog::table(&session, &choice.owner, &choice.name, &choice.schema)?;
    let (schema, name) = (choice.schema.to_ascii_lowercase(), choice.target.to_ascii_lowercase());
    let table = sink.table(&schema, &name)?;
    let mismatch = |text: String| Error::new(ErrorKind::SchemaMismatch, text);
    let pairs = columns(&source, &table).map_err(|missing| {
        mismatch(format!("{choice}: the target has no columns for {}", missing.join(", ")))
    })?;
    let compared =
        Compared::of(&pairs, &table).map_err(|why| mismatch(format!("{choice}: {why}")))?;
    let mut repair = Repair {
        job,
        choice,
        session: &session,
        sink: &mut sink,
        read: pairs.iter().map(|(column, _)| (*column).clone()).collect(),
        numbers: pairs.iter().map(|(_, number)| *number).collect(),
        compared: &compared,
        tables: ApplyTables::from([(TABLE, table)]),
    };
    for (batch, first) in keys.chunks(BATCH_ROWS).zip((0..).step_by(BATCH_ROWS)) {
        stop.check()?;
        if !as_told {
            for (number, outcome) in (first..).zip(repair.batch(batch, stop)?) {
                told(number, outcome);
            }
            continue;
        }
        // A key that the target cannot read is its own matter.
        for (number, key) in (first..).zip(batch) {
            match repair.canonical_key(key)? {
                Ok(key) => {
                    let outcome = repair.batch(&[key], stop)?.pop();
                    outcome.into_iter().for_each(|outcome| told(number, outcome));
                }
                Err(why) => told(number, Repaired::Failed(why)),
            }
        }
    }
    Ok(())
}

struct Repair<'a> {
    job: &'a OracleJob,
    choice: &'a TableChoice,
    session: &'a Session,
    sink: &'a mut GaussSink,
    /// Columns that are read at the source.
    read: Vec<OracleColumn>,
    /// Numbers of their counterparts.
    numbers: Vec<usize>,
    compared: &'a Compared<'a>,
    tables: ApplyTables,
}

impl Repair<'_> {
    /// A key as a comparison has it; or why it is none of the table's.
    fn canonical_key(&mut self, key: &RowKey) -> Result<Result<RowKey, String>> {
        let Some(table) = self.tables.get(&TABLE) else {
            return Err(Error::new(ErrorKind::Bug, "the table is not there"));
        };
        let mut columns = Vec::with_capacity(key.len());
        for (name, text) in key {
            let column = table.columns().iter().find(|column| column.name == *name);
            let compared = self.compared.columns.iter().find(|column| column.name == *name);
            let (Some(column), Some(compared)) = (column, compared) else {
                return Ok(Err(format!(
                    "its key has a column {name} that the table has not any more"
                )));
            };
            let text = literal(Form::Text, Some(text));
            columns.push((
                name,
                compared.form,
                format!("CAST({text} AS {})::text", column.sql_type),
            ));
        }
        let casts: Vec<&str> = columns.iter().map(|(_, _, cast)| cast.as_str()).collect();
        let row = match self.sink.row(&format!("SELECT {}", casts.join(", "))) {
            Ok(row) => row.unwrap_or_default(),
            Err(e) if e.kind() == ErrorKind::Target => return Ok(Err(e.message().to_owned())),
            Err(e) => return Err(e),
        };
        let forms: Vec<Form> = columns.iter().map(|(_, form, _)| *form).collect();
        let texts = canonical(row, &forms);
        let pair = |((name, ..), text): (&(&String, Form, String), Option<String>)| {
            Some(((*name).clone(), text?))
        };
        let pairs: Option<RowKey> = columns.iter().zip(texts).map(pair).collect();
        Ok(pairs.ok_or_else(|| "its key has a NULL".to_owned()))
    }

    /// Repairs rows, whoever owns the job meanwhile.
    fn batch(&mut self, keys: &[RowKey], stop: &StopSignal) -> Result<Vec<Repaired>> {
        for _ in 1..OWNERS_MAX {
            match self.rows(keys) {
                Err(e) if e.kind() == ErrorKind::Fenced => {
                    let (target, job_id) = (&self.job.target, &self.job.job_id);
                    *self.sink = GaussSink::beside_owner(target, job_id, stop.clone())?;
                }
                done => return done,
            }
        }
        self.rows(keys)
    }

    /// Repairs rows together, or each by itself if that cannot be.
    fn rows(&mut self, keys: &[RowKey]) -> Result<Vec<Repaired>> {
        match self.transaction(keys) {
            Ok(outcomes) => Ok(outcomes),
            Err(e) if matches!(e.kind(), ErrorKind::TargetRow | ErrorKind::Limit) => {
                self.sink.roll_back()?;
                if let [_] = keys {
                    return Ok(vec![Repaired::Failed(e.message().to_owned())]);
                }
                let mut outcomes = Vec::with_capacity(keys.len());
                for key in keys {
                    outcomes.extend(self.rows(std::slice::from_ref(key))?);
                }
                Ok(outcomes)
            }
            Err(e) => Err(e),
        }
    }

    fn transaction(&mut self, keys: &[RowKey]) -> Result<Vec<Repaired>> {
        self.sink.begin_beside()?;
        let scn = self.scn()?;
        let mut changes = Changes::new();
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            outcomes.push(self.row(key, scn, &mut changes)?);
        }
        self.sink.apply(&self.tables, &changes, Conflict::Overwrite)?;
        self.sink.commit_beside()?;
        Ok(outcomes)
    }

    /// The SCN that the target's table has in this transaction.
    fn scn(&mut self) -> Result<u64> {
        let position = Position::parse(&self.sink.position()?)?;
        let name = self.choice.to_string();
        let record = self.sink.tables()?.into_iter().find(|record| record.name == name);
        let record = record.ok_or_else(still_added)?;
        let copy = TableCopy::parse(record.copied.as_deref())?;
        applied_scn(&position, &copy)
    }

    /// Appends what a row needs.
    fn row(&mut self, key: &RowKey, scn: u64, changes: &mut Changes) -> Result<Repaired> {
        let Some(table) = self.tables.get(&TABLE) else {
            return Err(Error::new(ErrorKind::Bug, "the table is not there"));
        };
        let named = named(self.compared, key)?;
        let place = (self.choice.owner.as_str(), self.choice.name.as_str());
        let by: Vec<(&OracleColumn, String)> = named
            .iter()
            .map(|(place, text)| {
                let column = self.compared.source[*place];
                (column, source_text(column, text))
            })
            .collect();
        let here = snapshot::row_by_key(self.session, place, &self.read, (&by, scn))?;
        let there = self.sink.row(&target_query(self.compared, table, &named))?;
        let there = there.map(|row| canonical(row, &forms(self.compared)));
        let same = match (&here, &there) {
            (None, None) => true,
            (Some(here), Some(there)) => self.compared_texts(here) == *there,
            _ => false,
        };
        if same {
            return Ok(Repaired::Equal);
        }
        let width = table.columns().len();
        let mut row = vec![Text::Unknown; width];
        let fits = match &here {
            Some(values) => {
                for (number, value) in self.numbers.iter().zip(values) {
                    row[*number] = value.as_deref().map_or(Text::Null, Text::Text);
                }
                changes.push(ChangeKind::Insert, TABLE, [], row)
            }
            None => {
                for ((_, text), number) in named.iter().zip(table.key()) {
                    row[*number] = Text::Text(text);
                }
                changes.push(ChangeKind::Delete, TABLE, row, [])
            }
        };
        if !fits {
            let text = format!("{}: these rows are larger than the buffer", self.choice);
            return Err(Error::new(ErrorKind::Limit, text));
        }
        Ok(Repaired::Done)
    }

    /// The compared columns of a row of the source, as canonical texts.
    fn compared_texts(&self, row: &[Option<String>]) -> Row {
        let value = |source: &&OracleColumn| {
            let place = self.read.iter().position(|column| column.name == source.name)?;
            row.get(place).cloned().flatten()
        };
        canonical(self.compared.source.iter().map(value).collect(), &forms(self.compared))
    }
}

fn forms(compared: &Compared<'_>) -> Vec<Form> {
    compared.columns.iter().map(|column| column.form).collect()
}

/// The key's columns, by their places among the compared ones and in the order of the target's key, with their values.
fn named<'k>(compared: &Compared<'_>, key: &'k RowKey) -> Result<Vec<(usize, &'k str)>> {
    let value = |place: &usize| {
        let name = &compared.columns[*place].name;
        let (_, text) = key.iter().find(|(column, _)| column == name)?;
        Some((*place, text.as_str()))
    };
    let found: Option<Vec<(usize, &str)>> = compared.key.iter().map(value).collect();
    found.ok_or_else(|| {
        let text = "a row's key is not that of its table any more: compare it anew";
        Error::new(ErrorKind::SchemaMismatch, text)
    })
}

/// A key's canonical text as the source reads it.
fn source_text(column: &OracleColumn, text: &str) -> String {
    match column.oracle_type() {
        OracleType::Char => {
            // Bound texts are compared with their blanks.
            let (length, has) = match column.char_used {
                Some(LengthUnit::Chars) => (column.char_length as usize, text.chars().count()),
                _ => (column.data_length as usize, text.len()),
            };
            format!("{text}{}", " ".repeat(length.saturating_sub(has)))
        }
        kind @ (OracleType::Date | OracleType::Timestamp) => {
            let (sign, text) = match text.strip_suffix(" BC") {
                Some(text) => ("-", text),
                None => ("", text),
            };
            let has_fraction = kind == OracleType::Date || text.contains('.');
            format!("{sign}{text}{}", if has_fraction { "" } else { ".0" })
        }
        _ => text.to_owned(),
    }
}

/// One row of the target with its compared columns.
fn target_query(compared: &Compared<'_>, table: &ApplyTable, key: &[(usize, &str)]) -> String {
    let name = |place: usize| snapshot::quoted(&compared.columns[place].name);
    let selected: Vec<String> =
        (0..compared.columns.len()).map(|place| format!("{}::text", name(place))).collect();
    let by: Vec<String> = key
        .iter()
        .map(|(place, text)| {
            format!("{} = {}", name(*place), literal(compared.columns[*place].form, Some(text)))
        })
        .collect();
    format!("SELECT {} FROM {} WHERE {}", selected.join(", "), table.full_name(), by.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_asked_for_as_the_source_has_them() {
        let column = |data_type: &str, char_used| OracleColumn {
            name: "C".to_owned(),
            data_type: data_type.to_owned(),
            data_length: 6,
            char_length: 3,
            char_used,
            precision: None,
            scale: None,
            nullable: false,
            default: None,
            is_virtual: false,
            is_hidden: false,
            comment: None,
        };
        for (data_type, unit, text, wanted) in [
            ("CHAR", Some(LengthUnit::Bytes), "\u{e9}", "\u{e9}    "),
            ("CHAR", Some(LengthUnit::Chars), "\u{e9}", "\u{e9}  "),
            ("CHAR", Some(LengthUnit::Chars), "abcd", "abcd"),
            ("VARCHAR2", Some(LengthUnit::Chars), "a", "a"),
            ("DATE", None, "2020-01-02 03:04:05", "2020-01-02 03:04:05"),
            ("DATE", None, "4712-01-01 00:00:00 BC", "-4712-01-01 00:00:00"),
            ("TIMESTAMP(6)", None, "2020-01-02 03:04:05", "2020-01-02 03:04:05.0"),
            ("TIMESTAMP(6)", None, "2020-01-02 03:04:05.6", "2020-01-02 03:04:05.6"),
            ("NUMBER", None, "-1.5", "-1.5"),
        ] {
            assert_eq!(source_text(&column(data_type, unit), text), wanted, "{data_type} {text}");
        }
    }
}
