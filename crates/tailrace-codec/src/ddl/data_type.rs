//! The type of a column as written, before the table's character set is known.

use std::sync::Arc;

use super::cursor::{Cursor, Parsed};
use super::lexer::Token;
use super::statement::NotUnderstood;
use crate::charset::{Decoder, collation_id};
use crate::schema::{CollationId, ColumnType, Fsp};

/// The collation of bytes.
pub(super) const BINARY: CollationId = 63;

/// The longest VARCHAR and VARBINARY, in bytes; a server may turn longer ones into TEXT.
const VAR_BYTES_MAX: u64 = 65_535;

/// A type as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DataType {
    /// All that does not depend on a character set, with the catalog's name of it.
    Plain(ColumnType, String),
    /// `CHAR(chars)`
    Char(u64),
    /// `VARCHAR(chars)`
    VarChar(u64),
    /// `TINYTEXT` and the like.
    Text(Size),
    /// `TEXT(chars)`: the smallest that holds them.
    TextOf(u64),
    /// `ENUM` with its members as written.
    Enum(Vec<String>),
    /// `SET` with its members as written.
    Set(Vec<String>),
}

/// The four sizes of TEXT and BLOB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Size {
    Tiny,
    Normal,
    Medium,
    Long,
}

impl Size {
    /// The smallest that holds so many bytes.
    pub(super) fn holding(bytes: u64) -> Self {
        match bytes {
            0..=0xFF => Self::Tiny,
            0x100..=0xFFFF => Self::Normal,
            0x1_0000..=0xFF_FFFF => Self::Medium,
            _ => Self::Long,
        }
    }

    pub(super) fn text_name(self) -> &'static str {
        match self {
            Self::Tiny => "tinytext",
            Self::Normal => "text",
            Self::Medium => "mediumtext",
            Self::Long => "longtext",
        }
    }

    fn blob_name(self) -> &'static str {
        match self {
            Self::Tiny => "tinyblob",
            Self::Normal => "blob",
            Self::Medium => "mediumblob",
            Self::Long => "longblob",
        }
    }
}

/// The character set as written with a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// The table's.
    Unsaid,
    /// The `_bin` collation of the table's character set.
    UnsaidBinary,
    /// This one.
    Of(CollationId),
}

impl Charset {
    /// The collation, given the table's. `None` if it depends on that and that is not known.
    pub(super) fn resolve(self, default: Option<CollationId>) -> Option<CollationId> {
        match self {
            Self::Of(id) => Some(id),
            Self::Unsaid => default,
            Self::UnsaidBinary => binary_of(default?),
        }
    }
}

/// The `_bin` collation of a collation's character set.
pub(super) fn binary_of(collation: CollationId) -> Option<CollationId> {
    match crate::charset::charset_of(collation)? {
        "binary" => Some(BINARY),
        charset => collation_id(&format!("{charset}_bin")),
    }
}

/// The most bytes of one character.
pub(super) fn char_bytes_max(collation: CollationId) -> u64 {
    Decoder::for_collation(collation).map_or(1, |decoder| decoder.char_bytes_max().into())
}

impl DataType {
    /// Whether the type has a character set.
    pub(super) fn is_character(&self) -> bool {
        !matches!(self, Self::Plain(..))
    }

    /// The schema's type and the catalog's name of it, in a character set.
    pub(super) fn resolve(
        &self,
        collation: CollationId,
    ) -> Result<(ColumnType, String), NotUnderstood> {
        let bytes = collation == BINARY;
        let length = |chars: u64| chars.saturating_mul(char_bytes_max(collation));
        let (kind, name) = match self {
            Self::Plain(kind, name) => return Ok((kind.clone(), name.clone())),
            Self::Char(chars) if bytes => {
                let length = u16::try_from(*chars).ok().filter(|length| *length <= 255);
                let Some(length) = length else {
                    return Err(NotUnderstood::because(format!("BINARY({chars}) is too long")));
                };
                (ColumnType::Binary { length }, "binary")
            }
            Self::Char(_) => (ColumnType::Char, "char"),
            Self::VarChar(chars) if length(*chars) > VAR_BYTES_MAX => {
                return Err(NotUnderstood::because(format!(
                    "VARCHAR({chars}) may have become another type: more than {VAR_BYTES_MAX} bytes"
                )));
            }
            Self::VarChar(_) if bytes => (ColumnType::VarBinary, "varbinary"),
            Self::VarChar(_) => (ColumnType::VarChar, "varchar"),
            Self::Text(size) if bytes => (ColumnType::Blob, size.blob_name()),
            Self::Text(size) => (ColumnType::Text, size.text_name()),
            Self::TextOf(chars) if bytes => (ColumnType::Blob, Size::holding(*chars).blob_name()),
            Self::TextOf(chars) => (ColumnType::Text, Size::holding(length(*chars)).text_name()),
            Self::Enum(members) => (ColumnType::Enum(trimmed(members, bytes)), "enum"),
            Self::Set(members) => (ColumnType::Set(trimmed(members, bytes)), "set"),
        };
        Ok((kind, name.to_owned()))
    }
}

/// The server drops spaces at the end of members, except those of bytes.
fn trimmed(members: &[String], bytes: bool) -> Arc<[String]> {
    let trim = |member: &String| {
        if bytes { member.clone() } else { member.trim_end_matches(' ').to_owned() }
    };
    members.iter().map(trim).collect()
}

/// Reads a type with its length and its numeric attributes, but not its character set.
pub(super) fn data_type(cursor: &mut Cursor<'_>) -> Parsed<(DataType, Charset)> {
    let Token::Word(word) = cursor.peek() else { return Err(cursor.expected("a type")) };
    let word = word.to_ascii_uppercase();
    let before = *cursor;
    cursor.advance();
    if let Some(found) = character_type(cursor, &word)? {
        return Ok(found);
    }
    if let Some(plain) = number_type(cursor, &word)? {
        return Ok((plain, Charset::Of(BINARY)));
    }
    if let Some((kind, name)) = other_type(cursor, &word)? {
        return Ok((DataType::Plain(kind, name.to_owned()), Charset::Of(BINARY)));
    }
    Err(before.expected("a known type"))
}

/// Types with a character set, and those of bytes that share their spelling.
fn character_type(cursor: &mut Cursor<'_>, word: &str) -> Parsed<Option<(DataType, Charset)>> {
    let varying = |cursor: &mut Cursor<'_>| cursor.eat("VARYING");
    // JSON of MariaDB is another name of LONGTEXT in utf8mb4_bin.
    if word == "JSON" && cursor.dialect().mariadb {
        let collation = collation_id("utf8mb4_bin").unwrap_or(BINARY);
        return Ok(Some((DataType::Text(Size::Long), Charset::Of(collation))));
    }
    let (word, charset) = match word {
        "NATIONAL" | "NCHAR" | "NVARCHAR" => {
            let varying = word == "NVARCHAR"
                || cursor.eat_any(&["VARCHAR", "VARCHARACTER"])
                || (cursor.eat_any(&["CHAR", "CHARACTER"]) && varying(cursor))
                || cursor.eat_any(&["VARYING", "VARCHAR", "VARCHARACTER"]);
            let utf8 = collation_id("utf8mb3_general_ci").unwrap_or(BINARY);
            (if varying { "VARCHAR" } else { "CHAR" }, Charset::Of(utf8))
        }
        "CHAR" | "CHARACTER" if varying(cursor) => ("VARCHAR", Charset::Unsaid),
        "CHARACTER" => ("CHAR", Charset::Unsaid),
        "VARCHARACTER" => ("VARCHAR", Charset::Unsaid),
        "BINARY" => ("CHAR", Charset::Of(BINARY)),
        "VARBINARY" => ("VARCHAR", Charset::Of(BINARY)),
        "LONG" => {
            let bytes = cursor.eat("VARBINARY");
            if !bytes && !cursor.eat_any(&["VARCHAR", "VARCHARACTER"]) {
                let char = cursor.eat_any(&["CHAR", "CHARACTER"]);
                if char && !varying(cursor) {
                    return Err(cursor.expected("VARYING"));
                }
            }
            ("MEDIUMTEXT", if bytes { Charset::Of(BINARY) } else { Charset::Unsaid })
        }
        "TINYBLOB" => ("TINYTEXT", Charset::Of(BINARY)),
        "BLOB" => ("TEXT", Charset::Of(BINARY)),
        "MEDIUMBLOB" => ("MEDIUMTEXT", Charset::Of(BINARY)),
        "LONGBLOB" => ("LONGTEXT", Charset::Of(BINARY)),
        other => (other, Charset::Unsaid),
    };
    let kind = match word {
        "CHAR" => DataType::Char(length(cursor)?.unwrap_or(1)),
        "VARCHAR" => match length(cursor)? {
            Some(chars) => DataType::VarChar(chars),
            None => return Err(cursor.expected("a length")),
        },
        "TINYTEXT" => DataType::Text(Size::Tiny),
        "TEXT" => length(cursor)?.map_or(DataType::Text(Size::Normal), DataType::TextOf),
        "MEDIUMTEXT" => DataType::Text(Size::Medium),
        "LONGTEXT" => DataType::Text(Size::Long),
        "ENUM" => DataType::Enum(members(cursor)?),
        "SET" => DataType::Set(members(cursor)?),
        _ => return Ok(None),
    };
    Ok(Some((kind, charset)))
}

fn number_type(cursor: &mut Cursor<'_>, word: &str) -> Parsed<Option<DataType>> {
    type Build = fn(bool) -> ColumnType;
    let (build, name): (Build, _) = match word {
        "TINYINT" | "INT1" => (|unsigned| ColumnType::TinyInt { unsigned }, "tinyint"),
        "SMALLINT" | "INT2" => (|unsigned| ColumnType::SmallInt { unsigned }, "smallint"),
        "MEDIUMINT" | "INT3" | "MIDDLEINT" => {
            (|unsigned| ColumnType::MediumInt { unsigned }, "mediumint")
        }
        "INT" | "INT4" | "INTEGER" => (|unsigned| ColumnType::Int { unsigned }, "int"),
        "BIGINT" | "INT8" => (|unsigned| ColumnType::BigInt { unsigned }, "bigint"),
        "BOOL" | "BOOLEAN" => {
            return Ok(Some(plain(ColumnType::TinyInt { unsigned: false }, "tinyint", false)));
        }
        "SERIAL" => return Ok(Some(plain(ColumnType::BigInt { unsigned: true }, "bigint", true))),
        "DECIMAL" | "DEC" | "NUMERIC" | "FIXED" => return decimal(cursor).map(Some),
        "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" | "REAL" => return float(cursor, word).map(Some),
        _ => return Ok(None),
    };
    length(cursor)?;
    let unsigned = number_attributes(cursor);
    Ok(Some(plain(build(unsigned), name, unsigned)))
}

fn plain(kind: ColumnType, name: &str, unsigned: bool) -> DataType {
    DataType::Plain(kind, if unsigned { format!("{name} unsigned") } else { name.to_owned() })
}

fn decimal(cursor: &mut Cursor<'_>) -> Parsed<DataType> {
    let before = *cursor;
    let (precision, scale) = precision_and_scale(cursor)?.unwrap_or((10, None));
    // The server takes a precision of 0 for its default.
    let precision = if precision == 0 { 10 } else { precision };
    let fits = |number: u64, most: u8| u8::try_from(number).ok().filter(|number| *number <= most);
    let (Some(precision), Some(scale)) = (fits(precision, 65), fits(scale.unwrap_or(0), 30)) else {
        return Err(before.expected("at most 65 digits, 30 of them behind the point"));
    };
    let unsigned = number_attributes(cursor);
    Ok(plain(ColumnType::Decimal { precision, scale }, "decimal", unsigned))
}

fn float(cursor: &mut Cursor<'_>, word: &str) -> Parsed<DataType> {
    cursor.eat("PRECISION");
    let digits = precision_and_scale(cursor)?;
    let double = match (word, digits) {
        // A precision in bits.
        ("FLOAT", Some((bits, None))) => bits > 24,
        ("FLOAT" | "FLOAT4", _) => false,
        ("REAL", _) => !cursor.dialect().real_as_float,
        _ => true,
    };
    let unsigned = number_attributes(cursor);
    Ok(if double {
        plain(ColumnType::Double, "double", unsigned)
    } else {
        plain(ColumnType::Float, "float", unsigned)
    })
}

fn other_type(cursor: &mut Cursor<'_>, word: &str) -> Parsed<Option<(ColumnType, &'static str)>> {
    Ok(Some(match word {
        "BIT" => {
            let before = *cursor;
            let bits = length(cursor)?.unwrap_or(1);
            match u8::try_from(bits) {
                Ok(bits @ 1..=64) => (ColumnType::Bit { bits }, "bit"),
                _ => return Err(before.expected("1 to 64 bits")),
            }
        }
        "YEAR" => {
            length(cursor)?;
            number_attributes(cursor);
            (ColumnType::Year, "year")
        }
        "DATE" => (ColumnType::Date, "date"),
        "TIME" => (ColumnType::Time(fraction(cursor)?), "time"),
        "DATETIME" => (ColumnType::DateTime(fraction(cursor)?), "datetime"),
        "TIMESTAMP" => (ColumnType::Timestamp(fraction(cursor)?), "timestamp"),
        "JSON" => (ColumnType::Json, "json"),
        "GEOMETRY" => (ColumnType::Geometry, "geometry"),
        "POINT" => (ColumnType::Geometry, "point"),
        "LINESTRING" => (ColumnType::Geometry, "linestring"),
        "POLYGON" => (ColumnType::Geometry, "polygon"),
        "MULTIPOINT" => (ColumnType::Geometry, "multipoint"),
        "MULTILINESTRING" => (ColumnType::Geometry, "multilinestring"),
        "MULTIPOLYGON" => (ColumnType::Geometry, "multipolygon"),
        "GEOMETRYCOLLECTION" | "GEOMCOLLECTION" => {
            let dialect = cursor.dialect();
            let old = dialect.mariadb || dialect.version < 80_000;
            (ColumnType::Geometry, if old { "geometrycollection" } else { "geomcollection" })
        }
        "UUID" if cursor.dialect().mariadb => (ColumnType::Uuid, "uuid"),
        "INET4" if cursor.dialect().mariadb => (ColumnType::Inet4, "inet4"),
        "INET6" if cursor.dialect().mariadb => (ColumnType::Inet6, "inet6"),
        "VECTOR" => {
            length(cursor)?;
            (ColumnType::Vector, "vector")
        }
        _ => return Ok(None),
    }))
}

/// `(n)`, if it is there.
fn length(cursor: &mut Cursor<'_>) -> Parsed<Option<u64>> {
    if !cursor.eat_sign('(') {
        return Ok(None);
    }
    let number = cursor.number()?;
    cursor.expect_sign(')')?;
    Ok(Some(number))
}

/// `(n)` or `(n, n)`, if it is there.
fn precision_and_scale(cursor: &mut Cursor<'_>) -> Parsed<Option<(u64, Option<u64>)>> {
    if !cursor.eat_sign('(') {
        return Ok(None);
    }
    let precision = cursor.number()?;
    let scale = if cursor.eat_sign(',') { Some(cursor.number()?) } else { None };
    cursor.expect_sign(')')?;
    Ok(Some((precision, scale)))
}

fn fraction(cursor: &mut Cursor<'_>) -> Parsed<Fsp> {
    let before = *cursor;
    let digits = length(cursor)?.unwrap_or(0);
    Fsp::try_from(digits)
        .ok()
        .filter(|digits| *digits <= 6)
        .ok_or_else(|| before.expected("0 to 6 digits"))
}

/// Steps over SIGNED, UNSIGNED and ZEROFILL, which implies UNSIGNED.
fn number_attributes(cursor: &mut Cursor<'_>) -> bool {
    let mut unsigned = false;
    loop {
        if cursor.eat("UNSIGNED") || cursor.eat("ZEROFILL") {
            unsigned = true;
        } else if !cursor.eat("SIGNED") {
            return unsigned;
        }
    }
}

fn members(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.expect_sign('(')?;
    let mut members = Vec::new();
    loop {
        members.push(cursor.text()?);
        if !cursor.eat_sign(',') {
            break;
        }
    }
    cursor.expect_sign(')')?;
    Ok(members)
}
