//! A table's rows as they were at an SCN, in the text format of `COPY`.

use oracledb::Row;
use tailrace_codec::gaussdb::apply::{copy_null, copy_text};
use tailrace_codec::gaussdb::{DATE_FORMAT, TIMESTAMP_FORMAT, TIMESTAMP_TZ_FORMAT, selected_text};
use tailrace_codec::oracle::{OracleColumn, OracleType};

use super::session::{Session, unexpected};
use crate::error::{Error, ErrorKind, Result};

/// Bytes of rows that are handed on at once.
const PIECE_BYTES: usize = 1 << 20;

/// Reads a table's columns at an SCN and hands its rows on in pieces; how many they were.
///
/// # Errors
/// Those of the session, among them `SourceStatement` if the SCN is too old (ORA-01555) or the table was defined anew since
/// (ORA-01466); those of `each`.
pub(crate) fn copy(
    session: &Session,
    (owner, name): (&str, &str),
    columns: &[&OracleColumn],
    scn: u64,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let kinds: Vec<OracleType> = columns.iter().map(|column| column.oracle_type()).collect();
    let selected: Vec<String> =
        columns.iter().zip(&kinds).map(|(column, kind)| expression(&column.name, *kind)).collect();
    let sql = format!(
        "SELECT {} FROM {}.{} AS OF SCN {scn}",
        selected.join(", "),
        quoted(owner),
        quoted(name)
    );
    let (mut rows, mut count) = (Vec::with_capacity(PIECE_BYTES), 0);
    session.each(&sql, &[], |row| {
        count += 1;
        for (number, kind) in kinds.iter().enumerate() {
            if number > 0 {
                rows.push(b'\t');
            }
            append(&mut rows, row, number, *kind).map_err(|e| {
                e.context(format!("{owner}.{name}, column {}", columns[number].name))
            })?;
        }
        rows.push(b'\n');
        if rows.len() >= PIECE_BYTES {
            each(&rows)?;
            rows.clear();
        }
        Ok(())
    })?;
    if !rows.is_empty() {
        each(&rows)?;
    }
    Ok(count)
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

fn append(rows: &mut Vec<u8>, row: &Row, number: usize, kind: OracleType) -> Result<()> {
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
    match text {
        None => copy_null(rows),
        Some(text) => {
            let text = selected_text(kind, &text)
                .map_err(|e| Error::new(ErrorKind::Decode, e.to_string()))?;
            // The target has neither an empty text nor zeros in one.
            if text.is_empty() {
                copy_null(rows);
            } else if text.contains('\0') {
                copy_text(rows, &text.replace('\0', " "));
            } else {
                copy_text(rows, &text);
            }
        }
    }
    Ok(())
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
