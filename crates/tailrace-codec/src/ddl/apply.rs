//! What an `ALTER TABLE` makes of a schema.

use super::column::{ColumnDefinition, convert};
use super::create::same_name;
use super::statement::{AlterOp, AlterTable, NotUnderstood, Position};
use crate::schema::{CollationId, Column, TableSchema};

/// A column of the new version, and where it comes from.
struct Entry {
    /// Its ordinal before.
    before: Option<usize>,
    column: Column,
}

/// The schema behind an `ALTER TABLE`. `default` is the table's default collation before it: only
/// needed for text columns without a character set of their own; see
/// [`AlterTable::default_collation`] for the one behind it.
///
/// As in the server, names of columns that are dropped, changed or renamed are those before the
/// statement, names behind AFTER those after it.
///
/// # Errors
/// An operation was not understood, a column is not there or is there already (the schema is not the
/// one that the server has), or a character set is needed that is not known.
pub fn apply(
    schema: &TableSchema,
    alter: &AlterTable,
    default: Option<CollationId>,
) -> Result<TableSchema, NotUnderstood> {
    for op in &alter.ops {
        check(schema, op)?;
    }
    let default = alter.default_collation().or(default);
    let mut entries = kept(schema, alter, default)?;
    for op in &alter.ops {
        place(schema, &mut entries, op, default)?;
    }
    for op in &alter.ops {
        if let AlterOp::ConvertCharset(to) = op {
            for entry in &mut entries {
                convert(&mut entry.column, *to)?;
            }
        }
    }
    let primary_key = primary_key(schema, alter, &mut entries)?;
    let mut new = TableSchema {
        database: schema.database.clone(),
        table: schema.table.clone(),
        columns: entries.into_iter().map(|entry| entry.column).collect(),
        primary_key,
    };
    for op in &alter.ops {
        if let AlterOp::RenameTo(name) = op {
            new.database.clone_from(&name.database);
            new.table.clone_from(&name.table);
        }
    }
    Ok(new)
}

/// The columns that an operation names must be there.
fn check(schema: &TableSchema, op: &AlterOp) -> Result<(), NotUnderstood> {
    let (name, optional) = match op {
        AlterOp::NotUnderstood(reason) => return Err(reason.clone()),
        AlterOp::DropColumn { name, if_exists } => (name, *if_exists),
        AlterOp::ModifyColumn { column, if_exists, .. } => (&column.name, *if_exists),
        AlterOp::ChangeColumn { old, if_exists, .. } => (old, *if_exists),
        AlterOp::RenameColumn { from, if_exists, .. } => (from, *if_exists),
        _ => return Ok(()),
    };
    if optional || schema.columns.iter().any(|column| same_name(&column.name, name)) {
        return Ok(());
    }
    Err(NotUnderstood::because(format!("{} has no column `{name}`", schema.full_name())))
}

/// The columns that keep their place, with their new names and definitions.
fn kept(
    schema: &TableSchema,
    alter: &AlterTable,
    default: Option<CollationId>,
) -> Result<Vec<Entry>, NotUnderstood> {
    let mut entries = Vec::with_capacity(schema.columns.len());
    for (before, column) in schema.columns.iter().enumerate() {
        let op = alter.ops.iter().find(|op| names(op).is_some_and(|n| same_name(n, &column.name)));
        let column = match op {
            Some(AlterOp::DropColumn { .. }) => continue,
            Some(AlterOp::RenameColumn { to, .. }) => Column { name: to.clone(), ..column.clone() },
            Some(op) => match redefinition(op) {
                // With a place of its own it comes later.
                Some((_, definition, Position::Unsaid)) => definition.to_column(default)?,
                Some(_) => continue,
                None => column.clone(),
            },
            None => column.clone(),
        };
        entries.push(Entry { before: Some(before), column });
    }
    Ok(entries)
}

/// The column before the statement that an operation is about.
fn names(op: &AlterOp) -> Option<&str> {
    match op {
        AlterOp::DropColumn { name, .. } => Some(name),
        AlterOp::RenameColumn { from, .. } => Some(from),
        _ => redefinition(op).map(|(old, ..)| old),
    }
}

/// Old name, new definition and place of a MODIFY or CHANGE.
fn redefinition(op: &AlterOp) -> Option<(&str, &ColumnDefinition, &Position)> {
    match op {
        AlterOp::ModifyColumn { column, position, .. } => Some((&column.name, column, position)),
        AlterOp::ChangeColumn { old, column, position, .. } => Some((old, column, position)),
        _ => None,
    }
}

/// Puts a new or moved column where it goes.
fn place(
    schema: &TableSchema,
    entries: &mut Vec<Entry>,
    op: &AlterOp,
    default: Option<CollationId>,
) -> Result<(), NotUnderstood> {
    let of = |name: &str| schema.columns.iter().position(|column| same_name(&column.name, name));
    let (before, definition, position) = match op {
        AlterOp::AddColumn { column, position, if_not_exists } => {
            if *if_not_exists && of(&column.name).is_some() {
                return Ok(());
            }
            if entries.iter().any(|entry| same_name(&entry.column.name, &column.name)) {
                return Err(NotUnderstood::because(format!(
                    "{} has a column `{}` already",
                    schema.full_name(),
                    column.name
                )));
            }
            (None, column, position)
        }
        _ => match redefinition(op) {
            Some((old, column, position)) if *position != Position::Unsaid => match of(old) {
                Some(before) => (Some(before), column, position),
                None => return Ok(()),
            },
            _ => return Ok(()),
        },
    };
    let at = match position {
        Position::Unsaid => entries.len(),
        Position::First => 0,
        Position::After(name) => {
            let found = entries.iter().position(|entry| same_name(&entry.column.name, name));
            let Some(found) = found else {
                return Err(NotUnderstood::because(format!(
                    "{} has no column `{name}` to put `{}` behind",
                    schema.full_name(),
                    definition.name
                )));
            };
            found.saturating_add(1)
        }
    };
    entries.insert(at, Entry { before, column: definition.to_column(default)? });
    Ok(())
}

/// The ordinals of the primary key; its columns hold no NULL.
fn primary_key(
    schema: &TableSchema,
    alter: &AlterTable,
    entries: &mut [Entry],
) -> Result<Vec<usize>, NotUnderstood> {
    let mut added: Option<Vec<&str>> = None;
    let mut dropped = false;
    for op in &alter.ops {
        match op {
            AlterOp::DropPrimaryKey => dropped = true,
            AlterOp::AddPrimaryKey { columns } => {
                added = Some(columns.iter().map(String::as_str).collect());
            }
            AlterOp::AddColumn { column, .. }
            | AlterOp::ModifyColumn { column, .. }
            | AlterOp::ChangeColumn { column, .. }
                if column.primary_key =>
            {
                added = Some(vec![column.name.as_str()]);
            }
            _ => {}
        }
    }
    let mut key = Vec::new();
    if let Some(names) = added {
        for name in names {
            let at = entries.iter().position(|entry| same_name(&entry.column.name, name));
            key.push(at.ok_or_else(|| {
                NotUnderstood::because(format!(
                    "{} has no column `{name}` for its primary key",
                    schema.full_name()
                ))
            })?);
        }
    } else if !dropped {
        // A dropped column leaves the key, too.
        let place = |before: &usize| entries.iter().position(|entry| entry.before == Some(*before));
        key.extend(schema.primary_key.iter().filter_map(place));
    }
    for at in &key {
        if let Some(entry) = entries.get_mut(*at) {
            entry.column.nullable = false;
        }
    }
    Ok(key)
}
