//! Changes as the statements that LogMiner makes of them.

use super::assign::{Formats, day_second};
use super::column::ColumnDef;
use super::redo::Change;
use super::time;
use crate::oracle::value::Value;
use crate::oracle::wire::{Kind, internal};

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
    pub(in super::super) const SELECT_LOB_LOCATOR: Operation = (9, "SELECT_LOB_LOCATOR");
    pub(in super::super) const LOB_WRITE: Operation = (10, "LOB_WRITE");
    pub(in super::super) const LOB_TRIM: Operation = (11, "LOB_TRIM");
    pub(in super::super) const ROLLBACK: Operation = (36, "ROLLBACK");
}

/// Longest large object that is told as a text in a statement, bytes.
const INLINE_LOB_BYTES: usize = 3900;

/// Characters or bytes of one piece of a large object.
const LOB_PIECE: usize = 1500;

/// The statements of a change, each with its operation: one, and one for each large object that it sets. `is_known`: LogMiner's
/// dictionary has the table as it was; without that it tells numbers and bytes.
pub(super) fn statements(
    change: &Change,
    formats: &Formats,
    (is_known, with_row_id): (bool, bool),
) -> Vec<(Operation, String)> {
    let teller = Teller { change, formats, is_known };
    let name = teller.table();
    let row_id = with_row_id.then(|| format!("ROWID = '{}'", change.row));
    match (&change.before, &change.after) {
        (None, Some(after)) => {
            let mut made = vec![(operation::INSERT, teller.insert(&name, after))];
            // An undone deletion tells its row once, without large objects.
            if !change.is_undo {
                made.extend(teller.lobs(&name, None, after, row_id.as_deref()));
            }
            made
        }
        (Some(before), None) => {
            let mut conditions = teller.conditions(before, None);
            conditions.extend(row_id);
            let sql = format!("delete from {name} where {};", conditions.join(" and "));
            vec![(operation::DELETE, sql)]
        }
        (Some(before), Some(after)) => teller.update(&name, before, after, row_id),
        (None, None) => Vec::new(),
    }
}

fn is_lob(column: &ColumnDef) -> bool {
    matches!(column.kind, Kind::Clob | Kind::NClob | Kind::Blob | Kind::Long | Kind::LongRaw)
}

/// Tells a change in the words of LogMiner.
struct Teller<'c> {
    change: &'c Change,
    formats: &'c Formats,
    is_known: bool,
}

impl Teller<'_> {
    fn table(&self) -> String {
        if self.is_known {
            format!("\"{}\".\"{}\"", self.change.table.0, self.change.table.1)
        } else {
            format!("\"UNKNOWN\".\"OBJ# {}\"", self.change.object)
        }
    }

    fn column(&self, number: usize) -> String {
        if self.is_known {
            format!("\"{}\"", self.change.columns[number].name)
        } else {
            format!("\"COL {}\"", number + 1)
        }
    }

    fn literal(&self, number: usize, value: &Value) -> String {
        let column = &self.change.columns[number];
        if self.is_known || *value == Value::Null {
            return literal(column, value, self.formats);
        }
        match internal(column.kind, value) {
            Some(bytes) if !is_lob(column) => format!("HEXTORAW('{}')", hex::encode(bytes)),
            // A locator, behind which the value is.
            _ => "HEXTORAW('0054000102080000')".to_owned(),
        }
    }

    fn insert(&self, name: &str, after: &[Value]) -> String {
        let columns: Vec<String> = (0..after.len()).map(|number| self.column(number)).collect();
        let value =
            |(number, value): (usize, &Value)| match (self.change.columns[number].kind, value) {
                (_, Value::Null) => "NULL".to_owned(),
                (Kind::Clob | Kind::NClob, _) if self.is_known => "EMPTY_CLOB()".to_owned(),
                (Kind::Blob, _) if self.is_known => "EMPTY_BLOB()".to_owned(),
                _ => self.literal(number, value),
            };
        let values: Vec<String> = after.iter().enumerate().map(value).collect();
        format!("insert into {name}({}) values ({});", columns.join(","), values.join(","))
    }

    fn update(
        &self,
        name: &str,
        before: &[Value],
        after: &[Value],
        row_id: Option<String>,
    ) -> Vec<(Operation, String)> {
        let changed: Vec<usize> =
            (0..after.len()).filter(|column| before[*column] != after[*column]).collect();
        let sets: Vec<String> = changed
            .iter()
            .filter(|column| {
                !self.is_known
                    || !is_lob(&self.change.columns[**column])
                    || after[**column] == Value::Null
            })
            .map(|column| {
                format!("{} = {}", self.column(*column), self.literal(*column, &after[*column]))
            })
            .collect();
        let mut made = Vec::new();
        if !sets.is_empty() {
            let mut conditions = self.conditions(before, Some(&changed));
            conditions.extend(row_id.clone());
            let sql = format!(
                "update {name} set {} where {};",
                sets.join(", "),
                conditions.join(" and ")
            );
            made.push((operation::UPDATE, sql));
        }
        made.extend(self.lobs(name, Some(before), after, row_id.as_deref()));
        made
    }

    /// Large objects that a change sets, each by a statement of its own.
    fn lobs(
        &self,
        name: &str,
        before: Option<&[Value]>,
        after: &[Value],
        row_id: Option<&str>,
    ) -> Vec<(Operation, String)> {
        let mut made = Vec::new();
        for (number, column) in self.change.columns.iter().enumerate() {
            let is_same = before.is_some_and(|before| before[number] == after[number]);
            if !self.is_known || !is_lob(column) || is_same || after[number] == Value::Null {
                continue;
            }
            let fits = match &after[number] {
                Value::Text(text) => text.len() <= INLINE_LOB_BYTES,
                Value::Bytes(bytes) => bytes.len() <= INLINE_LOB_BYTES / 2,
                _ => false,
            };
            if !fits {
                let conditions = self.conditions(after, None);
                self.pieces(name, number, &after[number], &conditions, &mut made);
                continue;
            }
            let value = self.literal(number, &after[number]);
            // The row as it is then: its other columns have their new values.
            let mut conditions = self.conditions(after, None);
            conditions.extend(row_id.map(str::to_owned));
            let conditions = conditions.join(" and ");
            let sql =
                format!("update {name} set {} = {value} where {conditions};", self.column(number));
            made.push((operation::UPDATE, sql));
        }
        made
    }

    /// A large object that is too long for a statement: its locator, then its pieces.
    fn pieces(
        &self,
        name: &str,
        number: usize,
        value: &Value,
        conditions: &[String],
        made: &mut Vec<(Operation, String)>,
    ) {
        let column = self.column(number);
        let (variable, buffer) = match self.change.columns[number].kind {
            Kind::Blob | Kind::LongRaw => ("loc_b", "buf_b"),
            Kind::NClob => ("loc_nc", "buf_nc"),
            _ => ("loc_c", "buf_c"),
        };
        made.push((
            operation::SELECT_LOB_LOCATOR,
            format!(
                "DECLARE \n loc_c CLOB; \n buf_c VARCHAR2(6156); \n loc_b BLOB; \n buf_b RAW(6156); \n loc_nc NCLOB; \n \
                 buf_nc NVARCHAR2(6156); \nBEGIN\n select {column} into {variable} from {name} where {} for update;\n",
                conditions.join(" and ")
            ),
        ));
        let length = match value {
            Value::Text(text) => {
                let units: Vec<char> = text.chars().collect();
                let mut at = 1;
                for piece in units.chunks(LOB_PIECE) {
                    let text: String = piece.iter().collect();
                    let count = text.encode_utf16().count();
                    let text = text.replace('\'', "''");
                    made.push((
                        operation::LOB_WRITE,
                        format!("\n {buffer} := '{text}'; \n  dbms_lob.write({variable}, {count}, {at}, {buffer});\nEND;"),
                    ));
                    at += count;
                }
                at - 1
            }
            Value::Bytes(bytes) => {
                for (place, piece) in bytes.chunks(LOB_PIECE).enumerate() {
                    let (count, at) = (piece.len(), place * LOB_PIECE + 1);
                    let digits = hex::encode(piece);
                    made.push((
                        operation::LOB_WRITE,
                        format!("\n {buffer} := HEXTORAW('{digits}'); \n  dbms_lob.write({variable}, {count}, {at}, {buffer});\nEND;"),
                    ));
                }
                bytes.len()
            }
            _ => 0,
        };
        made.push((operation::LOB_TRIM, format!("\n dbms_lob.trim({variable}, {length});\nEND;")));
    }

    /// What the log tells of the row before it: the columns that are always logged, and those that change.
    fn conditions(&self, row: &[Value], changed: Option<&[usize]>) -> Vec<String> {
        let change = self.change;
        let mut told = Vec::new();
        for (number, column) in change.columns.iter().enumerate() {
            let is_told = change.logged.contains(&number)
                || changed.is_some_and(|changed| changed.contains(&number))
                || change.after.is_none();
            if !is_told || is_lob(column) {
                continue;
            }
            let name = self.column(number);
            told.push(match &row[number] {
                Value::Null => format!("{name} IS NULL"),
                value => format!("{name} = {}", self.literal(number, value)),
            });
        }
        told
    }
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
