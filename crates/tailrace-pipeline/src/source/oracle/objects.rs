//! What there is at the source to choose from.

use std::collections::{BTreeMap, HashSet};

use tailrace_codec::gaussdb::structure::SourceTable;
use tailrace_codec::oracle::OracleColumn;

use super::catalog;
use super::session::{Session, number, text};
use crate::error::{Error, ErrorKind, Result};
use crate::source::mysql::catalog::{FoundDatabase, FoundTable};
use crate::source::mysql::columns::{ColumnKey, FoundColumn, FoundColumns};

/// Schemas that come with the server, whose tables are never replicated. `ALL_USERS.ORACLE_MAINTAINED` has them too, from 12c on.
const MAINTAINED: [&str; 37] = [
    "ANONYMOUS",
    "APPQOSSYS",
    "AUDSYS",
    "CTXSYS",
    "DBSFWUSER",
    "DBSNMP",
    "DGPDB_INT",
    "DIP",
    "DVF",
    "DVSYS",
    "EXFSYS",
    "GGSYS",
    "GSMADMIN_INTERNAL",
    "GSMCATUSER",
    "GSMUSER",
    "LBACSYS",
    "MDDATA",
    "MDSYS",
    "MGMT_VIEW",
    "OJVMSYS",
    "OLAPSYS",
    "ORACLE_OCM",
    "ORDDATA",
    "ORDPLUGINS",
    "ORDSYS",
    "OUTLN",
    "REMOTE_SCHEDULER_AGENT",
    "SI_INFORMTN_SCHEMA",
    "SYS",
    "SYS$UMF",
    "SYSBACKUP",
    "SYSDG",
    "SYSKM",
    "SYSMAN",
    "SYSRAC",
    "SYSTEM",
    "XDB",
];

/// Whether a schema is the server's own.
pub(crate) fn is_maintained(owner: &str) -> bool {
    MAINTAINED.contains(&owner) || owner == "WMSYS" || owner == "XS$NULL"
}

/// Schemas with their tables in order, all or those named, without the server's own; no temporary, nested, dropped or
/// materialised ones, nor what indexes of Oracle Text keep.
///
/// # Errors
/// Those of the session.
pub(crate) fn list(session: &Session, owners: Option<&[String]>) -> Result<Vec<FoundDatabase>> {
    let wanted = |owner: &str| {
        !is_maintained(owner)
            && owners.is_none_or(|owners| owners.iter().any(|wanted| wanted == owner))
    };
    let mut keyed: HashSet<(String, String)> = HashSet::new();
    let keys = "SELECT owner, table_name FROM all_constraints WHERE constraint_type = 'P'";
    session.each(keys, &[], |row| {
        keyed.insert((text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default()));
        Ok(())
    })?;
    let mut schemas: BTreeMap<String, Vec<FoundTable>> = BTreeMap::new();
    let tables = "SELECT owner, table_name, num_rows FROM all_tables \
                  WHERE temporary = 'N' AND nested = 'NO' AND table_name NOT LIKE 'BIN$%' \
                  AND table_name NOT LIKE 'MLOG$%' AND table_name NOT LIKE 'DR$%' ORDER BY owner, table_name";
    session.each(tables, &[], |row| {
        let (owner, name) = (text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default());
        if wanted(&owner) {
            let has_primary_key = keyed.contains(&(owner.clone(), name.clone()));
            let rows_estimated = number(row, 2)?.unwrap_or(0);
            let table = FoundTable { name, rows_estimated, has_primary_key };
            schemas.entry(owner).or_default().push(table);
        }
        Ok::<(), Error>(())
    })?;
    Ok(schemas.into_iter().map(|(name, tables)| FoundDatabase { name, tables }).collect())
}

/// Columns of these tables, by owner and name, in their order; none of a table that is not there.
///
/// # Errors
/// Those of the session.
pub(crate) fn columns(session: &Session, tables: &[(String, String)]) -> Result<Vec<FoundColumns>> {
    let mut found = Vec::with_capacity(tables.len());
    for (owner, name) in tables {
        let columns = match catalog::table(session, owner, name, owner) {
            Ok(table) => found_columns(&table),
            Err(e) if e.kind() == ErrorKind::SchemaMismatch => Vec::new(),
            Err(e) => return Err(e),
        };
        found.push(FoundColumns { database: owner.clone(), table: name.clone(), columns });
    }
    Ok(found)
}

fn found_columns(table: &SourceTable) -> Vec<FoundColumn> {
    let is_unique = |name: &String| {
        table.indexes.iter().any(|index| index.is_unique && index.columns == [name.clone()])
    };
    let column = |column: &OracleColumn| FoundColumn {
        name: column.name.clone(),
        type_name: type_text(column),
        key: if table.primary_key.contains(&column.name) {
            ColumnKey::Primary
        } else if is_unique(&column.name) {
            ColumnKey::Unique
        } else {
            ColumnKey::None
        },
    };
    table.columns.iter().filter(|column| !column.is_hidden).map(column).collect()
}

/// A type as it is declared.
fn type_text(column: &OracleColumn) -> String {
    let name = &column.data_type;
    match (column.precision, column.scale) {
        (Some(precision), Some(scale)) if name == "NUMBER" && scale != 0 => {
            format!("NUMBER({precision},{scale})")
        }
        (Some(precision), _) if name == "NUMBER" || name == "FLOAT" => {
            format!("{name}({precision})")
        }
        _ if column.char_length > 0 => format!("{name}({})", column.char_length),
        _ if name == "RAW" => format!("RAW({})", column.data_length),
        _ => name.clone(),
    }
}
