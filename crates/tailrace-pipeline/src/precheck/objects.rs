//! Checks of what is selected at the source.

use crate::error::{ErrorKind, Result};
use crate::job::{JobSpec, Link};
use crate::precheck::{CheckItem, CheckResult};
use crate::run::StopSignal;
use crate::source::mysql::catalog::{self, SYSTEM_DATABASES, SelectedTable, literal};
use crate::source::mysql::connection::Connection;
use crate::source::mysql::row_filter::{RowFilter, ServerJudge};

const OBJECTS: &str = "objects";
/// Names in one item's reason.
const NAMES_LISTED_MAX: usize = 10;

/// Which of the selected tables an item is about.
enum Which {
    /// Those that a query gives as `database.table`; `{list}` stands for the selected databases.
    Query(&'static str),
    /// Those that refer to a table which is not selected.
    Reference,
    /// Those of databases selected whole that an online schema change made.
    Shadow,
    /// Those of which this holds.
    Table(fn(&SelectedTable) -> bool),
    /// Those whose database's name is so.
    Database(fn(&str) -> bool),
}

/// An item that asks for a person's word if it finds something.
struct Alarm {
    item: &'static str,
    which: Which,
    /// What is said before the names.
    what: &'static str,
    remedy: &'static str,
}

const ALARMS: &[Alarm] = &[
    Alarm {
        item: "srcDbNameContainsUnsupportedSymbols",
        which: Which::Database(has_symbols),
        what: "databases whose names have characters that DRS does not take",
        remedy: "Leave them out if other tools must be able to read the selection; Tailrace can read them.",
    },
    Alarm {
        item: "srcTableNameContainsNonAscii",
        which: Which::Table(|t| has_symbols(&t.table)),
        what: "tables whose names have characters that DRS does not take",
        remedy: "Leave them out if other tools must be able to read the selection; Tailrace can read them.",
    },
    Alarm {
        item: "srcIdentifierWithBreakCheck",
        which: Which::Table(|t| [&t.database, &t.table].iter().any(|n| n.contains(['\n', '\r']))),
        what: "names with line breaks",
        remedy: "Rename them: a topic's name has an underscore in place of the break.",
    },
    Alarm {
        item: "srcTableWithoutPrimaryKeyCheck",
        which: Which::Table(|t| t.chunk_key().is_none()),
        what: "tables without a primary key (or a unique one without NULLs), or with one of prefixes, are read in one piece; without any, their messages have no key of their own",
        remedy: "Add a primary key where it matters.",
    },
    Alarm {
        item: "srcDbExistUnsupportEngineTable",
        which: Which::Query(
            "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES \
             WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB' AND TABLE_SCHEMA IN ({list})",
        ),
        what: "tables that are not transactional can be read while they change",
        remedy: "ALTER TABLE … ENGINE = InnoDB.",
    },
    Alarm {
        item: "MysqlForeignKeyReferentialActionCheck",
        which: Which::Query(
            "SELECT DISTINCT CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME) \
             FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA IN ({list}) \
             AND (DELETE_RULE IN ('CASCADE','SET NULL') OR UPDATE_RULE IN ('CASCADE','SET NULL'))",
        ),
        what: "foreign keys whose cascades are not in the binlog",
        remedy: "Do the cascaded changes in the application.",
    },
    Alarm {
        item: "srcMariaDbGeneratedColumnCheck",
        which: Which::Query(
            "SELECT DISTINCT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.COLUMNS \
             WHERE EXTRA LIKE '%GENERATED%' AND VERSION() LIKE '%MariaDB%' AND VERSION() + 0 >= 11 \
             AND TABLE_SCHEMA IN ({list})",
        ),
        what: "generated columns, which this MariaDB leaves out of changed and deleted rows in its log: such a row stops the job",
        remedy: "Leave these tables out, or drop the generated columns.",
    },
    Alarm {
        item: "srcForeignKeyOutsideSelectionCheck",
        which: Which::Reference,
        what: "selected tables whose foreign keys point to tables that are not selected",
        remedy: "Select these tables too if consumers follow the keys.",
    },
    Alarm {
        item: "srcShadowTableCheck",
        which: Which::Shadow,
        what: "tables that are left out, because by their names (_…_gho, _…_ghc, _…_del, _…_new, _…_old) an online schema change made them",
        remedy: "If they are tables of their own, name the tables of the database in the selection.",
    },
    Alarm {
        item: "srcHasLargeColumnTypeCheck",
        which: Which::Query(
            "SELECT DISTINCT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.COLUMNS \
             WHERE DATA_TYPE IN ('longtext','longblob') AND TABLE_SCHEMA IN ({list})",
        ),
        what: "columns that can hold values larger than a Kafka message may be",
        remedy: "Raise message.max.bytes of the brokers and max.message.bytes of the topics.",
    },
    Alarm {
        item: "sourceEncryptTableActionChecker",
        which: Which::Query(
            "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES \
             WHERE CREATE_OPTIONS LIKE '%ENCRYPTION=%Y%' AND TABLE_SCHEMA IN ({list})",
        ),
        what: "encrypted tables, whose rows leave the source in clear",
        remedy: "Use TLS towards source and target.",
    },
];

/// Tables of engines that DRS's TaurusDB link does not take.
const OTHER_ENGINES: &str = "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES \
     WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE NOT IN ('InnoDB', 'MyISAM') AND TABLE_SCHEMA IN ({list})";

/// All items; one that cannot be answered is failed.
pub(super) fn run(spec: &JobSpec, connection: &mut Connection) -> Vec<CheckItem> {
    match items(spec, connection) {
        Ok(items) => items,
        Err(e) => vec![CheckItem::error("userSelectObjectsCheck", OBJECTS, &e)],
    }
}

fn items(spec: &JobSpec, connection: &mut Connection) -> Result<Vec<CheckItem>> {
    let tables = catalog::selected_tables(connection, &spec.selection)?;
    let versioned = catalog::versioned_tables(connection, &spec.selection)?;
    let mut missing = missing_objects(spec, connection, &tables)?;
    missing.retain(|name| !versioned.contains(name));
    let mut items = vec![item(
        ("userSelectObjectsCheck", CheckResult::Failed),
        &missing,
        "selected and not in the source",
        "Correct the selection.",
    )];
    items.push(item(
        ("srcSystemVersionedTableCheck", CheckResult::Failed),
        &versioned,
        "system-versioned tables, whose log has rows of their history too",
        "Leave them out of the selection, or ALTER TABLE … DROP SYSTEM VERSIONING.",
    ));
    items.push(item(
        ("srcRowFilterCheck", CheckResult::Failed),
        &unfit_filters(spec, connection, &tables)?,
        "filters that do not fit their tables",
        "Correct the filter: its columns, their types and the constants beside them.",
    ));
    if spec.link == Link::TaurusToKafka {
        items.push(item(
            ("srcTaurusEngineCheck", CheckResult::Failed),
            &named_by(connection, OTHER_ENGINES, spec)?,
            "tables of other engines than InnoDB and MyISAM, which DRS does not take from TaurusDB",
            "ALTER TABLE … ENGINE = InnoDB, or leave them out of the selection.",
        ));
    }
    for alarm in ALARMS {
        let names = match alarm.which {
            Which::Query(sql) => named_by(connection, sql, spec)?,
            Which::Reference => references_outside(connection, spec)?,
            Which::Shadow => shadows(connection, spec)?,
            Which::Table(holds) => tables.iter().filter(|t| holds(t)).map(full_name).collect(),
            Which::Database(holds) => {
                let databases = spec.selection.databases.iter().map(|d| &d.name);
                databases.filter(|name| holds(name)).cloned().collect()
            }
        };
        items.push(item((alarm.item, CheckResult::Alarm), &names, alarm.what, alarm.remedy));
    }
    Ok(items)
}

fn item(
    (name, result): (&'static str, CheckResult),
    names: &[String],
    what: &str,
    remedy: &str,
) -> CheckItem {
    let bad = (!names.is_empty()).then(|| (result, format!("{what}: {}", listed(names)), remedy));
    CheckItem::when(name, OBJECTS, bad)
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> =
        names.iter().take(NAMES_LISTED_MAX).map(|name| name.escape_debug().to_string()).collect();
    match names.len().saturating_sub(NAMES_LISTED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn full_name(table: &SelectedTable) -> String {
    format!("{}.{}", table.database, table.table)
}

/// DRS takes ASCII without `'`, `<`, `` ` ``, `>`, `/` and `\`.
fn has_symbols(name: &str) -> bool {
    !name.is_ascii() || name.contains(['\'', '<', '`', '>', '/', '\\'])
}

/// Foreign keys of selected tables to others, as `database.table → database.table`.
fn references_outside(connection: &mut Connection, spec: &JobSpec) -> Result<Vec<String>> {
    let rows = connection.rows(&format!(
        "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME \
         FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL \
         AND TABLE_SCHEMA IN ({}) ORDER BY 1, 2, 3, 4",
        databases(spec)
    ))?;
    let mut found = Vec::new();
    for row in &rows {
        let (database, table) = (row.text(0)?, row.text(1)?);
        let (to_database, to_table) = (row.text(2)?, row.text(3)?);
        if spec.selection.includes(database, table)
            && !spec.selection.includes(to_database, to_table)
        {
            found.push(format!("{database}.{table} → {to_database}.{to_table}"));
        }
    }
    Ok(found)
}

/// What is wrong with the filters of tables.
fn unfit_filters(
    spec: &JobSpec,
    connection: &mut Connection,
    tables: &[SelectedTable],
) -> Result<Vec<String>> {
    let mut judge = ServerJudge::new(spec, &StopSignal::new());
    let mut unfit = Vec::new();
    for table in tables {
        if spec.mappings.filter(&table.database, &table.table).is_none() {
            continue;
        }
        let schema = catalog::table_schema(connection, table)?;
        match RowFilter::of_table(spec, &schema, &mut judge) {
            Err(e) if e.kind() == ErrorKind::SchemaMismatch => unfit.push(e.message().to_owned()),
            bound => drop(bound?),
        }
    }
    Ok(unfit)
}

/// Tables that are left out as those of online schema changes.
fn shadows(connection: &mut Connection, spec: &JobSpec) -> Result<Vec<String>> {
    let rows = connection.rows(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({}) ORDER BY 1, 2",
        databases(spec)
    ))?;
    let mut found = Vec::new();
    for row in &rows {
        let (database, table) = (row.text(0)?, row.text(1)?);
        if spec.selection.leaves_out_shadow(database, table) {
            found.push(format!("{database}.{table}"));
        }
    }
    Ok(found)
}

/// The selected databases as a list of literals.
fn databases(spec: &JobSpec) -> String {
    let list: Vec<String> = spec.selection.databases.iter().map(|d| literal(&d.name)).collect();
    list.join(", ")
}

/// Names that a query gives and that are selected.
fn named_by(connection: &mut Connection, sql: &str, spec: &JobSpec) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for row in connection.rows(&sql.replace("{list}", &databases(spec)))? {
        let name = row.text(0)?;
        if name.split_once('.').is_some_and(|(d, t)| spec.selection.includes(d, t)) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn missing_objects(
    spec: &JobSpec,
    connection: &mut Connection,
    tables: &[SelectedTable],
) -> Result<Vec<String>> {
    let databases: Vec<String> = connection
        .rows("SHOW DATABASES")?
        .iter()
        .map(|r| r.text(0).map(str::to_owned))
        .collect::<Result<_>>()?;
    let mut missing = Vec::new();
    for database in &spec.selection.databases {
        if SYSTEM_DATABASES.contains(&database.name.as_str()) || !databases.contains(&database.name)
        {
            missing.push(database.name.clone());
            continue;
        }
        for table in database.tables.iter().flatten() {
            if !tables.iter().any(|t| t.database == database.name && t.table == *table) {
                missing.push(format!("{}.{table}", database.name));
            }
        }
    }
    Ok(missing)
}
