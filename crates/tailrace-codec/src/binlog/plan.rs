//! How to read the rows of one version of a table, compiled once when its TABLE_MAP changes.

use std::sync::Arc;

use super::cell_reader::CellReader;
use super::schema_from_metadata::{self, BINARY_COLLATION, ColumnFacts, MemberText};
use super::table_map::TableMap;
use super::wire_column::WireColumn;
use crate::error::{DecodeError, Result};
use crate::schema::{CollationId, Column, ColumnType, TableSchema};

/// Why a plan cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The table map itself is not what its format says.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The table map contradicts the schema that was given for this position of the log.
    #[error("the log and the known schema of {table} disagree: {reason}")]
    Mismatch {
        /// `database.table` as the schema names it.
        table: String,
        /// In what they disagree, with both values.
        reason: String,
    },
}

/// A compiled table version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePlan {
    schema: Arc<TableSchema>,
    readers: Box<[CellReader]>,
    json_columns: usize,
    restores: bool,
}

impl TablePlan {
    /// Builds schema and plan from a table map with full metadata (`binlog_row_metadata=FULL`).
    /// `member_text` turns ENUM and SET members from their column's character set into UTF-8.
    ///
    /// # Errors
    /// If the metadata is not full, or damaged.
    pub fn from_full_metadata(
        map: &TableMap<'_>,
        member_text: &mut MemberText<'_>,
    ) -> Result<Self, PlanError> {
        let schema = schema_from_metadata::build(map, member_text)?;
        Self::with_schema(map, Arc::new(schema))
    }

    /// Builds a plan from a table map and the schema the table has at this position of the log. Where
    /// the log tells the collation of a text column, it is taken from there.
    ///
    /// # Errors
    /// If the two disagree in the number, types, signs or kinds (text or bytes) of columns, as far
    /// as the table map tells, or the table map is damaged.
    pub fn with_schema(
        map: &TableMap<'_>,
        mut schema: Arc<TableSchema>,
    ) -> Result<Self, PlanError> {
        let table = schema.full_name();
        let mismatch = |reason| PlanError::Mismatch { table: table.clone(), reason };
        if map.column_count() != schema.columns.len() {
            return Err(mismatch(format!(
                "the log has {} columns, the schema {}",
                map.column_count(),
                schema.columns.len()
            )));
        }
        let mut facts = ColumnFacts::new(map)?;
        let mut readers = Vec::with_capacity(schema.columns.len());
        let mut collations = Vec::new();
        for (ordinal, (column, wire)) in schema.columns.iter().zip(map.wire_columns()).enumerate() {
            let wire = wire?;
            let reader = CellReader::compile(wire, &column.kind)
                .ok_or_else(|| mismatch(type_mismatch(column, wire)))?;
            let logged = check_facts(column, wire, &mut facts)?.map_err(mismatch)?;
            if let Some(logged) = logged.filter(|logged| *logged != column.collation) {
                collations.push((ordinal, logged));
            }
            readers.push(reader);
        }
        for (ordinal, collation) in collations {
            if let Some(column) = Arc::make_mut(&mut schema).columns.get_mut(ordinal) {
                column.collation = collation;
            }
        }
        let count = |wanted: fn(&CellReader) -> bool| readers.iter().filter(|r| wanted(r)).count();
        let json_columns = count(|r| matches!(r, CellReader::Json(_)));
        let restores = readers.iter().any(|reader| reader.restores());
        Ok(Self { schema, readers: readers.into(), json_columns, restores })
    }

    /// The schema that cells read by this plan belong to.
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    pub(super) fn readers(&self) -> &[CellReader] {
        &self.readers
    }

    /// Number of JSON columns.
    pub(super) fn json_columns(&self) -> usize {
        self.json_columns
    }

    /// True if values of a column must be restored before rows are read: those of `BINARY(n)`, whose
    /// trailing zero bytes the log leaves out, for example.
    pub(super) fn restores(&self) -> bool {
        self.restores
    }
}

fn type_mismatch(column: &Column, wire: WireColumn) -> String {
    format!(
        "column `{}` is {wire:?} in the log and {} ({:?}) in the schema",
        column.name, column.type_name, column.kind
    )
}

/// Compares sign and text-or-bytes with what the server wrote, if it did. Gives the collation that the
/// server wrote for a text, ENUM or SET column; an inner error is what they disagree in.
fn check_facts(
    column: &Column,
    wire: WireColumn,
    facts: &mut ColumnFacts<'_>,
) -> Result<std::result::Result<Option<CollationId>, String>> {
    use ColumnType as K;
    let declared = match &column.kind {
        K::TinyInt { unsigned }
        | K::SmallInt { unsigned }
        | K::MediumInt { unsigned }
        | K::Int { unsigned }
        | K::BigInt { unsigned } => Some(*unsigned),
        _ => None,
    };
    if let (Some(logged), Some(declared)) = (facts.next_unsigned(wire), declared)
        && logged != declared
    {
        let sign = |unsigned| if unsigned { "unsigned" } else { "signed" };
        return Ok(Err(format!(
            "column `{}` is {} in the log and {} in the schema",
            column.name,
            sign(logged),
            sign(declared)
        )));
    }
    let logged = facts.next_collation(wire)?;
    if let Some(logged) = logged {
        let binary = match &column.kind {
            K::Binary { .. } | K::VarBinary | K::Blob => Some(true),
            K::Char | K::VarChar | K::Text => Some(false),
            _ => None,
        };
        if binary.is_some_and(|binary| binary != (logged == BINARY_COLLATION)) {
            return Ok(Err(format!(
                "column `{}` has collation {logged} in the log and is {} in the schema",
                column.name, column.type_name
            )));
        }
    }
    let has_collation =
        matches!(column.kind, K::Char | K::VarChar | K::Text | K::Enum(_) | K::Set(_));
    Ok(Ok(logged.filter(|_| has_collation)))
}
