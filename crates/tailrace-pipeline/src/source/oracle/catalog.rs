//! Tables as Oracle's dictionary has them.

use tailrace_codec::gaussdb::structure::{Index, SourceTable};
use tailrace_codec::oracle::{DatabaseCharset, InternalForm, LengthUnit, OracleColumn};

use super::session::{Session, number, text};
use crate::error::{Error, ErrorKind, Result};

/// The database's character set.
///
/// # Errors
/// `SourceSetting` for one that is not replicated; those of the session.
pub(crate) fn charset(session: &Session) -> Result<DatabaseCharset> {
    let name = charset_name(session)?;
    DatabaseCharset::from_name(&name).ok_or_else(|| {
        let text = format!("the source's character set is {name:?}, which is not replicated");
        Error::new(ErrorKind::SourceSetting, text)
    })
}

fn charset_name(session: &Session) -> Result<String> {
    let mut name = None;
    let sql = "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'";
    session.each(sql, &[], |row| {
        name = text(row, 0)?;
        Ok(())
    })?;
    Ok(name.unwrap_or_default())
}

/// What the database says of its version.
///
/// # Errors
/// Those of the session.
pub(crate) fn version(session: &Session) -> Result<String> {
    let mut version = String::new();
    session.each("SELECT banner FROM v$version", &[], |row| {
        if version.is_empty() {
            version = text(row, 0)?.unwrap_or_default();
        }
        Ok(())
    })?;
    Ok(version)
}

/// How the database stores its values.
///
/// # Errors
/// Those of the session.
pub(crate) fn internal_form(session: &Session) -> Result<InternalForm> {
    let mut zone = None;
    session.each("SELECT DBTIMEZONE FROM dual", &[], |row| {
        zone = text(row, 0)?;
        Ok(())
    })?;
    Ok(InternalForm::new(&charset_name(session)?, &zone.unwrap_or_default()))
}

/// A table with its keys, indexes and comments. `schema` is its schema at the target.
///
/// # Errors
/// `SchemaMismatch` if there is no such table; those of the session.
pub(crate) fn table(
    session: &Session,
    owner: &str,
    name: &str,
    schema: &str,
) -> Result<SourceTable> {
    let columns = columns(session, owner, name)?;
    if columns.is_empty() {
        let text = format!("the source has no table {owner}.{name}, or the account may not see it");
        return Err(Error::new(ErrorKind::SchemaMismatch, text));
    }
    let mut comment = None;
    let sql = "SELECT comments FROM all_tab_comments WHERE owner = :1 AND table_name = :2";
    session.each(sql, &[&owner, &name], |row| {
        comment = text(row, 0)?;
        Ok(())
    })?;
    let (primary_name, primary_key) = primary_key(session, owner, name)?;
    Ok(SourceTable {
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns,
        primary_key,
        indexes: indexes(session, owner, name, primary_name.as_deref())?,
        comment,
    })
}

/// Rows of a table by its statistics; 0 without any.
///
/// # Errors
/// Those of the session.
pub(crate) fn rows_estimated(session: &Session, owner: &str, name: &str) -> Result<u64> {
    let sql = "SELECT num_rows FROM all_tables WHERE owner = :1 AND table_name = :2";
    Ok(session.number(sql, &[&owner, &name])?.unwrap_or(0))
}

/// Numbers of a table's objects: its own, and those of its partitions.
///
/// # Errors
/// Those of the session.
pub(crate) fn objects(session: &Session, owner: &str, name: &str) -> Result<Vec<u64>> {
    let mut objects = Vec::new();
    let sql = "SELECT object_id FROM all_objects WHERE owner = :1 AND object_name = :2 \
               AND object_type IN ('TABLE', 'TABLE PARTITION', 'TABLE SUBPARTITION')";
    session.each(sql, &[&owner, &name], |row| {
        objects.extend(number(row, 0)?);
        Ok(())
    })?;
    Ok(objects)
}

fn columns(session: &Session, owner: &str, name: &str) -> Result<Vec<OracleColumn>> {
    let mut columns: Vec<OracleColumn> = Vec::new();
    let sql = "SELECT column_name, data_type, data_length, char_length, char_used, data_precision, data_scale, nullable, \
               data_default, virtual_column, hidden_column FROM all_tab_cols WHERE owner = :1 AND table_name = :2 \
               ORDER BY internal_column_id";
    session.each(sql, &[&owner, &name], |row| {
        let small = |column| {
            let number = number(row, column)?;
            Ok::<Option<u32>, Error>(number.and_then(|number| u32::try_from(number).ok()))
        };
        let signed = |column| {
            let text = text(row, column)?;
            Ok::<Option<i32>, Error>(text.and_then(|text| text.parse().ok()))
        };
        let is =
            |column, wanted: &str| Ok::<_, Error>(text(row, column)?.as_deref() == Some(wanted));
        columns.push(OracleColumn {
            name: text(row, 0)?.unwrap_or_default(),
            data_type: text(row, 1)?.unwrap_or_default(),
            data_length: small(2)?.unwrap_or(0),
            char_length: small(3)?.unwrap_or(0),
            char_used: match text(row, 4)?.as_deref() {
                Some("C") => Some(LengthUnit::Chars),
                Some("B") => Some(LengthUnit::Bytes),
                _ => None,
            },
            precision: signed(5)?,
            scale: signed(6)?,
            nullable: is(7, "Y")?,
            default: text(row, 8)?.map(|default| default.trim().to_owned()),
            is_virtual: is(9, "YES")?,
            is_hidden: is(10, "YES")?,
            comment: None,
        });
        Ok::<(), Error>(())
    })?;
    let sql =
        "SELECT column_name, comments FROM all_col_comments WHERE owner = :1 AND table_name = :2";
    session.each(sql, &[&owner, &name], |row| {
        let (name, comment) = (text(row, 0)?, text(row, 1)?);
        let column = columns.iter_mut().find(|column| Some(&column.name) == name.as_ref());
        if let Some(column) = column {
            column.comment = comment;
        }
        Ok(())
    })?;
    Ok(columns)
}

/// Name and columns of the primary key.
fn primary_key(
    session: &Session,
    owner: &str,
    name: &str,
) -> Result<(Option<String>, Vec<String>)> {
    let mut key = None;
    let sql = "SELECT constraint_name FROM all_constraints WHERE owner = :1 AND table_name = :2 AND constraint_type = 'P'";
    session.each(sql, &[&owner, &name], |row| {
        key = text(row, 0)?;
        Ok(())
    })?;
    let mut columns = Vec::new();
    if let Some(key) = &key {
        let sql = "SELECT column_name FROM all_cons_columns WHERE owner = :1 AND constraint_name = :2 ORDER BY position";
        session.each(sql, &[&owner, key], |row| {
            columns.extend(text(row, 0)?);
            Ok(())
        })?;
    }
    Ok((key, columns))
}

/// Normal indexes but that of the primary key, the unique ones first.
fn indexes(
    session: &Session,
    owner: &str,
    name: &str,
    primary: Option<&str>,
) -> Result<Vec<Index>> {
    let mut indexes = Vec::new();
    let sql = "SELECT index_name, uniqueness FROM all_indexes WHERE table_owner = :1 AND table_name = :2 \
               AND index_type = 'NORMAL' ORDER BY uniqueness DESC, index_name";
    session.each(sql, &[&owner, &name], |row| {
        let name = text(row, 0)?.unwrap_or_default();
        let is_unique = text(row, 1)?.as_deref() == Some("UNIQUE");
        if Some(name.as_str()) != primary {
            indexes.push(Index { name, columns: Vec::new(), is_unique });
        }
        Ok(())
    })?;
    for index in &mut indexes {
        let sql = "SELECT column_name FROM all_ind_columns WHERE index_owner = :1 AND index_name = :2 ORDER BY column_position";
        session.each(sql, &[&owner, &index.name], |row| {
            index.columns.extend(text(row, 0)?);
            Ok(())
        })?;
    }
    Ok(indexes)
}
