//! The Avro schemas of a table's events, as Kafka Connect's Avro converter makes them of Debezium's: types by `connect.name`, so that
//! readers that know Debezium's find them.

use std::collections::BTreeSet;

use super::super::super::error::ValueError;
use super::super::column::is_precise;
use super::super::modes::{BinaryMode, DebeziumModes, DecimalMode, TimeMode};
use crate::schema::{Column, ColumnType, TableSchema};

/// A schema in JSON, written as a text: the order of members is part of what a registry compares.
pub(super) struct Schemas {
    /// Of keys; `None` for a table without a primary key.
    pub(super) key: Option<String>,
    /// Of events.
    pub(super) value: String,
    pub(super) columns: Vec<String>,
}

/// The schemas of a table.
///
/// # Errors
/// Two columns have one name in Avro.
pub(super) fn schemas(table: &TableSchema, modes: DebeziumModes) -> Result<Schemas, ValueError> {
    let names = field_names(table)?;
    let namespace = format!("{}.{}", name_of(&table.database), name_of(&table.table));
    let mut seen = BTreeSet::new();
    let record = |name: &str,
                  ordinals: &mut dyn Iterator<Item = usize>,
                  seen: &mut BTreeSet<&'static str>| {
        let fields: Vec<String> = ordinals
            .filter_map(|ordinal| table.columns.get(ordinal).zip(names.get(ordinal)))
            .map(|(column, name)| field(column, name, (modes, &mut *seen)))
            .collect();
        format!(
            r#"{{"type":"record","name":"{name}","namespace":"{namespace}","fields":[{}]"#,
            fields.join(",")
        )
    };
    let key = (!table.primary_key.is_empty()).then(|| {
        let record = record("Key", &mut table.primary_key.iter().copied(), &mut BTreeSet::new());
        format!(r#"{record},"connect.name":"{namespace}.Key"}}"#)
    });
    let row = record("Value", &mut (0..table.columns.len()), &mut seen);
    let value = format!(
        r#"{{"type":"record","name":"Envelope","namespace":"{namespace}","fields":[{{"name":"before","type":["null",{row},"connect.name":"{namespace}.Value"}}],"default":null}},{{"name":"after","type":["null","Value"],"default":null}},{SOURCE},{TAIL}],"connect.version":2,"connect.name":"{namespace}.Envelope"}}"#
    );
    Ok(Schemas { key, value, columns: names })
}

/// Debezium's `source` of its MySQL connector.
const SOURCE: &str = r#"{"name":"source","type":{"type":"record","name":"Source","namespace":"io.debezium.connector.mysql","fields":[{"name":"version","type":"string"},{"name":"connector","type":"string"},{"name":"name","type":"string"},{"name":"ts_ms","type":"long"},{"name":"snapshot","type":[{"type":"string","connect.version":1,"connect.parameters":{"allowed":"true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"},"connect.default":"false","connect.name":"io.debezium.data.Enum"},"null"],"default":"false"},{"name":"db","type":"string"},{"name":"sequence","type":["null","string"],"default":null},{"name":"ts_us","type":["null","long"],"default":null},{"name":"ts_ns","type":["null","long"],"default":null},{"name":"table","type":["null","string"],"default":null},{"name":"server_id","type":"long"},{"name":"gtid","type":["null","string"],"default":null},{"name":"file","type":"string"},{"name":"pos","type":"long"},{"name":"row","type":"int"},{"name":"thread","type":["null","long"],"default":null},{"name":"query","type":["null","string"],"default":null}],"connect.version":1,"connect.name":"io.debezium.connector.mysql.Source"}}"#;

/// What stands behind it.
const TAIL: &str = r#"{"name":"transaction","type":["null",{"type":"record","name":"block","namespace":"event","fields":[{"name":"id","type":"string"},{"name":"total_order","type":"long"},{"name":"data_collection_order","type":"long"}],"connect.version":1,"connect.name":"event.block"}],"default":null},{"name":"op","type":"string"},{"name":"ts_ms","type":["null","long"],"default":null},{"name":"ts_us","type":["null","long"],"default":null},{"name":"ts_ns","type":["null","long"],"default":null}"#;

/// The names of the columns in Avro.
fn field_names(table: &TableSchema) -> Result<Vec<String>, ValueError> {
    let mut names: Vec<String> = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let name = name_of(&column.name);
        if let Some(other) = names.iter().position(|other| *other == name) {
            let other = table.columns.get(other).map_or("", |column| &column.name);
            return Err(ValueError::new(format!(
                "the columns {other} and {} would both be {name} in Avro, whose names have letters, digits and underscores only; rename one in the mapping",
                column.name
            )));
        }
        names.push(name);
    }
    Ok(names)
}

/// A name with what Avro does not take as underscores (Debezium's `field.name.adjustment.mode=avro`).
pub(super) fn name_of(name: &str) -> String {
    let mut out = String::with_capacity(name.len().saturating_add(1));
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(name.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '_' }));
    out
}

/// The modes, and the records that were spelled out.
type Context<'s> = (DebeziumModes, &'s mut BTreeSet<&'static str>);

fn field(column: &Column, name: &str, (modes, seen): Context<'_>) -> String {
    let kind = match type_by_mode(column, modes) {
        Some(kind) => kind,
        None => type_of(column, seen),
    };
    if column.nullable {
        format!(r#"{{"name":"{name}","type":["null",{kind}],"default":null}}"#)
    } else {
        format!(r#"{{"name":"{name}","type":{kind}}}"#)
    }
}

/// A type with Connect's name for what it means.
fn meaning(kind: &str, parameters: &str, name: &str) -> String {
    format!(r#"{{"type":{kind},"connect.version":1{parameters},"connect.name":"{name}"}}"#)
}

/// The type of a column that a mode gives another one than Debezium's default does.
fn type_by_mode(column: &Column, modes: DebeziumModes) -> Option<String> {
    let named = |kind: &str, name: &str| Some(meaning(kind, "", name));
    let (text, long) = (r#""string""#, r#""long""#);
    match (&column.kind, modes.time) {
        (ColumnType::Decimal { .. }, _) => match modes.decimal {
            DecimalMode::Precise => None,
            DecimalMode::Double => Some(r#""double""#.to_owned()),
            DecimalMode::String => Some(text.to_owned()),
        },
        (ColumnType::BigInt { unsigned: true }, _) if is_precise(column, modes) => Some(
            r#"{"type":"bytes","scale":0,"precision":64,"connect.version":1,"connect.parameters":{"scale":"0"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}"#.to_owned(),
        ),
        (ColumnType::Binary { .. } | ColumnType::VarBinary | ColumnType::Blob, _) => {
            (modes.binary != BinaryMode::Bytes).then(|| text.to_owned())
        }
        (_, TimeMode::AdaptiveTimeMicroseconds) => None,
        (ColumnType::Date, TimeMode::IsoString) => named(text, "io.debezium.time.IsoDate"),
        (ColumnType::Time(_), TimeMode::IsoString) => named(text, "io.debezium.time.IsoTime"),
        (ColumnType::DateTime(_), TimeMode::IsoString) => {
            named(text, "io.debezium.time.IsoTimestamp")
        }
        (ColumnType::Date, TimeMode::Connect) => Some(connect("int", "Date", "date")),
        (ColumnType::Time(_), TimeMode::Connect) => Some(connect("int", "Time", "time-millis")),
        (ColumnType::DateTime(_), TimeMode::Connect) => {
            Some(connect("long", "Timestamp", "timestamp-millis"))
        }
        (ColumnType::Time(_), TimeMode::Nanoseconds) => named(long, "io.debezium.time.NanoTime"),
        (ColumnType::DateTime(_), TimeMode::Microseconds) => {
            named(long, "io.debezium.time.MicroTimestamp")
        }
        (ColumnType::DateTime(_), TimeMode::Nanoseconds) => {
            named(long, "io.debezium.time.NanoTimestamp")
        }
        _ => None,
    }
}

/// One of Kafka Connect's own types.
fn connect(kind: &str, name: &str, logical: &str) -> String {
    format!(
        r#"{{"type":"{kind}","connect.version":1,"connect.name":"org.apache.kafka.connect.data.{name}","logicalType":"{logical}"}}"#
    )
}

fn type_of(column: &Column, seen: &mut BTreeSet<&'static str>) -> String {
    let named = |kind: &str, name: &str| meaning(kind, "", name);
    match &column.kind {
        ColumnType::TinyInt { .. } | ColumnType::SmallInt { unsigned: false } => {
            r#"{"type":"int","connect.type":"int16"}"#.to_owned()
        }
        ColumnType::SmallInt { unsigned: true }
        | ColumnType::MediumInt { .. }
        | ColumnType::Int { unsigned: false } => r#""int""#.to_owned(),
        ColumnType::Int { unsigned: true } | ColumnType::BigInt { .. } => r#""long""#.to_owned(),
        ColumnType::Float => r#""float""#.to_owned(),
        ColumnType::Double => r#""double""#.to_owned(),
        ColumnType::Decimal { precision, scale } => format!(
            r#"{{"type":"bytes","scale":{scale},"precision":{precision},"connect.version":1,"connect.parameters":{{"scale":"{scale}","connect.decimal.precision":"{precision}"}},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}}"#
        ),
        ColumnType::Bit { bits: 1 } => r#""boolean""#.to_owned(),
        ColumnType::Bit { bits } => meaning(
            r#""bytes""#,
            &format!(r#","connect.parameters":{{"length":"{bits}"}}"#),
            "io.debezium.data.Bits",
        ),
        ColumnType::Year => named(r#""int""#, "io.debezium.time.Year"),
        ColumnType::Date => named(r#""int""#, "io.debezium.time.Date"),
        ColumnType::Time(_) => named(r#""long""#, "io.debezium.time.MicroTime"),
        ColumnType::DateTime(0..=3) => named(r#""long""#, "io.debezium.time.Timestamp"),
        ColumnType::DateTime(_) => named(r#""long""#, "io.debezium.time.MicroTimestamp"),
        ColumnType::Timestamp(_) => named(r#""string""#, "io.debezium.time.ZonedTimestamp"),
        ColumnType::Json => named(r#""string""#, "io.debezium.data.Json"),
        ColumnType::Enum(members) => members_of(members, "io.debezium.data.Enum"),
        ColumnType::Set(members) => members_of(members, "io.debezium.data.EnumSet"),
        ColumnType::Binary { .. } | ColumnType::VarBinary | ColumnType::Blob => {
            r#""bytes""#.to_owned()
        }
        ColumnType::Geometry if column.type_name == "point" => geometry("Point", POINT, seen),
        ColumnType::Geometry => geometry("Geometry", GEOMETRY, seen),
        ColumnType::Vector => {
            r#"{"type":"array","items":"float","connect.version":1,"connect.name":"io.debezium.data.FloatVector"}"#.to_owned()
        }
        ColumnType::Char
        | ColumnType::VarChar
        | ColumnType::Text
        | ColumnType::Uuid
        | ColumnType::Inet4
        | ColumnType::Inet6 => r#""string""#.to_owned(),
    }
}

const POINT: &str = r#"{"name":"x","type":"double"},{"name":"y","type":"double"},{"name":"wkb","type":["null","bytes"],"default":null},{"name":"srid","type":["null","int"],"default":null}"#;
const GEOMETRY: &str =
    r#"{"name":"wkb","type":"bytes"},{"name":"srid","type":["null","int"],"default":null}"#;

/// A record, which is spelled out once and then named.
fn geometry(name: &'static str, fields: &str, seen: &mut BTreeSet<&'static str>) -> String {
    let full = format!("io.debezium.data.geometry.{name}");
    if !seen.insert(name) {
        return format!(r#""{full}""#);
    }
    format!(
        r#"{{"type":"record","name":"{name}","namespace":"io.debezium.data.geometry","fields":[{fields}],"connect.version":1,"connect.name":"{full}"}}"#
    )
}

fn members_of(members: &[String], name: &str) -> String {
    let mut allowed = Vec::new();
    super::super::super::drs_json::push_quoted_by::<{ super::super::super::escape::PLAIN }>(
        &mut allowed,
        &members.join(","),
    );
    let allowed = String::from_utf8_lossy(&allowed).into_owned();
    let parameters = format!(r#","connect.parameters":{{"allowed":{allowed}}}"#);
    meaning(r#""string""#, &parameters, name)
}
