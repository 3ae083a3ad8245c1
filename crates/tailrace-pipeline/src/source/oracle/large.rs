//! Large objects of a copy: short ones come with their rows, long ones by themselves in pieces, so that none is in memory as a whole.

use std::io::{ErrorKind as IoErrorKind, Read as _};

use oracledb::{Lob, Row};
use tailrace_codec::gaussdb::apply::{copy_null, copy_text};
use tailrace_codec::oracle::{OracleColumn, OracleType};

use super::session::{Session, number, text, unexpected};
use super::snapshot::{PIECE_BYTES, TableRead, quoted};
use crate::error::{Error, ErrorKind, Result};

/// Bytes, or characters of two bytes, up to which an object comes with its row.
const WITH_ROW_MAX: u64 = 256 << 10;
/// Characters of two bytes, or bytes, of a piece.
const PIECE_UNITS: usize = 256 << 10;
/// Bytes that a character of two bytes may take in UTF-8.
const UNIT_BYTES: usize = 3;

/// Whether values of a type are large objects.
pub(super) fn is_large(kind: OracleType) -> bool {
    matches!(kind, OracleType::Clob | OracleType::NClob | OracleType::Blob)
}

/// A large object, or NULL for one that does not come with its row.
pub(super) fn unless_large(name: &str) -> String {
    format!("CASE WHEN DBMS_LOB.GETLENGTH({name}) <= {WITH_ROW_MAX} THEN {name} END")
}

/// What is selected behind a row's columns: the lengths of its large objects, and its place; nothing if it has none.
pub(super) fn of_row(columns: &[&OracleColumn], kinds: &[OracleType]) -> Vec<String> {
    let large = columns.iter().zip(kinds).filter(|(_, kind)| is_large(**kind));
    let mut selected: Vec<String> =
        large.map(|(column, _)| format!("DBMS_LOB.GETLENGTH({})", quoted(&column.name))).collect();
    if !selected.is_empty() {
        selected.push("ROWIDTOCHAR(ROWID)".to_owned());
    }
    selected
}

/// The large objects of a table that is read.
pub(super) struct Large<'a> {
    session: &'a Session,
    read: &'a TableRead<'a>,
    /// Numbers of the columns, in the order of their lengths.
    columns: Vec<usize>,
    width: usize,
}

impl<'a> Large<'a> {
    pub(super) fn of(read: &'a TableRead<'_>, session: &'a Session, kinds: &[OracleType]) -> Self {
        let large = kinds.iter().enumerate().filter(|(_, kind)| is_large(**kind));
        Self {
            session,
            read,
            columns: large.map(|(number, _)| number).collect(),
            width: kinds.len(),
        }
    }

    /// The place of a row whose object in this column does not come with it.
    pub(super) fn place(&self, row: &Row, column: usize) -> Result<Option<String>> {
        let Some(at) = self.columns.iter().position(|large| *large == column) else {
            return Ok(None);
        };
        if number(row, self.width + at)?.is_none_or(|length| length <= WITH_ROW_MAX) {
            return Ok(None);
        }
        let at = self.width + self.columns.len();
        let place = text(row, at)?;
        place.map(Some).ok_or_else(|| unexpected(at, &"a row without a place"))
    }

    /// Appends an object as `COPY` reads it, and hands rows on in between.
    pub(super) fn append(
        &self,
        rows: &mut Vec<u8>,
        (column, row_id): (usize, &str),
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let (owner, name) = self.read.place;
        let sql = format!(
            "SELECT {} FROM {}.{} AS OF SCN {} WHERE ROWID = CHARTOROWID(:1)",
            quoted(&self.read.columns[column].name),
            quoted(owner),
            quoted(name),
            self.read.scn
        );
        let Some(mut object) = self.session.large_object(&sql, &[&row_id])? else {
            copy_null(rows);
            return Ok(());
        };
        let is_binary = self.read.columns[column].oracle_type() == OracleType::Blob;
        if is_binary {
            copy_text(rows, "\\x");
        }
        let mut piece = vec![0; PIECE_UNITS * UNIT_BYTES];
        loop {
            let length = read_piece(&mut object, &mut piece)?;
            if length == 0 {
                return Ok(());
            }
            let bytes = &piece[..length];
            if is_binary {
                let digits = rows.len();
                rows.resize(digits + 2 * length, 0);
                hex::encode_to_slice(bytes, &mut rows[digits..]).map_err(damaged)?;
            } else {
                let text = std::str::from_utf8(bytes).map_err(damaged)?;
                // The target has no zeros in a text.
                match text.contains('\0') {
                    true => copy_text(rows, &text.replace('\0', " ")),
                    false => copy_text(rows, text),
                }
            }
            if rows.len() >= PIECE_BYTES {
                each(rows)?;
                rows.clear();
            }
        }
    }
}

/// Reads the next piece; a shorter one where this would end between the halves of a character.
fn read_piece(object: &mut Lob, piece: &mut [u8]) -> Result<usize> {
    let shorter = piece.len() - UNIT_BYTES;
    // ORA-22831: the end does not land on a character's boundary.
    let is_split = |e: &std::io::Error| {
        e.kind() == IoErrorKind::InvalidData || e.to_string().contains("ORA-22831")
    };
    let read = match object.read(piece) {
        Err(e) if is_split(&e) => object.read(&mut piece[..shorter]),
        other => other,
    };
    read.map_err(|e| {
        let text = format!("a piece of a large object cannot be read: {e}");
        Error::new(ErrorKind::SourceStatement, text)
    })
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Decode, format!("a piece of a large object: {error}"))
}
