//! What a message says of a row, format by format, as a consumer reads it: names of database and table, and the row
//! before and after, column by column in the message's own text. Nothing is decoded further: rows of the source go
//! through the same encoder, so equal values have equal texts.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::compare::avro::AvroMessages;
use crate::error::{Error, ErrorKind, Result};
use crate::job::MessageFormat;

/// Columns of a row in the message's order: name, and value as the message has it.
pub(crate) type Fields<'m> = Vec<(Cow<'m, str>, Cow<'m, [u8]>)>;

/// A change of a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RowChange<'m> {
    /// Database, as messages name it.
    pub(crate) database: Cow<'m, str>,
    /// Table, as messages name it.
    pub(crate) table: Cow<'m, str>,
    /// The row before; in the formats that say so, only the columns that changed. `None` if it was not there.
    pub(crate) before: Option<Fields<'m>>,
    /// The row afterwards; `None` if it is gone.
    pub(crate) after: Option<Fields<'m>>,
}

/// Reads messages of one format.
pub(crate) struct MessageReader {
    format: MessageFormat,
    avro: Option<AvroMessages>,
}

impl MessageReader {
    /// A reader of a format; that of Avro needs its schemas.
    pub(crate) fn new(format: MessageFormat, avro: Option<AvroMessages>) -> Self {
        Self { format, avro }
    }

    /// What a message's value says of a row; `None` for what is about no row.
    ///
    /// # Errors
    /// `Decode` for what is no message of the format.
    pub(crate) fn read<'m>(&mut self, value: &'m [u8]) -> Result<Option<RowChange<'m>>> {
        match self.format {
            MessageFormat::Json | MessageFormat::JsonC | MessageFormat::Canal => flat(value),
            MessageFormat::Maxwell => maxwell(value),
            MessageFormat::Debezium => debezium(value),
            MessageFormat::Avro => match &mut self.avro {
                Some(avro) => avro.read(value),
                None => Err(Error::new(ErrorKind::Bug, "Avro's messages without schemas")),
            },
        }
    }
}

fn strange(e: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Decode, format!("it is no message of the job's format: {e}"))
}

/// An object as its members' names and raw values.
struct Members<'m>(Fields<'m>);

impl<'de: 'm, 'm> Deserialize<'de> for Members<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit<'m>(PhantomData<&'m ()>);
        impl<'de: 'm, 'm> Visitor<'de> for Visit<'m> {
            type Value = Members<'m>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'m>, A::Error> {
                let mut fields = Fields::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'m>, &'m RawValue>()? {
                    fields.push((name, Cow::Borrowed(value.get().as_bytes())));
                }
                Ok(Members(fields))
            }
        }
        deserializer.deserialize_map(Visit(PhantomData))
    }
}

/// A name that is borrowed where no escape stands in it.
#[derive(Deserialize)]
struct Name<'m>(#[serde(borrow)] Cow<'m, str>);

/// DRS's and Canal's messages.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flat<'m> {
    #[serde(borrow)]
    database: Cow<'m, str>,
    #[serde(borrow)]
    table: Cow<'m, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'m, str>,
    is_ddl: bool,
    #[serde(borrow)]
    data: Option<Vec<Members<'m>>>,
    #[serde(borrow)]
    old: Option<Vec<Members<'m>>>,
}

fn only(rows: Option<Vec<Members<'_>>>) -> Result<Option<Fields<'_>>> {
    let mut rows = rows.unwrap_or_default();
    match (rows.pop(), rows.pop()) {
        (row, None) => Ok(row.map(|row| row.0)),
        _ => Err(Error::new(ErrorKind::Decode, "it has several rows: the job never wrote it")),
    }
}

fn flat(value: &[u8]) -> Result<Option<RowChange<'_>>> {
    let message: Flat<'_> = serde_json::from_slice(value).map_err(|e| strange(&e))?;
    if message.is_ddl {
        return Ok(None);
    }
    let (data, old) = (only(message.data)?, only(message.old)?);
    let (before, after) = match &*message.kind {
        "INSERT" | "INIT" => (None, data),
        "UPDATE" => (old, data),
        // `json` has a deleted row in `old`, the others in `data`.
        "DELETE" => (old.or(data), None),
        _ => return Ok(None),
    };
    let (database, table) = (message.database, message.table);
    Ok(Some(RowChange { database, table, before, after }))
}

#[derive(Deserialize)]
struct Maxwell<'m> {
    #[serde(borrow)]
    database: Option<Cow<'m, str>>,
    #[serde(borrow)]
    table: Option<Cow<'m, str>>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'m, str>,
    #[serde(borrow)]
    data: Option<Members<'m>>,
    #[serde(borrow)]
    old: Option<Members<'m>>,
}

fn maxwell(value: &[u8]) -> Result<Option<RowChange<'_>>> {
    let message: Maxwell<'_> = serde_json::from_slice(value).map_err(|e| strange(&e))?;
    let (Some(database), Some(table)) = (message.database, message.table) else { return Ok(None) };
    let data = message.data.map(|row| row.0);
    let (before, after) = match &*message.kind {
        "insert" | "bootstrap-insert" => (None, data),
        // Nothing changed that is in the message.
        "update" => (Some(message.old.map(|row| row.0).unwrap_or_default()), data),
        "delete" => (data, None),
        _ => return Ok(None),
    };
    Ok(Some(RowChange { database, table, before, after }))
}

#[derive(Deserialize)]
struct Source<'m> {
    #[serde(borrow)]
    db: Cow<'m, str>,
    #[serde(borrow)]
    table: Cow<'m, str>,
}

#[derive(Deserialize)]
struct Event<'m> {
    #[serde(borrow)]
    before: Option<Members<'m>>,
    #[serde(borrow)]
    after: Option<Members<'m>>,
    #[serde(borrow)]
    source: Option<Source<'m>>,
}

fn debezium<'m>(value: &'m [u8]) -> Result<Option<RowChange<'m>>> {
    let event: Event<'m> = serde_json::from_slice(value).map_err(|e| strange(&e))?;
    // A statement has no source.
    let Some(source) = event.source else { return Ok(None) };
    let row = |members: Option<Members<'m>>| members.map(|members| members.0);
    Ok(Some(RowChange {
        database: source.db,
        table: source.table,
        before: row(event.before),
        after: row(event.after),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as text.
    type Row = Option<Vec<(String, String)>>;

    fn fields(fields: &Option<Fields<'_>>) -> Row {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = fields.as_ref()?;
        Some(fields.iter().map(|(name, value)| (name.to_string(), text(value))).collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Row {
        Some(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    fn read(format: MessageFormat, text: &str) -> Option<[Row; 2]> {
        let change = MessageReader::new(format, None).read(text.as_bytes()).unwrap()?;
        assert_eq!((&*change.database, &*change.table), ("s", "t"));
        Some([fields(&change.before), fields(&change.after)])
    }

    #[test]
    fn drs_messages_tell_both_images() {
        let message = |kind: &str, data: &str, old: &str| {
            format!(
                r#"{{"mysqlType":{{"id":"int"}},"id":1,"es":1,"ts":1,"database":"s","table":"t","type":"{kind}","isDdl":false,"sql":"","sqlType":{{"id":4}},"data":{data},"old":{old},"pkNames":["id"]}}"#
            )
        };
        let (a, b) = (r#"[{"id":"7","n\u003cm":null}]"#, r#"[{"id":"8","n\u003cm":"x\"y"}]"#);
        let first = pairs(&[("id", r#""7""#), ("n<m", "null")]);
        let second = pairs(&[("id", r#""8""#), ("n<m", r#""x\"y""#)]);
        let json = |text: &str| read(MessageFormat::Json, text);
        assert_eq!(json(&message("INIT", a, "null")), Some([None, first.clone()]));
        assert_eq!(json(&message("UPDATE", b, a)), Some([first.clone(), second]));
        assert_eq!(json(&message("DELETE", "null", a)), Some([first.clone(), None]));
        let in_data = read(MessageFormat::JsonC, &message("DELETE", a, "null"));
        assert_eq!(in_data, Some([first, None]));
        let ddl = message("DDL", "null", "null").replace("false", "true");
        assert_eq!(json(&ddl), None);
        let error = MessageReader::new(MessageFormat::Json, None).read(b"{\"x\":1}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
    }

    #[test]
    fn maxwell_tells_what_changed() {
        let read = |text: &str| read(MessageFormat::Maxwell, text);
        let update = r#"{"database":"s","table":"t","type":"update","ts":1,"xid":1,"data":{"id":7,"j":{"a":[1]}},"old":{"j":null}}"#;
        let after = pairs(&[("id", "7"), ("j", r#"{"a":[1]}"#)]);
        assert_eq!(read(update), Some([pairs(&[("j", "null")]), after]));
        let delete =
            r#"{"database":"s","table":"t","type":"delete","ts":1,"xid":1,"data":{"id":7}}"#;
        assert_eq!(read(delete), Some([pairs(&[("id", "7")]), None]));
        assert_eq!(read(r#"{"database":"s","table":"t","type":"table-drop","ts":1}"#), None);
    }

    #[test]
    fn debezium_has_names_in_its_source() {
        let event = r#"{"before":null,"after":{"id":7},"source":{"db":"s","table":"t"},"op":"c"}"#;
        assert_eq!(read(MessageFormat::Debezium, event), Some([None, pairs(&[("id", "7")])]));
    }
}
