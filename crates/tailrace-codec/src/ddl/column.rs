//! Column definitions.

use super::cursor::{Cursor, Parsed};
use super::data_type::{BINARY, Charset, DataType, Size, binary_of, char_bytes_max, data_type};
use super::lexer::Token;
use super::statement::NotUnderstood;
use crate::charset::{charset_name, collation_id, default_collation};
use crate::schema::{CollationId, Column, ColumnType};

/// A column as a statement defines it. What it is in the schema depends on the table's default
/// collation: see [`ColumnDefinition::to_column`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// The column's name.
    pub name: String,
    /// Whether it may hold NULL, by its own definition; the columns of a primary key may not.
    pub nullable: bool,
    /// `PRIMARY KEY` is written with the column.
    pub primary_key: bool,
    data_type: DataType,
    charset: Charset,
}

impl ColumnDefinition {
    /// The column in a table with this default collation.
    ///
    /// # Errors
    /// The table's collation matters and is `None`, or the type is one that a server may have
    /// replaced by another.
    pub fn to_column(&self, default: Option<CollationId>) -> Result<Column, NotUnderstood> {
        let collation = match self.charset.resolve(default) {
            Some(collation) => collation,
            None if self.data_type.is_character() => {
                return Err(NotUnderstood::because(format!(
                    "column `{}` has the table's default character set, which is not known",
                    self.name
                )));
            }
            None => BINARY,
        };
        let (kind, type_name) = self.data_type.resolve(collation)?;
        let nullable = self.nullable && !self.primary_key;
        Ok(Column { name: self.name.clone(), kind, type_name, collation, nullable })
    }
}

/// What `CONVERT TO CHARACTER SET` makes of a column.
pub(super) fn convert(column: &mut Column, to: CollationId) -> Result<(), NotUnderstood> {
    let is_text = matches!(
        column.kind,
        ColumnType::Char
            | ColumnType::VarChar
            | ColumnType::Text
            | ColumnType::Enum(_)
            | ColumnType::Set(_)
    );
    // ENUM and SET of bytes stay as they are.
    if !is_text || column.collation == BINARY {
        return Ok(());
    }
    if to == BINARY {
        return Err(NotUnderstood::because("text columns are converted to bytes"));
    }
    if column.kind == ColumnType::Text {
        column.type_name = widened(&column.type_name, column.collation, to).to_owned();
    }
    column.collation = to;
    Ok(())
}

/// TEXT grows to the size that holds as many characters in the new character set.
fn widened(type_name: &str, from: CollationId, to: CollationId) -> &'static str {
    let bytes: u64 = match type_name {
        "tinytext" => 0xFF,
        "text" => 0xFFFF,
        "mediumtext" => 0xFF_FFFF,
        _ => return Size::Long.text_name(),
    };
    let chars = bytes.checked_div(char_bytes_max(from)).unwrap_or(bytes);
    let needed = chars.saturating_mul(char_bytes_max(to));
    Size::holding(needed).max(Size::holding(bytes)).text_name()
}

/// Reads name, type and attributes; stops at the place (FIRST, AFTER), at partition options, which need
/// no comma before them, and at the end of the part.
pub(super) fn column_definition(cursor: &mut Cursor<'_>) -> Parsed<ColumnDefinition> {
    let name = cursor.column_name()?;
    let serial = cursor.is("SERIAL");
    let (data_type, charset) = data_type(cursor)?;
    let timestamp = matches!(data_type, DataType::Plain(ColumnType::Timestamp(_), _));
    let nullable = !serial && (!timestamp || cursor.dialect().nullable_timestamps);
    let mut column = ColumnDefinition { name, nullable, primary_key: false, data_type, charset };
    let mut binary = false;
    while !cursor.at_part_end() && !cursor.is_any(&["FIRST", "AFTER", "PARTITION", "REMOVE"]) {
        attribute(cursor, &mut column, &mut binary)?;
    }
    if binary && column.data_type.is_character() {
        column.charset = match column.charset {
            Charset::Of(id) => {
                let id = binary_of(id);
                Charset::Of(id.ok_or_else(|| NotUnderstood::because("no _bin collation"))?)
            }
            _ => Charset::UnsaidBinary,
        };
    }
    Ok(column)
}

/// One attribute behind the type.
fn attribute(
    cursor: &mut Cursor<'_>,
    column: &mut ColumnDefinition,
    binary: &mut bool,
) -> Parsed<()> {
    if charset_attribute(cursor, column, binary)? || key_attribute(cursor, column)? {
        return Ok(());
    }
    if cursor.eat_all(&["NOT", "NULL"]) {
        column.nullable = false;
    } else if cursor.eat("NULL") {
        column.nullable = true;
    } else if cursor.eat("DEFAULT") {
        default_value(cursor)?;
    } else if cursor.eat_all(&["ON", "UPDATE"]) {
        cursor.name()?;
        if cursor.peek() == Token::Sign('(') {
            cursor.skip_brackets()?;
        }
    } else if cursor.eat_all(&["GENERATED", "ALWAYS", "AS"]) || cursor.eat_any(&["AS", "CHECK"]) {
        cursor.skip_brackets()?;
    } else if cursor.eat("CONSTRAINT") {
        if !cursor.is("CHECK") {
            cursor.name()?;
        }
    } else if cursor.eat_any(&["COMMENT", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"]) {
        cursor.eat_sign('=');
        cursor.text()?;
    } else if cursor.eat_any(&["COLUMN_FORMAT", "STORAGE"]) {
        cursor.name()?;
    } else if cursor.eat_any(&["SRID", "REF_SYSTEM_ID"]) {
        cursor.eat_sign('=');
        cursor.number()?;
    } else if cursor.eat("REFERENCES") {
        references(cursor)?;
    } else if !cursor.eat_any(&FLAGS)
        && !cursor.eat_all(&["NOT", "SECONDARY"])
        && !cursor.eat_all(&["NOT", "ENFORCED"])
        && !cursor.eat_all(&["WITHOUT", "SYSTEM", "VERSIONING"])
        && !cursor.eat_all(&["WITH", "SYSTEM", "VERSIONING"])
    {
        return Err(cursor.expected("an attribute of a column"));
    }
    Ok(())
}

/// Attributes of one word that change nothing here.
const FLAGS: [&str; 6] = ["VIRTUAL", "STORED", "PERSISTENT", "VISIBLE", "INVISIBLE", "ENFORCED"];

fn charset_attribute(
    cursor: &mut Cursor<'_>,
    column: &mut ColumnDefinition,
    binary: &mut bool,
) -> Parsed<bool> {
    let id = if cursor.is("COLLATE") || at_charset(cursor) {
        collation_option(cursor)?
    } else if cursor.eat("ASCII") {
        collation_id("latin1_swedish_ci")
    } else if cursor.eat("UNICODE") {
        collation_id("ucs2_general_ci")
    } else if cursor.eat("BYTE") {
        Some(BINARY)
    } else if cursor.eat("BINARY") {
        *binary = true;
        return Ok(true);
    } else {
        return Ok(false);
    };
    let Some(id) = id else { return Err(cursor.beyond("a default character set")) };
    // Bytes stay bytes, and numbers have none: MariaDB lets them be written.
    if column.data_type.is_character() && column.charset != Charset::Of(BINARY) {
        column.charset = Charset::Of(id);
    }
    Ok(true)
}

fn key_attribute(cursor: &mut Cursor<'_>, column: &mut ColumnDefinition) -> Parsed<bool> {
    if cursor.eat("AUTO_INCREMENT") || cursor.eat_all(&["SERIAL", "DEFAULT", "VALUE"]) {
        column.nullable = false;
    } else if cursor.eat("UNIQUE") {
        cursor.eat("KEY");
    } else if cursor.eat("PRIMARY") {
        cursor.expect("KEY")?;
        column.primary_key = true;
    } else if cursor.eat("KEY") {
        column.primary_key = true;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Whether `CHARACTER SET`, `CHARSET` or `CHAR SET` is here.
pub(super) fn at_charset(cursor: &Cursor<'_>) -> bool {
    let set = matches!(cursor.peek_second(), Token::Word(word) if word.eq_ignore_ascii_case("SET"));
    cursor.is("CHARSET") || (set && cursor.is_any(&["CHARACTER", "CHAR"]))
}

/// Reads `CHARACTER SET [=] name` or `COLLATE [=] name`; `None` for `DEFAULT`. Behind an unknown name
/// the cursor stands behind that.
pub(super) fn collation_option(cursor: &mut Cursor<'_>) -> Parsed<Option<CollationId>> {
    let unknown =
        |kind: &str, name: &str| NotUnderstood::because(format!("{kind} `{name}` is unknown"));
    if cursor.eat("COLLATE") {
        cursor.eat_sign('=');
        let name = cursor.name_or_text()?;
        let id = collation_id(&name);
        let default = name.eq_ignore_ascii_case("DEFAULT");
        return if id.is_some() || default { Ok(id) } else { Err(unknown("collation", &name)) };
    }
    if !cursor.eat("CHARSET") {
        cursor.advance();
        cursor.expect("SET")?;
    }
    cursor.eat_sign('=');
    let name = cursor.name_or_text()?;
    let dialect = cursor.dialect();
    if (dialect.mariadb || dialect.version < 80_000) && charset_name(&name) == Some("utf8mb4") {
        return Ok(collation_id("utf8mb4_general_ci"));
    }
    let id = default_collation(&name);
    let default = name.eq_ignore_ascii_case("DEFAULT");
    if id.is_some() || default { Ok(id) } else { Err(unknown("character set", &name)) }
}

/// Steps over a default: a literal with its sign, a function, or an expression in brackets.
pub(super) fn default_value(cursor: &mut Cursor<'_>) -> Parsed<()> {
    while cursor.eat_sign('-') || cursor.eat_sign('+') {}
    match cursor.peek() {
        Token::Sign('(') => return cursor.skip_brackets(),
        Token::Text(..) => {
            cursor.text()?;
        }
        Token::Bits => {
            cursor.advance();
        }
        Token::Number(_) | Token::Sign('.') => {
            if cursor.advance() != Token::Sign('.') && !cursor.eat_sign('.') {
                return Ok(());
            }
            if matches!(cursor.peek(), Token::Number(_)) {
                cursor.advance();
            } else if is_fraction_with_exponent(cursor.peek()) {
                exponent(cursor);
            }
        }
        Token::Word(_) if is_fraction_with_exponent(cursor.peek()) => exponent(cursor),
        Token::Word(_) if cursor.eat_all(&["NEXT", "VALUE", "FOR"]) => {
            cursor.table_name()?;
        }
        Token::Word(_) => {
            cursor.advance();
            match cursor.peek() {
                // A function, or a literal behind its character set or type.
                Token::Sign('(') => cursor.skip_brackets()?,
                Token::Text(..) => {
                    cursor.text()?;
                }
                Token::Bits => {
                    cursor.advance();
                }
                _ => {}
            }
        }
        _ => return Err(cursor.expected("a default")),
    }
    Ok(())
}

/// `5e3` or `5e` before a sign.
fn is_fraction_with_exponent(token: Token<'_>) -> bool {
    let Token::Word(word) = token else { return false };
    let behind = word.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let digits = behind.strip_prefix(['e', 'E']);
    behind.len() < word.len()
        && digits.is_some_and(|digits| digits.chars().all(|digit| digit.is_ascii_digit()))
}

fn exponent(cursor: &mut Cursor<'_>) {
    if matches!(cursor.advance(), Token::Word(word) if word.ends_with(['e', 'E'])) {
        let _ = cursor.eat_sign('-') || cursor.eat_sign('+');
        if matches!(cursor.peek(), Token::Number(_)) {
            cursor.advance();
        }
    }
}

/// `table (columns) MATCH … ON DELETE … ON UPDATE …`
fn references(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.table_name()?;
    if cursor.peek() == Token::Sign('(') {
        cursor.skip_brackets()?;
    }
    loop {
        if cursor.eat("MATCH") {
            cursor.name()?;
        } else if cursor.eat_all(&["ON", "DELETE"]) || cursor.eat_all(&["ON", "UPDATE"]) {
            if !cursor.eat_all(&["SET", "NULL"])
                && !cursor.eat_all(&["SET", "DEFAULT"])
                && !cursor.eat_all(&["NO", "ACTION"])
                && !cursor.eat_any(&["CASCADE", "RESTRICT"])
            {
                return Err(cursor.expected("a referential action"));
            }
        } else {
            return Ok(());
        }
    }
}
