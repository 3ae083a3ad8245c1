//! Changes as the statements that LogMiner makes of them.

use super::assign::{Formats, day_second};
use super::column::ColumnDef;
use super::redo::Change;
use super::time;
use crate::oracle::value::Value;
use crate::oracle::wire::Kind;

/// The kind of a row of LogMiner's, with its name.
pub(super) type Operation = (i64, &'static str);

/// Operations by their codes (Oracle Database Reference, `V$LOGMNR_CONTENTS`).
pub(super) mod operation {
    use super::Operation;
    pub(in super::super) const INSERT: Operation = (1, "INSERT");
    pub(in super::super) const DELETE: Operation = (2, "DELETE");
    pub(in super::super) const UPDATE: Operation = (3, "UPDATE");
    pub(in super::super) const DDL: Operation = (5, "DDL");
    pub(in super::super) const START: Operation = (6, "START");
    pub(in super::super) const COMMIT: Operation = (7, "COMMIT");
    pub(in super::super) const ROLLBACK: Operation = (36, "ROLLBACK");
}

/// Longest large object that is told as a text in a statement, bytes.
const INLINE_LOB_BYTES: usize = 3900;

/// The statements of a change, each with its operation: one, and one for each large object that it sets.
pub(super) fn statements(
    change: &Change,
    formats: &Formats,
    with_row_id: bool,
) -> Vec<(Operation, String)> {
    let name = format!("\"{}\".\"{}\"", change.table.0, change.table.1);
    let row_id = with_row_id.then(|| format!("ROWID = '{}'", change.row));
    match (&change.before, &change.after) {
        (None, Some(after)) => {
            let mut made = vec![(operation::INSERT, insert(&name, change, after, formats))];
            // An undone deletion tells its row once, without large objects.
            if !change.is_undo {
                made.extend(lobs(&name, change, None, after, formats, row_id.as_deref()));
            }
            made
        }
        (Some(before), None) => {
            let mut conditions = conditions(change, before, None, formats);
            conditions.extend(row_id);
            let sql = format!("delete from {name} where {};", conditions.join(" and "));
            vec![(operation::DELETE, sql)]
        }
        (Some(before), Some(after)) => update(&name, change, before, after, formats, row_id),
        (None, None) => Vec::new(),
    }
}

fn is_lob(column: &ColumnDef) -> bool {
    matches!(column.kind, Kind::Clob | Kind::NClob | Kind::Blob | Kind::Long | Kind::LongRaw)
}

fn insert(name: &str, change: &Change, after: &[Value], formats: &Formats) -> String {
    let columns: Vec<String> =
        change.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let values: Vec<String> = change
        .columns
        .iter()
        .zip(after)
        .map(|(column, value)| match (column.kind, value) {
            (_, Value::Null) => "NULL".to_owned(),
            (Kind::Clob | Kind::NClob, _) => "EMPTY_CLOB()".to_owned(),
            (Kind::Blob, _) => "EMPTY_BLOB()".to_owned(),
            _ => literal(column, value, formats),
        })
        .collect();
    format!("insert into {name}({}) values ({});", columns.join(","), values.join(","))
}

fn update(
    name: &str,
    change: &Change,
    before: &[Value],
    after: &[Value],
    formats: &Formats,
    row_id: Option<String>,
) -> Vec<(Operation, String)> {
    let changed: Vec<usize> =
        (0..after.len()).filter(|column| before[*column] != after[*column]).collect();
    let sets: Vec<String> = changed
        .iter()
        .filter(|column| !is_lob(&change.columns[**column]) || after[**column] == Value::Null)
        .map(|column| {
            let definition = &change.columns[*column];
            format!("\"{}\" = {}", definition.name, literal(definition, &after[*column], formats))
        })
        .collect();
    let mut made = Vec::new();
    if !sets.is_empty() {
        let mut conditions = conditions(change, before, Some(&changed), formats);
        conditions.extend(row_id.clone());
        let sql =
            format!("update {name} set {} where {};", sets.join(", "), conditions.join(" and "));
        made.push((operation::UPDATE, sql));
    }
    made.extend(lobs(name, change, Some(before), after, formats, row_id.as_deref()));
    made
}

/// Large objects that a change sets, each by a statement of its own.
fn lobs(
    name: &str,
    change: &Change,
    before: Option<&[Value]>,
    after: &[Value],
    formats: &Formats,
    row_id: Option<&str>,
) -> Vec<(Operation, String)> {
    let mut made = Vec::new();
    for (number, column) in change.columns.iter().enumerate() {
        let is_same = before.is_some_and(|before| before[number] == after[number]);
        if !is_lob(column) || is_same || after[number] == Value::Null {
            continue;
        }
        let value = match &after[number] {
            Value::Text(text) if text.len() <= INLINE_LOB_BYTES => {
                literal(column, &after[number], formats)
            }
            Value::Bytes(bytes) if bytes.len() <= INLINE_LOB_BYTES / 2 => {
                literal(column, &after[number], formats)
            }
            // Longer ones come in pieces, which this stand-in does not make yet.
            _ => continue,
        };
        // The row as it is then: its other columns have their new values.
        let mut conditions = conditions(change, after, None, formats);
        conditions.extend(row_id.map(str::to_owned));
        let conditions = conditions.join(" and ");
        made.push((
            operation::UPDATE,
            format!("update {name} set \"{}\" = {value} where {conditions};", column.name),
        ));
    }
    made
}

/// What the log tells of the row before it: the columns that are always logged, and those that change.
fn conditions(
    change: &Change,
    row: &[Value],
    changed: Option<&[usize]>,
    formats: &Formats,
) -> Vec<String> {
    let mut told = Vec::new();
    for (number, column) in change.columns.iter().enumerate() {
        let is_told = change.logged.contains(&number)
            || changed.is_some_and(|changed| changed.contains(&number))
            || change.after.is_none();
        if !is_told || is_lob(column) {
            continue;
        }
        told.push(match &row[number] {
            Value::Null => format!("\"{}\" IS NULL", column.name),
            value => format!("\"{}\" = {}", column.name, literal(column, value, formats)),
        });
    }
    told
}

/// A value as LogMiner writes it.
fn literal(column: &ColumnDef, value: &Value, formats: &Formats) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) if matches!(column.kind, Kind::NVarChar2 | Kind::NChar | Kind::NClob) => {
            unistr(text)
        }
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Number(number) => format!("'{number}'"),
        Value::Bytes(bytes) => format!("HEXTORAW('{}')", hex::encode(bytes)),
        Value::DateTime(at) if column.kind == Kind::Date => {
            let text = time::format(at, None, &formats.date);
            format!("TO_DATE('{text}', '{}')", formats.date)
        }
        Value::DateTime(at) => {
            format!("TO_TIMESTAMP('{}')", time::format(at, None, &formats.timestamp))
        }
        Value::Zoned(at, zone) => {
            let local = time::of_seconds(time::to_seconds(at) + i64::from(*zone) * 60, at.nanos);
            let text = time::format(&local, Some(*zone), &formats.timestamp_tz);
            format!("TO_TIMESTAMP_TZ('{text}')")
        }
        Value::Float(number) => format!("'{}'", scientific(&format!("{number:E}"), 7)),
        Value::Double(number) => format!("'{}'", scientific(&format!("{number:E}"), 16)),
        Value::Months(months) => {
            format!("TO_YMINTERVAL('{:+03}-{:02}')", months / 12, (months % 12).abs())
        }
        Value::Nanos(nanos) => format!("TO_DSINTERVAL('{}')", day_second(*nanos)),
        Value::RowId(place) => format!("'{place}'"),
    }
}

/// Binary numbers have a mantissa with all its digits and an exponent of three: `1.5000000E+000`.
fn scientific(text: &str, digits: usize) -> String {
    let (mantissa, exponent) = text.split_once('E').unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{whole}.{part:0<digits$}E{sign}{:03}", exponent.abs())
}

/// Text of the national character set: what is not ASCII by its code.
fn unistr(text: &str) -> String {
    if text.is_ascii() && !text.contains('\\') {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("UNISTR('");
    for unit in text.encode_utf16() {
        match u8::try_from(unit).ok().filter(u8::is_ascii) {
            Some(b'\'') => out.push_str("''"),
            Some(b'\\') => out.push_str("\\\\"),
            Some(byte) => out.push(char::from(byte)),
            None => out.push_str(&format!("\\{unit:04X}")),
        }
    }
    out + "')"
}
