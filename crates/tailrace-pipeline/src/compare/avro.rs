//! Messages in Avro: schemas by id, of the registry or of this process, and events as columns.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;

use crate::compare::message::{Fields, RowChange};
use crate::error::{Error, ErrorKind, Result};
use crate::sink::registry::{HttpRegistry, SchemaRegistry};

/// Bytes in front of an event: zero, and the schema's id.
const HEAD_BYTES: usize = 5;
/// Schemas of one topic that are kept; at more all are forgotten and asked for again.
const SCHEMAS_MAX: usize = 1_000;

/// Schemas that rows of the source are written with: they need not be registered to be compared. Ids are given from the
/// highest down, where a registry never comes.
#[derive(Debug, Default)]
pub(crate) struct LocalSchemas {
    schemas: Mutex<Vec<String>>,
}

impl SchemaRegistry for LocalSchemas {
    fn id(&self, _subject: &str, schema: &str) -> Result<u32> {
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        let place = schemas.iter().position(|known| known == schema).unwrap_or_else(|| {
            schemas.push(schema.to_owned());
            schemas.len() - 1
        });
        let place = u32::try_from(place)
            .map_err(|_| Error::new(ErrorKind::Limit, "more schemas than ids"))?;
        Ok(u32::MAX - place)
    }
}

impl LocalSchemas {
    fn schema(&self, id: u32) -> Option<String> {
        let place = usize::try_from(u32::MAX - id).ok()?;
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }
}

/// Reads events.
pub(crate) struct AvroMessages {
    local: Arc<LocalSchemas>,
    registry: HttpRegistry,
    schemas: HashMap<u32, Schema>,
}

impl AvroMessages {
    pub(crate) fn new(local: Arc<LocalSchemas>, registry: HttpRegistry) -> Self {
        Self { local, registry, schemas: HashMap::new() }
    }

    fn schema(&mut self, id: u32) -> Result<&Schema> {
        if !self.schemas.contains_key(&id) {
            if self.schemas.len() >= SCHEMAS_MAX {
                self.schemas.clear();
            }
            let text = match self.local.schema(id) {
                Some(text) => text,
                None => self.registry.schema(id)?,
            };
            let schema = Schema::parse_str(&text)
                .map_err(|e| unreadable(&format!("schema {id} of the registry: {e}")))?;
            self.schemas.insert(id, schema);
        }
        self.schemas.get(&id).ok_or_else(|| Error::new(ErrorKind::Bug, "a schema was lost"))
    }

    /// What an event says of a row.
    ///
    /// # Errors
    /// `Decode` for what is no event, and those of the registry.
    pub(crate) fn read<'m>(&mut self, message: &'m [u8]) -> Result<Option<RowChange<'m>>> {
        let (head, mut body) = message
            .split_at_checked(HEAD_BYTES)
            .ok_or_else(|| unreadable("it is shorter than the head of Avro's messages"))?;
        let id = match head {
            [0, id @ ..] => id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte)),
            _ => return Err(unreadable("it does not begin as Avro's messages do")),
        };
        let reader = GenericDatumReader::builder(self.schema(id)?).build();
        let value = reader
            .and_then(|reader| reader.read_value(&mut body))
            .map_err(|e| unreadable(&format!("it does not fit schema {id}: {e}")))?;
        event(value)
    }
}

fn unreadable(text: &str) -> Error {
    Error::new(ErrorKind::Decode, text)
}

fn record(value: Value) -> Option<Vec<(String, Value)>> {
    match value {
        Value::Record(fields) => Some(fields),
        Value::Union(_, inner) => record(*inner),
        _ => None,
    }
}

/// An envelope as a change.
fn event<'m>(value: Value) -> Result<Option<RowChange<'m>>> {
    let envelope = record(value).ok_or_else(|| unreadable("it is no record"))?;
    let (mut before, mut after, mut source) = (None, None, Vec::new());
    for (name, value) in envelope {
        match name.as_str() {
            "before" => before = record(value),
            "after" => after = record(value),
            "source" => source = record(value).unwrap_or_default(),
            _ => {}
        }
    }
    let name_of = |wanted: &str| {
        source.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| text(value))
    };
    let (Some(database), Some(table)) = (name_of("db"), name_of("table")) else {
        return Err(unreadable("its source names no table"));
    };
    let (before, after) = (before.map(columns), after.map(columns));
    Ok(Some(RowChange { database: database.into(), table: table.into(), before, after }))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Union(_, inner) => text(inner),
        _ => None,
    }
}

fn columns<'m>(record: Vec<(String, Value)>) -> Fields<'m> {
    let mut columns = Fields::with_capacity(record.len());
    for (name, value) in record {
        let mut shown = String::new();
        show(&value, &mut shown);
        columns.push((Cow::Owned(name), Cow::Owned(shown.into_bytes())));
    }
    columns
}

/// A value as text that is equal for equal values, whichever branch of a union they are in.
fn show(value: &Value, out: &mut String) {
    match value {
        Value::Union(_, inner) => show(inner, out),
        Value::Null => out.push_str("null"),
        Value::Int(number) => out.push_str(&format!("{number}")),
        Value::Long(number) => out.push_str(&format!("{number}")),
        Value::Float(number) => out.push_str(&format!("{number:?}")),
        Value::Double(number) => out.push_str(&format!("{number:?}")),
        Value::String(text) => out.push_str(&format!("{text:?}")),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => hex(bytes, out),
        Value::Decimal(decimal) => match <Vec<u8>>::try_from(decimal) {
            Ok(bytes) => hex(&bytes, out),
            Err(_) => out.push_str(&format!("{value:?}")),
        },
        Value::Record(fields) => {
            for (name, value) in fields {
                out.push_str(&format!("{name}="));
                show(value, out);
                out.push(';');
            }
        }
        Value::Array(items) => {
            for item in items {
                show(item, out);
                out.push(',');
            }
        }
        other => out.push_str(&format!("{other:?}")),
    }
}

fn hex(bytes: &[u8], out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for byte in bytes {
        out.extend([byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]));
    }
}
