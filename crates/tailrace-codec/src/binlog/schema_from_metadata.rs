//! A table's schema from nothing but its TABLE_MAP, as `binlog_row_metadata=FULL` allows.

use std::sync::Arc;

use super::table_map::TableMap;
use super::table_metadata::{Collations, Integers, MemberLists, OptionalMetadata};
use super::wire_column::WireColumn;
use crate::error::{DecodeError, Result};
use crate::schema::{CollationId, Column, ColumnType, TableSchema};

/// Collation number of byte strings.
pub(super) const BINARY_COLLATION: CollationId = 63;

/// Turns ENUM and SET members, which the log has in their column's character set, into text.
pub type MemberText<'f> = dyn FnMut(CollationId, &[u8]) -> Result<String> + 'f;

/// Walks the optional metadata along the columns.
pub(super) struct ColumnFacts<'a> {
    map: TableMap<'a>,
    metadata: OptionalMetadata<'a>,
    numeric: usize,
    collations: Collations<'a>,
    enum_set_collations: Collations<'a>,
    enum_members: MemberLists<'a>,
    set_members: MemberLists<'a>,
    geometry_types: Integers<'a>,
}

impl<'a> ColumnFacts<'a> {
    pub(super) fn new(map: &TableMap<'a>) -> Result<Self> {
        let metadata = map.optional_metadata()?;
        Ok(Self {
            map: *map,
            metadata,
            numeric: 0,
            collations: metadata.character_collations()?,
            enum_set_collations: metadata.enum_set_collations()?,
            enum_members: metadata.enum_members(),
            set_members: metadata.set_members(),
            geometry_types: metadata.geometry_types(),
        })
    }

    /// Sign of the next column if it is numeric and the server said so.
    pub(super) fn next_unsigned(&mut self, wire: WireColumn) -> Option<bool> {
        if !wire.is_numeric() {
            return None;
        }
        let unsigned = self.metadata.is_unsigned(self.numeric);
        self.numeric = self.numeric.saturating_add(1);
        unsigned
    }

    /// Collation of the next column if it has one and the server said so.
    pub(super) fn next_collation(&mut self, wire: WireColumn) -> Result<Option<CollationId>> {
        if self.map.lists_collation(wire) {
            self.collations.next_collation()
        } else if wire.is_enum_or_set() {
            self.enum_set_collations.next_collation()
        } else {
            Ok(None)
        }
    }
}

fn missing(map: &TableMap<'_>, column: &str, what: &str) -> DecodeError {
    DecodeError::new(
        "TABLE_MAP_EVENT optional metadata",
        0,
        format!(
            "{what} of column `{column}` of {}.{} is missing; the server needs binlog_row_metadata=FULL",
            map.database, map.table
        ),
    )
}

/// Builds the schema. `member_text` converts ENUM and SET members to UTF-8.
pub(super) fn build(map: &TableMap<'_>, member_text: &mut MemberText<'_>) -> Result<TableSchema> {
    let mut facts = ColumnFacts::new(map)?;
    let mut names = facts.metadata.names();
    let mut columns = Vec::with_capacity(map.column_count());
    for (index, wire) in map.wire_columns().enumerate() {
        let wire = wire?;
        let name = match names.next() {
            Some(name) => name?,
            None => {
                return Err(missing(
                    map,
                    &format!("number {}", index.saturating_add(1)),
                    "the name",
                ));
            }
        };
        columns.push(column(map, index, name, wire, &mut facts, member_text)?);
    }
    let mut primary_key = Vec::new();
    for part in facts.metadata.primary_key() {
        let (ordinal, _prefix) = part?;
        if ordinal >= columns.len() || primary_key.len() >= columns.len() {
            return Err(DecodeError::new(
                "TABLE_MAP_EVENT primary key",
                0,
                format!("column {ordinal} in a table of {} columns", columns.len()),
            ));
        }
        primary_key.push(ordinal);
    }
    Ok(TableSchema {
        database: map.database.to_owned(),
        table: map.table.to_owned(),
        columns,
        primary_key,
    })
}

fn column(
    map: &TableMap<'_>,
    index: usize,
    name: &str,
    wire: WireColumn,
    facts: &mut ColumnFacts<'_>,
    member_text: &mut MemberText<'_>,
) -> Result<Column> {
    let unsigned = match (facts.next_unsigned(wire), wire) {
        // Servers differ in what they write for YEAR, and it means nothing.
        (_, WireColumn::Year) => false,
        (None, w) if w.is_numeric() => return Err(missing(map, name, "the sign")),
        (unsigned, _) => unsigned.unwrap_or(false),
    };
    let collation = match (facts.next_collation(wire)?, wire) {
        (Some(collation), _) => collation,
        (None, WireColumn::Vector { .. }) => BINARY_COLLATION,
        (None, w) if w.is_character() || w.is_enum_or_set() => {
            return Err(missing(map, name, "the character set"));
        }
        (None, _) => BINARY_COLLATION,
    };
    let kind = match wire {
        WireColumn::Enum { .. } => {
            ColumnType::Enum(members(map, name, collation, &mut facts.enum_members, member_text)?)
        }
        WireColumn::Set { .. } => {
            ColumnType::Set(members(map, name, collation, &mut facts.set_members, member_text)?)
        }
        other => plain_type(other, unsigned, collation),
    };
    let geometry = match wire {
        WireColumn::Geometry { .. } => facts.geometry_types.next().transpose()?,
        _ => None,
    };
    let mut type_name = type_name(wire, collation, geometry).to_owned();
    if unsigned {
        type_name.push_str(" unsigned");
    }
    let nullable = map.is_nullable(index);
    Ok(Column { name: name.to_owned(), kind, type_name, collation, nullable })
}

fn members(
    map: &TableMap<'_>,
    name: &str,
    collation: CollationId,
    lists: &mut MemberLists<'_>,
    member_text: &mut MemberText<'_>,
) -> Result<Arc<[String]>> {
    let mut members = Vec::new();
    let found = lists.next_column(|bytes| {
        members.push(member_text(collation, bytes)?);
        Ok(())
    })?;
    if found { Ok(members.into()) } else { Err(missing(map, name, "the list of members")) }
}

/// The type of a column that needs no more than sign and collation.
fn plain_type(wire: WireColumn, unsigned: bool, collation: CollationId) -> ColumnType {
    use ColumnType as K;
    use WireColumn as W;
    let binary = collation == BINARY_COLLATION;
    match wire {
        W::Tiny => K::TinyInt { unsigned },
        W::Short => K::SmallInt { unsigned },
        W::Int24 => K::MediumInt { unsigned },
        W::Long => K::Int { unsigned },
        W::LongLong => K::BigInt { unsigned },
        W::Float => K::Float,
        W::Double => K::Double,
        W::Decimal { precision, scale } => K::Decimal { precision, scale },
        W::Bit { bits } => K::Bit { bits },
        W::Year => K::Year,
        W::Date => K::Date,
        W::OldTime => K::Time(0),
        W::OldDateTime => K::DateTime(0),
        W::OldTimestamp => K::Timestamp(0),
        W::Time { fsp } => K::Time(fsp),
        W::DateTime { fsp } => K::DateTime(fsp),
        W::Timestamp { fsp } => K::Timestamp(fsp),
        W::FixedString { bytes_max } if binary => K::Binary { length: bytes_max },
        W::FixedString { .. } => K::Char,
        W::VarString { .. } | W::CompressedVarString { .. } if binary => K::VarBinary,
        W::VarString { .. } | W::CompressedVarString { .. } => K::VarChar,
        W::Blob { .. } | W::CompressedBlob { .. } if binary => K::Blob,
        W::Blob { .. } | W::CompressedBlob { .. } => K::Text,
        W::Enum { .. } => K::Enum(Arc::new([])),
        W::Set { .. } => K::Set(Arc::new([])),
        W::Json { .. } => K::Json,
        W::Geometry { .. } => K::Geometry,
        W::Vector { .. } => K::Vector,
    }
}

/// The bare type name as `information_schema.COLUMNS.DATA_TYPE` has it.
fn type_name(wire: WireColumn, collation: CollationId, geometry: Option<u64>) -> &'static str {
    use WireColumn as W;
    let binary = collation == BINARY_COLLATION;
    match wire {
        W::Tiny => "tinyint",
        W::Short => "smallint",
        W::Int24 => "mediumint",
        W::Long => "int",
        W::LongLong => "bigint",
        W::Float => "float",
        W::Double => "double",
        W::Decimal { .. } => "decimal",
        W::Bit { .. } => "bit",
        W::Year => "year",
        W::Date => "date",
        W::OldTime | W::Time { .. } => "time",
        W::OldDateTime | W::DateTime { .. } => "datetime",
        W::OldTimestamp | W::Timestamp { .. } => "timestamp",
        W::FixedString { .. } if binary => "binary",
        W::FixedString { .. } => "char",
        W::VarString { .. } | W::CompressedVarString { .. } if binary => "varbinary",
        W::VarString { .. } | W::CompressedVarString { .. } => "varchar",
        W::Blob { length_bytes } | W::CompressedBlob { length_bytes } => {
            match (length_bytes, binary) {
                (1, true) => "tinyblob",
                (1, false) => "tinytext",
                (2, true) => "blob",
                (2, false) => "text",
                (3, true) => "mediumblob",
                (3, false) => "mediumtext",
                (_, true) => "longblob",
                (_, false) => "longtext",
            }
        }
        W::Enum { .. } => "enum",
        W::Set { .. } => "set",
        W::Json { .. } => "json",
        W::Geometry { .. } => match geometry {
            Some(1) => "point",
            Some(2) => "linestring",
            Some(3) => "polygon",
            Some(4) => "multipoint",
            Some(5) => "multilinestring",
            Some(6) => "multipolygon",
            Some(7) => "geomcollection",
            _ => "geometry",
        },
        W::Vector { .. } => "vector",
    }
}
