//! How one table version appears in messages.

use std::borrow::Cow;
use std::sync::Arc;

use tailrace_codec::{Cell, Column, TableSchema};

use crate::error::{Error, ErrorKind, Result};
use crate::mapping::TableMapping;
use crate::mapping::added::{Filled, Moment};

/// How a table version appears in messages.
pub(crate) struct View {
    schema: Arc<TableSchema>,
    /// Columns at the source.
    source_columns: usize,
    /// Ordinals at the source of the columns that messages have; `None`: all.
    projection: Option<Box<[usize]>>,
    /// What follows them.
    added: Box<[Filled]>,
    /// Ordinals in messages of the columns that are their key; `None`: the primary key's.
    key: Option<Vec<usize>>,
}

impl View {
    /// A table that appears as it is.
    pub(super) fn of_all(schema: &Arc<TableSchema>) -> Self {
        Self {
            schema: Arc::clone(schema),
            source_columns: schema.columns.len(),
            projection: None,
            added: Box::default(),
            key: None,
        }
    }

    /// A table whose columns differ.
    ///
    /// # Errors
    /// `SchemaMismatch`, as [`Mappings::view`](super::Mappings::view) has it.
    pub(super) fn of_mapping(schema: &Arc<TableSchema>, mapping: &TableMapping) -> Result<Self> {
        let partition_columns = mapping.partition_columns.iter().flatten();
        let named = mapping.columns.iter().flatten().chain(mapping.renamed.keys());
        let exists = |name: &&String| schema.columns.iter().any(|column| column.name == **name);
        if let Some(unknown) = named.chain(partition_columns).find(|name| !exists(name)) {
            let what = format!("the column {unknown}, which the table does not have");
            return wrong(schema, &format!("the job's objects name {what}"));
        }
        let (mut columns, projection) = kept_columns(schema, mapping)?;
        let primary_key = primary_key(schema, &projection)?;
        let key = match &mapping.partition_columns {
            None => None,
            Some(names) => Some(chosen_key(schema, names, &projection)?),
        };
        let mut added = Vec::with_capacity(mapping.added.len());
        for (name, column) in &mapping.added {
            if columns.iter().any(|other| other.name == *name) {
                return wrong(
                    schema,
                    &format!(
                        "the job's objects add a column {name}, and the table has one of that name"
                    ),
                );
            }
            columns.push(column.column(name));
            match Filled::compile(column, (&schema.database, &schema.table)) {
                Ok(filled) => added.push(filled),
                Err(reason) => return wrong(schema, &format!("the added column {name}: {reason}")),
            }
        }
        let all = projection.len() == schema.columns.len();
        Ok(Self {
            key,
            schema: Arc::new(TableSchema {
                database: schema.database.clone(),
                table: schema.table.clone(),
                columns,
                primary_key,
            }),
            source_columns: schema.columns.len(),
            projection: if all { None } else { Some(projection.into()) },
            added: added.into(),
        })
    }

    /// The same under another name.
    pub(super) fn named(mut self, (database, table): (&str, &str)) -> Self {
        if (database, table) != (self.schema.database.as_str(), self.schema.table.as_str()) {
            let seen = Arc::make_mut(&mut self.schema);
            (seen.database, seen.table) = (database.to_owned(), table.to_owned());
        }
        self
    }

    /// The same as its messages' keys have it: with the columns that were chosen instead of the primary key's.
    pub(crate) fn keyed(&self) -> Arc<TableSchema> {
        match &self.key {
            None => Arc::clone(&self.schema),
            Some(key) => {
                Arc::new(TableSchema { primary_key: key.clone(), ..(*self.schema).clone() })
            }
        }
    }

    /// Whether the key of messages is not the row's own.
    pub(crate) fn has_chosen_key(&self) -> bool {
        self.key.is_some()
    }

    /// Names and columns as messages have them.
    pub(crate) fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// Ordinals in messages of the columns whose values say when a change was: no row of the source has them.
    pub(crate) fn passing(&self) -> Vec<usize> {
        let first = self.schema.columns.len().saturating_sub(self.added.len());
        let passing = self.added.iter().enumerate().filter(|(_, filled)| !filled.is_lasting());
        passing.map(|(place, _)| first + place).collect()
    }

    /// The cells of a row that messages have.
    ///
    /// # Errors
    /// `Decode` if the row has another number of columns than the table.
    pub(crate) fn row<'r>(
        &'r self,
        row: &'r [Cell<'_>],
        moment: Moment,
    ) -> Result<Cow<'r, [Cell<'r>]>> {
        if self.projection.is_none() && self.added.is_empty() {
            return Ok(Cow::Borrowed(row));
        }
        if row.len() != self.source_columns {
            let (name, columns) = (self.schema.full_name(), self.source_columns);
            let text = format!("a row of {name} has {} values, the table has {columns}", row.len());
            return Err(Error::new(ErrorKind::Decode, text));
        }
        let mut cells = Vec::with_capacity(self.schema.columns.len());
        match &self.projection {
            None => cells.extend_from_slice(row),
            Some(kept) => {
                cells.extend(kept.iter().filter_map(|ordinal| row.get(*ordinal)).copied());
            }
        }
        cells.extend(self.added.iter().map(|filled| filled.cell(moment)));
        Ok(Cow::Owned(cells))
    }
}

fn wrong<T>(schema: &TableSchema, text: &str) -> Result<T> {
    Err(Error::new(ErrorKind::SchemaMismatch, format!("{}: {text}", schema.full_name())))
}

/// The columns of the source that messages have, under their names there, and their ordinals at the source.
fn kept_columns(schema: &TableSchema, mapping: &TableMapping) -> Result<(Vec<Column>, Vec<usize>)> {
    let kept =
        |name: &String| mapping.columns.as_ref().is_none_or(|columns| columns.contains(name));
    let (mut columns, mut projection) = (Vec::new(), Vec::new());
    for (ordinal, column) in schema.columns.iter().enumerate() {
        if !kept(&column.name) {
            continue;
        }
        let mut column = column.clone();
        if let Some(name) = mapping.renamed.get(&column.name) {
            column.name.clone_from(name);
        }
        if columns.iter().any(|other: &Column| other.name == column.name) {
            let name = &column.name;
            return wrong(schema, &format!("two columns would be named {name} in messages"));
        }
        columns.push(column);
        projection.push(ordinal);
    }
    Ok((columns, projection))
}

/// Ordinals in messages of the primary key's columns.
fn primary_key(schema: &TableSchema, projection: &[usize]) -> Result<Vec<usize>> {
    let mut primary_key = Vec::with_capacity(schema.primary_key.len());
    for ordinal in &schema.primary_key {
        let Some(place) = projection.iter().position(|kept| kept == ordinal) else {
            let name = schema.columns.get(*ordinal).map_or("", |column| &column.name);
            return wrong(
                schema,
                &format!(
                    "the job's objects leave out {name}, which is part of the primary key: a message could not say which row it is about"
                ),
            );
        };
        primary_key.push(place);
    }
    Ok(primary_key)
}

/// Ordinals in messages of the columns that were chosen as their key.
fn chosen_key(schema: &TableSchema, names: &[String], projection: &[usize]) -> Result<Vec<usize>> {
    let mut key = Vec::with_capacity(names.len());
    for name in names {
        let ordinal = schema.columns.iter().position(|column| column.name == *name);
        let fault =
            match ordinal.and_then(|ordinal| projection.iter().position(|kept| *kept == ordinal)) {
                Some(place) if key.contains(&place) => {
                    format!("the job's objects name {name} twice among partition_columns")
                }
                Some(place) => {
                    key.push(place);
                    continue;
                }
                None => {
                    format!("the job's objects leave out {name}, which is one of partition_columns")
                }
            };
        return wrong(schema, &fault);
    }
    Ok(key)
}
