//! A table's rows as they were at an SCN, in the text format of `COPY`.

use oracledb::{Row, ToDbValue};
use serde::{Deserialize, Serialize};
use tailrace_codec::gaussdb::apply::{copy_null, copy_text};
use tailrace_codec::gaussdb::{DATE_FORMAT, TIMESTAMP_FORMAT, TIMESTAMP_TZ_FORMAT, selected_text};
use tailrace_codec::oracle::{OracleColumn, OracleType};

use super::large::{self, Large, is_large};
use super::session::{Session, unexpected};
use crate::error::{Error, ErrorKind, Result};

/// Bytes of rows that are handed on at once.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// What is read of a table.
pub(crate) struct TableRead<'a> {
    /// Owner and name.
    pub(crate) place: (&'a str, &'a str),
    /// Columns, in the order of the target's.
    pub(crate) columns: Vec<&'a OracleColumn>,
    /// Numbers of the columns by whose values pieces follow each other; none for a table that is read at once.
    pub(crate) key: Vec<usize>,
    /// SCN as of which rows are read.
    pub(crate) scn: u64,
    /// Places of rows to which the reading keeps.
    range: RowIdRange,
    /// Of how many of a million rows, by a hash of their places.
    sample: Option<u32>,
}

/// Rows from one place on up to another one, which is left out; without them from the first, up to the last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowIdRange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
}

impl RowIdRange {
    /// The ranges that these bounds make of a table.
    pub(crate) fn between(bounds: &[String]) -> Vec<Self> {
        let from = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
        let to = bounds.iter().cloned().map(Some).chain(std::iter::once(None));
        from.zip(to).map(|(from, to)| Self { from, to }).collect()
    }

    fn conditions(&self, binds: &mut Vec<String>) -> Vec<String> {
        let mut condition = |sign: &str, place: &Option<String>| {
            binds.push(place.clone()?);
            Some(format!("ROWID {sign} CHARTOROWID(:{})", binds.len()))
        };
        [condition(">=", &self.from), condition("<", &self.to)].into_iter().flatten().collect()
    }
}

/// What came of a piece.
#[derive(Debug, Default)]
pub(crate) struct PieceRead {
    pub(crate) rows: u64,
    /// The key of its last row; `None` if no row is behind it.
    pub(crate) last: Option<Vec<String>>,
}

impl<'a> TableRead<'a> {
    /// Of these columns; in pieces if a key's columns are among them and have types whose order both sides of a comparison know.
    pub(crate) fn new(
        place: (&'a str, &'a str),
        columns: Vec<&'a OracleColumn>,
        key: &[String],
        scn: u64,
    ) -> Self {
        let number = |name: &String| {
            let number = columns.iter().position(|column| column.name == *name)?;
            bound(columns[number].oracle_type(), 1).map(|_| number)
        };
        let key = key.iter().map(number).collect::<Option<Vec<usize>>>().unwrap_or_default();
        Self { place, columns, key, scn, range: RowIdRange::default(), sample: None }
    }

    /// Of a sample of so many of a million rows.
    pub(crate) fn sampled(self, per_million: u32) -> Self {
        Self { sample: Some(per_million), ..self }
    }

    /// Of a range's rows at once.
    pub(crate) fn within(self, range: RowIdRange) -> Self {
        Self { key: Vec::new(), range, ..self }
    }

    /// Reads rows behind a key, `rows_max` of them or all, and hands them on in parts.
    ///
    /// # Errors
    /// Those of the session, among them what [`lost_snapshot`](super::session::lost_snapshot) knows; those of `each`.
    pub(crate) fn piece(
        &self,
        session: &Session,
        after: Option<&[String]>,
        rows_max: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<PieceRead> {
        let kinds: Vec<OracleType> =
            self.columns.iter().map(|column| column.oracle_type()).collect();
        let (sql, binds) = self.query(&kinds, after, rows_max);
        let binds: Vec<&dyn ToDbValue> = binds.iter().map(|bind| bind as &dyn ToDbValue).collect();
        let large = Large::of(self, session, &kinds);
        let (mut rows, mut read) = (Vec::with_capacity(PIECE_BYTES), PieceRead::default());
        let mut bytes = 0;
        session.each(&sql, &binds, |row| {
            read.rows += 1;
            self.append(&mut rows, row, (&kinds, &large), each)?;
            if !self.key.is_empty() && read.rows == rows_max {
                read.last = Some(self.key_of(row)?);
            }
            if rows.len() >= PIECE_BYTES {
                bytes += rows.len() as u64;
                each(&rows)?;
                rows.clear();
            }
            Ok(())
        })?;
        bytes += rows.len() as u64;
        if !rows.is_empty() {
            each(&rows)?;
        }
        session.learn(bytes, read.rows);
        Ok(read)
    }

    /// As [`piece`](Self::piece), each row as the texts of its columns.
    ///
    /// # Errors
    /// As [`piece`](Self::piece).
    pub(crate) fn texts(
        &self,
        session: &Session,
        after: Option<&[String]>,
        rows_max: u64,
        each: &mut dyn FnMut(Vec<Option<String>>) -> Result<()>,
    ) -> Result<PieceRead> {
        let kinds: Vec<OracleType> =
            self.columns.iter().map(|column| column.oracle_type()).collect();
        let (sql, binds) = self.query(&kinds, after, rows_max);
        let binds: Vec<&dyn ToDbValue> = binds.iter().map(|bind| bind as &dyn ToDbValue).collect();
        let (mut read, mut bytes) = (PieceRead::default(), 0);
        session.each(&sql, &binds, |row| {
            read.rows += 1;
            if !self.key.is_empty() && read.rows == rows_max {
                read.last = Some(self.key_of(row)?);
            }
            let texts = kinds.iter().enumerate().map(|(number, kind)| text_of(row, number, *kind));
            let texts: Vec<Option<String>> = texts.collect::<Result<_>>()?;
            bytes += texts.iter().flatten().map(|text| text.len() as u64).sum::<u64>();
            each(texts)
        })?;
        session.learn(bytes, read.rows);
        Ok(read)
    }

    fn append(
        &self,
        rows: &mut Vec<u8>,
        row: &Row,
        (kinds, large): (&[OracleType], &Large<'_>),
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        for (number, kind) in kinds.iter().enumerate() {
            if number > 0 {
                rows.push(b'\t');
            }
            let appended = match large.place(row, number)? {
                Some(row_id) => large.append(rows, (number, &row_id), each),
                None => append(rows, row, number, *kind),
            };
            appended.map_err(|e| {
                let (owner, name) = self.place;
                e.context(format!("{owner}.{name}, column {}", self.columns[number].name))
            })?;
        }
        rows.push(b'\n');
        Ok(())
    }

    fn key_of(&self, row: &Row) -> Result<Vec<String>> {
        let text = |number: &usize| {
            let number = *number;
            if self.columns[number].oracle_type() == OracleType::Raw {
                let bytes: Option<Vec<u8>> = row.get(number).map_err(|e| unexpected(number, &e))?;
                return Ok(hex::encode(bytes.unwrap_or_default()));
            }
            let text: Option<String> = row.get(number).map_err(|e| unexpected(number, &e))?;
            Ok(text.unwrap_or_default())
        };
        self.key.iter().map(text).collect()
    }

    /// The query with its values.
    fn query(
        &self,
        kinds: &[OracleType],
        after: Option<&[String]>,
        rows_max: u64,
    ) -> (String, Vec<String>) {
        let selected = self.columns.iter().zip(kinds);
        let mut selected: Vec<String> = selected
            .map(|(column, kind)| {
                let expression = expression(&column.name, *kind);
                if is_large(*kind) { large::unless_large(&expression) } else { expression }
            })
            .collect();
        selected.extend(large::of_row(&self.columns, kinds));
        let (owner, name) = self.place;
        let (scn, from) = (self.scn, format!("{}.{}", quoted(owner), quoted(name)));
        let mut sql = format!("SELECT {} FROM {from} AS OF SCN {scn}", selected.join(", "));
        let mut binds = Vec::new();
        let mut conditions = self.range.conditions(&mut binds);
        conditions.extend(self.sample.map(|of| format!("ORA_HASH(ROWID, 999999) < {of}")));
        conditions
            .extend(after.map(|after| format!("({})", self.behind(kinds, after, &mut binds))));
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        if !self.key.is_empty() {
            let names: Vec<String> =
                self.key.iter().map(|number| quoted(&self.columns[*number].name)).collect();
            let order = names.join(", ");
            sql.push_str(&format!(" ORDER BY {order} FETCH FIRST {rows_max} ROWS ONLY"));
        }
        (sql, binds)
    }

    /// `a > :1 OR a = :2 AND b > :3 OR …`
    fn behind(&self, kinds: &[OracleType], after: &[String], binds: &mut Vec<String>) -> String {
        let mut alternatives = Vec::new();
        for last in 0..self.key.len() {
            let mut conditions = Vec::new();
            for (place, number) in self.key.iter().enumerate().take(last + 1) {
                binds.push(after.get(place).cloned().unwrap_or_default());
                let value = bound(kinds[*number], binds.len()).unwrap_or_default();
                let sign = if place == last { ">" } else { "=" };
                conditions.push(format!("{} {sign} {value}", quoted(&self.columns[*number].name)));
            }
            alternatives.push(format!("({})", conditions.join(" AND ")));
        }
        alternatives.join(" OR ")
    }
}

/// A bound text as a value of a key's type; `None` for types that are not compared.
fn bound(kind: OracleType, number: usize) -> Option<String> {
    use OracleType as T;
    Some(match kind {
        T::Number { .. } | T::Float => format!("TO_NUMBER(:{number})"),
        T::Char | T::VarChar2 => format!(":{number}"),
        T::Date => format!("TO_DATE(:{number}, '{DATE_FORMAT}')"),
        T::Timestamp => format!("TO_TIMESTAMP(:{number}, '{TIMESTAMP_FORMAT}')"),
        T::Raw => format!("HEXTORAW(:{number})"),
        _ => return None,
    })
}

/// A name in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// How a column is selected: dates and intervals as text of one form.
fn expression(name: &str, kind: OracleType) -> String {
    use OracleType as T;
    let name = quoted(name);
    match kind {
        T::Date => format!("TO_CHAR({name}, '{DATE_FORMAT}')"),
        T::Timestamp => format!("TO_CHAR({name}, '{TIMESTAMP_FORMAT}')"),
        T::TimestampTz | T::TimestampLtz => format!("TO_CHAR({name}, '{TIMESTAMP_TZ_FORMAT}')"),
        T::IntervalYearMonth | T::IntervalDaySecond => format!("TO_CHAR({name})"),
        _ => name,
    }
}

/// The text of a column's value as the target reads it; `None` for NULL.
fn text_of(row: &Row, number: usize, kind: OracleType) -> Result<Option<String>> {
    use OracleType as T;
    let unexpected = |e: oracledb::Error| unexpected(number, &e);
    let text = match kind {
        T::Raw | T::LongRaw | T::Blob => {
            let bytes: Option<Vec<u8>> = row.get(number).map_err(unexpected)?;
            bytes.map(|bytes| format!("\\x{}", hex::encode(bytes)))
        }
        T::BinaryFloat => {
            let value: Option<f32> = row.get(number).map_err(unexpected)?;
            value.map(|value| binary(value.into(), &value))
        }
        T::BinaryDouble => {
            let value: Option<f64> = row.get(number).map_err(unexpected)?;
            value.map(|value| binary(value, &value))
        }
        _ => row.get(number).map_err(unexpected)?,
    };
    let Some(text) = text else { return Ok(None) };
    let text =
        selected_text(kind, &text).map_err(|e| Error::new(ErrorKind::Decode, e.to_string()))?;
    // The target has neither an empty text nor zeros in one.
    Ok(match () {
        () if text.is_empty() => None,
        () if text.contains('\0') => Some(text.replace('\0', " ")),
        () => Some(text.into_owned()),
    })
}

fn append(rows: &mut Vec<u8>, row: &Row, number: usize, kind: OracleType) -> Result<()> {
    match text_of(row, number, kind)? {
        None => copy_null(rows),
        Some(text) => copy_text(rows, &text),
    }
    Ok(())
}

/// One row as it was at an SCN, by its key: columns of types with an order, with their values' texts.
///
/// # Errors
/// `Decode` for a column of another type; those of the session, among them what
/// [`lost_snapshot`](super::session::lost_snapshot) knows.
pub(crate) fn row_by_key(
    session: &Session,
    place: (&str, &str),
    columns: &[OracleColumn],
    (key, scn): (&[(&OracleColumn, String)], u64),
) -> Result<Option<Vec<Option<String>>>> {
    let term = |(number, (column, _)): (usize, &(&OracleColumn, String))| {
        let value = bound(column.oracle_type(), number + 1)?;
        Some(format!("{} = {value}", quoted(&column.name)))
    };
    let terms: Option<Vec<String>> = key.iter().enumerate().map(term).collect();
    let terms = terms.ok_or_else(|| {
        Error::new(ErrorKind::Decode, "a key with a column of a type that is not asked for")
    })?;
    let binds: Vec<&dyn ToDbValue> = key.iter().map(|(_, text)| text as &dyn ToDbValue).collect();
    one_row(session, place, columns, (&terms.join(" AND "), &binds, scn))
}

/// One row as it was at an SCN, by its place; `None` if there was none.
///
/// # Errors
/// Those of the session, among them what [`lost_snapshot`](super::session::lost_snapshot) knows.
pub(crate) fn row(
    session: &Session,
    place: (&str, &str),
    columns: &[OracleColumn],
    (row_id, scn): (&str, u64),
) -> Result<Option<Vec<Option<String>>>> {
    one_row(session, place, columns, ("ROWID = CHARTOROWID(:1)", &[&row_id], scn))
}

fn one_row(
    session: &Session,
    (owner, name): (&str, &str),
    columns: &[OracleColumn],
    (condition, binds, scn): (&str, &[&dyn ToDbValue], u64),
) -> Result<Option<Vec<Option<String>>>> {
    let kinds: Vec<OracleType> = columns.iter().map(|column| column.oracle_type()).collect();
    let selected = columns.iter().zip(&kinds);
    let selected: Vec<String> =
        selected.map(|(column, kind)| expression(&column.name, *kind)).collect();
    let sql = format!(
        "SELECT {} FROM {}.{} AS OF SCN {scn} WHERE {condition}",
        selected.join(", "),
        quoted(owner),
        quoted(name)
    );
    let mut found = None;
    session.each(&sql, binds, |row| {
        let texts = kinds.iter().enumerate().map(|(number, kind)| text_of(row, number, *kind));
        found = Some(texts.collect::<Result<Vec<_>>>()?);
        Ok(())
    })?;
    Ok(found)
}

/// A binary number with as many digits as its type needs.
fn binary(value: f64, shown: &dyn std::fmt::Display) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        shown.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, data_type: &str) -> OracleColumn {
        OracleColumn {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            data_length: 22,
            char_length: 0,
            char_used: None,
            precision: None,
            scale: None,
            nullable: false,
            default: None,
            is_virtual: false,
            is_hidden: false,
            comment: None,
        }
    }

    #[test]
    fn pieces_follow_each_other_by_the_key() {
        let columns = [column("A", "NUMBER"), column("X", "CLOB"), column("B", "DATE")];
        let read = |key: &[&str]| {
            let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
            TableRead::new(("S", "T"), columns.iter().collect(), &key, 7)
        };
        let query = |key: &[&str], after: Option<&[&str]>| {
            let read = read(key);
            let kinds: Vec<OracleType> = columns.iter().map(|c| c.oracle_type()).collect();
            let after: Option<Vec<String>> =
                after.map(|after| after.iter().map(|text| (*text).to_owned()).collect());
            read.query(&kinds, after.as_deref(), 10)
        };
        let all = "SELECT \"A\", CASE WHEN DBMS_LOB.GETLENGTH(\"X\") <= 262144 THEN \"X\" END, TO_CHAR(\"B\", 'SYYYY-MM-DD HH24:MI:SS'), \
                   DBMS_LOB.GETLENGTH(\"X\"), ROWIDTOCHAR(ROWID) FROM \"S\".\"T\" AS OF SCN 7";
        let (sql, binds) = query(&["A", "B"], None);
        assert_eq!(sql, format!("{all} ORDER BY \"A\", \"B\" FETCH FIRST 10 ROWS ONLY"));
        assert!(binds.is_empty());
        let (sql, binds) = query(&["A", "B"], Some(&["1", "2026-11-30 00:00:00"]));
        let behind = "((\"A\" > TO_NUMBER(:1)) OR (\"A\" = TO_NUMBER(:2) AND \"B\" > TO_DATE(:3, 'SYYYY-MM-DD HH24:MI:SS')))";
        assert!(sql.starts_with(&format!("{all} WHERE {behind} ORDER BY")), "{sql}");
        assert_eq!(binds, ["1", "1", "2026-11-30 00:00:00"]);
        let columns: Vec<&OracleColumn> = columns.iter().collect();
        let kinds: Vec<OracleType> = columns.iter().map(|c| c.oracle_type()).collect();
        let ranges = RowIdRange::between(&["AAA".to_owned(), "AAB".to_owned()]);
        let ranges = ranges.into_iter().map(|range| {
            let key = ["A".to_owned()];
            TableRead::new(("S", "T"), columns.clone(), &key, 7)
                .within(range)
                .query(&kinds, None, 10)
        });
        let (from, to) = ("ROWID >= CHARTOROWID(:1)", "ROWID < CHARTOROWID");
        let expected = [
            (format!("{all} WHERE {to}(:1)"), vec!["AAA".to_owned()]),
            (format!("{all} WHERE {from} AND {to}(:2)"), vec!["AAA".to_owned(), "AAB".to_owned()]),
            (format!("{all} WHERE {from}"), vec!["AAB".to_owned()]),
        ];
        assert_eq!(ranges.collect::<Vec<_>>(), expected);
        assert_eq!(RowIdRange::between(&[]), [RowIdRange::default()]);
        // Large objects have no order, and a column may not be there.
        for key in [&["X"][..], &["A", "GONE"], &[]] {
            assert_eq!(query(key, None), (all.to_owned(), Vec::new()), "{key:?}");
        }
    }
}
