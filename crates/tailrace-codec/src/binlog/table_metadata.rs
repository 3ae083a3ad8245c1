//! The optional metadata of TABLE_MAP: fields of `type, length, value`.
//!
//! With `binlog_row_metadata=MINIMAL` the server writes signs, character sets and geometry types;
//! with `FULL` also names, ENUM and SET members, the primary key, visibility and, for character
//! columns, all that makes a [`TableSchema`](crate::schema::TableSchema) complete.

use super::cursor::Cursor;
use crate::error::Result;
use crate::schema::CollationId;

/// Where one field lies in the event.
type Field<'a> = Option<Cursor<'a>>;

/// The fields that were there, each still packed. Reading them allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct OptionalMetadata<'a> {
    signedness: Field<'a>,
    default_charset: Field<'a>,
    column_charset: Field<'a>,
    column_name: Field<'a>,
    set_members: Field<'a>,
    enum_members: Field<'a>,
    geometry_type: Field<'a>,
    simple_primary_key: Field<'a>,
    prefixed_primary_key: Field<'a>,
    enum_set_default_charset: Field<'a>,
    enum_set_column_charset: Field<'a>,
    visibility: Field<'a>,
    vector_dimensions: Field<'a>,
    /// Type of the first field that is not known to this reader, if there was one.
    pub first_unknown: Option<u8>,
}

impl<'a> OptionalMetadata<'a> {
    /// Finds the fields.
    pub(super) fn parse(mut c: Cursor<'a>) -> Result<Self> {
        let mut fields = [None; 14];
        let mut first_unknown = None;
        while !c.is_empty() {
            let at = c;
            let code = c.u8("metadata field type")?;
            let len = c.length("metadata field length")?;
            let value_at = c.pos();
            let value = c.bytes(len, "metadata field")?;
            let known = fields.get_mut(usize::from(code)).filter(|_| code != 0);
            match known {
                Some(Some(_)) => {
                    return Err(at.error("metadata field type", format!("{code} appears twice")));
                }
                Some(slot) => *slot = Some(Cursor::new(value, value_at, "TABLE_MAP_EVENT")),
                // Fields say how long they are so that older readers can pass over newer ones.
                None => first_unknown = first_unknown.or(Some(code)),
            }
        }
        let [
            _,
            signedness,
            default_charset,
            column_charset,
            column_name,
            set_members,
            enum_members,
            geometry_type,
            simple_primary_key,
            prefixed_primary_key,
            enum_set_default_charset,
            enum_set_column_charset,
            visibility,
            vector_dimensions,
        ] = fields;
        Ok(Self {
            signedness,
            default_charset,
            column_charset,
            column_name,
            set_members,
            enum_members,
            geometry_type,
            simple_primary_key,
            prefixed_primary_key,
            enum_set_default_charset,
            enum_set_column_charset,
            visibility,
            vector_dimensions,
            first_unknown,
        })
    }

    /// True if the server wrote column names, that is `binlog_row_metadata=FULL`.
    pub fn has_names(&self) -> bool {
        self.column_name.is_some()
    }

    /// Whether numeric column `index`, counted among numeric columns only, is UNSIGNED; `None` if the
    /// server did not say.
    pub fn is_unsigned(&self, index: usize) -> Option<bool> {
        let bits = self.signedness?.rest();
        // Unlike other bitmaps of the log, this one begins at the highest bit.
        let byte = bits.get(index >> 3)?;
        Some((byte << (index & 7)) & 0x80 != 0)
    }

    /// Column names in order; empty unless [`has_names`](Self::has_names).
    pub fn names(&self) -> Names<'a> {
        Names { rest: self.column_name }
    }

    /// Collations of character columns (CHAR, VARCHAR, TEXT, BINARY, VARBINARY, BLOB), counted among
    /// those only.
    ///
    /// # Errors
    /// If the field is cut short.
    pub fn character_collations(&self) -> Result<Collations<'a>> {
        Collations::new(self.default_charset, self.column_charset)
    }

    /// Collations of ENUM and SET columns, counted among those only.
    ///
    /// # Errors
    /// If the field is cut short.
    pub fn enum_set_collations(&self) -> Result<Collations<'a>> {
        Collations::new(self.enum_set_default_charset, self.enum_set_column_charset)
    }

    /// Members of ENUM columns, one list per column.
    pub fn enum_members(&self) -> MemberLists<'a> {
        MemberLists { rest: self.enum_members }
    }

    /// Members of SET columns, one list per column.
    pub fn set_members(&self) -> MemberLists<'a> {
        MemberLists { rest: self.set_members }
    }

    /// Geometry subtypes of geometry columns, one per column.
    pub fn geometry_types(&self) -> Integers<'a> {
        Integers { rest: self.geometry_type, field: "geometry type" }
    }

    /// Dimensions of VECTOR columns, one per column.
    pub fn vector_dimensions(&self) -> Integers<'a> {
        Integers { rest: self.vector_dimensions, field: "vector dimensions" }
    }

    /// Whether column `index` is visible; `None` if the server did not say.
    pub fn is_visible(&self, index: usize) -> Option<bool> {
        let byte = self.visibility?.rest().get(index >> 3).copied()?;
        Some((byte << (index & 7)) & 0x80 != 0)
    }

    /// The primary key's columns in key order with the length of their prefix (0 is the whole
    /// column); yields nothing for a table without one.
    pub fn primary_key(&self) -> PrimaryKey<'a> {
        match (self.simple_primary_key, self.prefixed_primary_key) {
            (Some(rest), _) => PrimaryKey { rest: Some(rest), prefixed: false },
            (None, rest) => PrimaryKey { rest, prefixed: true },
        }
    }
}

/// Iterator over column names.
#[derive(Debug, Clone)]
pub struct Names<'a> {
    rest: Field<'a>,
}

impl<'a> Iterator for Names<'a> {
    type Item = Result<&'a str>;

    fn next(&mut self) -> Option<Self::Item> {
        let c = self.rest.as_mut().filter(|c| !c.is_empty())?;
        let name = c.length("column name length").and_then(|len| c.text(len, "column name"));
        end_on_error(&mut self.rest, name)
    }
}

/// Iterator over length-encoded integers.
#[derive(Debug, Clone)]
pub struct Integers<'a> {
    rest: Field<'a>,
    field: &'static str,
}

impl Iterator for Integers<'_> {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.field;
        let c = self.rest.as_mut().filter(|c| !c.is_empty())?;
        let value = c.length_encoded(field);
        end_on_error(&mut self.rest, value)
    }
}

/// Iterator over `(column, prefix length)` of a primary key.
#[derive(Debug, Clone)]
pub struct PrimaryKey<'a> {
    rest: Field<'a>,
    prefixed: bool,
}

impl Iterator for PrimaryKey<'_> {
    type Item = Result<(usize, u64)>;

    fn next(&mut self) -> Option<Self::Item> {
        let prefixed = self.prefixed;
        let c = self.rest.as_mut().filter(|c| !c.is_empty())?;
        let part = c.length("primary key column").and_then(|column| {
            let prefix = if prefixed { c.length_encoded("primary key prefix")? } else { 0 };
            Ok((column, prefix))
        });
        end_on_error(&mut self.rest, part)
    }
}

fn end_on_error<T>(rest: &mut Field<'_>, item: Result<T>) -> Option<Result<T>> {
    if item.is_err() {
        *rest = None;
    }
    Some(item)
}

/// Iterator over the member lists of ENUM or SET columns.
#[derive(Debug, Clone)]
pub struct MemberLists<'a> {
    rest: Field<'a>,
}

impl<'a> MemberLists<'a> {
    /// Passes the members of the next column to `each`, in the bytes of the column's character set.
    /// Returns false when there is no further column.
    ///
    /// # Errors
    /// If the field is cut short.
    pub fn next_column(&mut self, mut each: impl FnMut(&'a [u8]) -> Result<()>) -> Result<bool> {
        let Some(c) = self.rest.as_mut().filter(|c| !c.is_empty()) else {
            return Ok(false);
        };
        let count = c.length("member count")?;
        for _ in 0..count {
            let len = c.length("member length")?;
            each(c.bytes(len, "member")?)?;
        }
        Ok(true)
    }
}

/// Collations of a family of columns: one for each, or one for most and exceptions.
#[derive(Debug, Clone, Copy)]
pub struct Collations<'a> {
    default: Option<CollationId>,
    exceptions: Field<'a>,
    each: Field<'a>,
    index: usize,
}

impl<'a> Collations<'a> {
    fn new(default: Field<'a>, each: Field<'a>) -> Result<Self> {
        let mut collations = Self { default: None, exceptions: None, each, index: 0 };
        if let Some(mut c) = default {
            collations.default = Some(collation(&mut c)?);
            collations.exceptions = Some(c);
        }
        Ok(collations)
    }

    /// The collation of the next column of the family; `None` if the server did not say.
    ///
    /// # Errors
    /// If the field is cut short or names an impossible number.
    pub fn next_collation(&mut self) -> Result<Option<CollationId>> {
        let index = self.index;
        self.index = index.saturating_add(1);
        let Some(default) = self.default else {
            return match self.each.as_mut().filter(|c| !c.is_empty()) {
                Some(c) => collation(c).map(Some),
                None => Ok(None),
            };
        };
        // Exceptions come in column order.
        if let Some(c) = self.exceptions.as_mut().filter(|c| !c.is_empty()) {
            let mut ahead = *c;
            if ahead.length("exception column")? == index {
                let found = collation(&mut ahead)?;
                *c = ahead;
                return Ok(Some(found));
            }
        }
        Ok(Some(default))
    }
}

fn collation(c: &mut Cursor<'_>) -> Result<CollationId> {
    let at = *c;
    let number = c.length_encoded("collation")?;
    CollationId::try_from(number)
        .map_err(|_| at.error("collation", format!("{number} cannot be a collation")))
}
