//! A row as a JSON object of texts, and its key: what DRS's formats and Canal's have in common.

use super::column_plan::ColumnPlan;
use super::drs_json::Format;
use super::error::{EncodeError, ValueError};
use crate::{cell::Cell, schema::TableSchema};

/// The columns of one table version, compiled.
#[derive(Debug)]
pub(super) struct RowImage {
    /// `database.table`, which is also the key of tables without a primary key.
    table: Box<str>,
    format: Format,
    columns: Box<[ColumnPlan]>,
    primary_key: Box<[usize]>,
}

impl RowImage {
    /// Compiles the columns.
    ///
    /// # Errors
    /// A column has a collation whose character set cannot be converted to UTF-8.
    pub(super) fn compile(schema: &TableSchema, format: Format) -> Result<Self, EncodeError> {
        let mut columns = Vec::with_capacity(schema.columns.len());
        for column in &schema.columns {
            let plan =
                ColumnPlan::compile(column, columns.is_empty()).map_err(|e| EncodeError {
                    table: schema.full_name(),
                    column: column.name.clone(),
                    reason: e.to_string().into(),
                })?;
            columns.push(plan);
        }
        Ok(Self {
            table: schema.full_name().into(),
            format,
            columns: columns.into(),
            primary_key: schema.primary_key.as_slice().into(),
        })
    }

    /// `database.table`.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn has_primary_key(&self) -> bool {
        !self.primary_key.is_empty()
    }

    /// Appends the JSON array of a row's primary key values in key order; `database.table` without one.
    ///
    /// # Errors
    /// As [`Self::push`]; `out` is left as it was.
    pub(super) fn push_key(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        if self.primary_key.is_empty() {
            out.extend_from_slice(self.table.as_bytes());
            return Ok(());
        }
        self.check_width(row)?;
        let start = out.len();
        let mut separator = b'[';
        for &ordinal in &self.primary_key {
            let (Some(plan), Some(cell)) = (self.columns.get(ordinal), row.get(ordinal)) else {
                return Err(self.error("", ValueError::new("the key names a column it lacks")));
            };
            out.push(separator);
            separator = b',';
            if matches!(cell, Cell::Null) {
                out.extend_from_slice(b"null");
                continue;
            }
            out.push(b'"');
            if let Err(error) = plan.push_value(out, cell, self.format) {
                out.truncate(start);
                return Err(self.error(&plan.name, error));
            }
            out.push(b'"');
        }
        out.push(b']');
        Ok(())
    }

    /// Appends an array of one row, or null.
    ///
    /// # Errors
    /// The row has another number of columns than the schema, or a value that its type cannot have.
    pub(super) fn push(
        &self,
        out: &mut Vec<u8>,
        row: Option<&[Cell<'_>]>,
    ) -> Result<(), EncodeError> {
        let Some(row) = row else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        self.check_width(row)?;
        out.push(b'[');
        if row.is_empty() {
            out.push(b'{');
        }
        // The closing quote of each value is written with the label behind it.
        let mut open_quote = false;
        for (plan, cell) in self.columns.iter().zip(row) {
            let label = if open_quote { &plan.label } else { plan.label.get(1..).unwrap_or(&[]) };
            if matches!(cell, Cell::Null) {
                out.extend_from_slice(label.split_last().map_or(&[], |(_, head)| head));
                out.extend_from_slice(b"null");
                open_quote = false;
                continue;
            }
            out.extend_from_slice(label);
            plan.push_value(out, cell, self.format).map_err(|e| self.error(&plan.name, e))?;
            open_quote = true;
        }
        out.extend_from_slice(if open_quote { b"\"}]" } else { b"}]" });
        Ok(())
    }

    /// Appends an array of one object with those columns of `before` that `after` has otherwise; null if there are none.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(super) fn push_changed(
        &self,
        out: &mut Vec<u8>,
        before: &[Cell<'_>],
        after: &[Cell<'_>],
    ) -> Result<(), EncodeError> {
        self.check_width(before)?;
        self.check_width(after)?;
        let start = out.len();
        out.push(b'[');
        let mut separator = b'{';
        for ((plan, old), new) in self.columns.iter().zip(before).zip(after) {
            if old == new {
                continue;
            }
            out.push(separator);
            separator = b',';
            // Behind the quote of the value before and the separator.
            let label = plan.label.get(2..).unwrap_or(&[]);
            if matches!(old, Cell::Null) {
                out.extend_from_slice(label.split_last().map_or(&[], |(_, head)| head));
                out.extend_from_slice(b"null");
                continue;
            }
            out.extend_from_slice(label);
            plan.push_value(out, old, self.format).map_err(|e| self.error(&plan.name, e))?;
            out.push(b'"');
        }
        if separator == b'{' {
            out.truncate(start);
            out.extend_from_slice(b"null");
        } else {
            out.extend_from_slice(b"}]");
        }
        Ok(())
    }

    fn check_width(&self, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        if row.len() == self.columns.len() {
            return Ok(());
        }
        let reason = format!(
            "a row image has {} values, the schema has {} columns",
            row.len(),
            self.columns.len()
        );
        Err(self.error("", ValueError::new(reason)))
    }

    #[cold]
    fn error(&self, column: &str, error: ValueError) -> EncodeError {
        EncodeError { table: self.table.to_string(), column: column.into(), reason: error.0 }
    }
}
