//! Checks of an Oracle source (DRS's items for Oracle → GaussDB Distributed).

use std::collections::{BTreeMap, HashMap};

use tailrace_codec::oracle::{DatabaseCharset, OracleType};

use super::source::SOURCE;
use super::{CheckItem, CheckResult};
use crate::engine::unix_ms;
use crate::error::{Error, ErrorKind, Result};
use crate::job::TaskType;
use crate::oracle_gaussdb::{Described, OracleJob, TableChoice, described};
use crate::source::oracle::session::{ROOT, Session, text};
use crate::source::oracle::{catalog, log_files, mining, snapshot};

const OBJECTS: &str = "objects";
/// Longest value of a string column that is in its row, bytes; longer ones are stored as large objects
/// (`MAX_STRING_SIZE = EXTENDED`).
const PLAIN_STRING_BYTES_MAX: u32 = 4000;
/// Longest name of a schema, table or column whose changes LogMiner tells, bytes.
const LOGMINER_NAME_BYTES_MAX: usize = 30;
/// Tables that are named in one reason.
const NAMED_MAX: usize = 20;

/// All items, and the tables as they are to be made, as far as they can be read.
pub(super) fn run(job: &OracleJob) -> (Vec<CheckItem>, Vec<Described>) {
    let session = match Session::connect(&job.source) {
        Ok(session) => session,
        Err(e) => return (vec![CheckItem::error("srcDbConnection", SOURCE, &e)], Vec::new()),
    };
    let mut items = vec![CheckItem::passed("srcDbConnection", SOURCE)];
    let increment = job.task != TaskType::Full;
    push(&mut items, "srcDbVersionSupport", version(&session));
    push(&mut items, "srcDbStandbyCheck", standby(&session));
    if increment {
        push(&mut items, "srcDbArchiveLogCheck", archive(&session));
        push(&mut items, "srcDbPrivilegesIsEnoughForIncre", log_mining(job));
        push(&mut items, "srcPdbOpenCheck", open_containers(job));
        push(&mut items, "dbClockConsistency", clock(&session));
    }
    let charset = catalog::charset(&session);
    items.push(match &charset {
        Ok(_) => CheckItem::passed("srcDbCharsetCheck", SOURCE),
        Err(e) => CheckItem::with(
            "srcDbCharsetCheck",
            SOURCE,
            CheckResult::Failed,
            e.message(),
            format!("Replicate from a database with one of {}.", DatabaseCharset::SUPPORTED),
        ),
    });
    let Ok(charset) = charset else { return (items, Vec::new()) };
    let tables = tables(job, &session, charset, &mut items);
    push(&mut items, "srcDbPrivilegesIsEnoughForFull", readable(&session, &tables));
    if increment {
        let reads_keys = job.limits.reads_missing_keys;
        let logged = supplemental(&session, &tables, reads_keys);
        push(&mut items, "srcSupplementalLogCheck", logged);
        items.push(names(&tables));
        items.push(extended_strings(&tables));
    }
    items.push(keys(&tables));
    items.push(collisions(&job.tables));
    (items, tables)
}

fn push(items: &mut Vec<CheckItem>, name: &'static str, result: Result<CheckItem>) {
    items.push(result.unwrap_or_else(|e| CheckItem::error(name, SOURCE, &e)));
}

/// The first few of many.
fn listed(all: &[String]) -> String {
    let shown = all.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join("; ");
    match all.len().checked_sub(NAMED_MAX) {
        Some(more) if more > 0 => format!("{shown}; and {more} more"),
        _ => shown,
    }
}

fn version(session: &Session) -> Result<CheckItem> {
    let banner = catalog::version(session)?;
    let release = banner.split("Release ").nth(1).and_then(|rest| rest.split('.').next());
    let major = release.and_then(|major| major.trim().parse::<u32>().ok());
    let bad = match major {
        Some(12..=23) => None,
        Some(major) if major < 12 => Some((
            CheckResult::Failed,
            format!("the source is {banner}"),
            "The driver that is built in speaks with 12c and later (docs/gaps.md).",
        )),
        _ => Some((
            CheckResult::Alarm,
            format!("the source is {banner}, with which the link was not tried"),
            "Compare the tables when they are synchronized.",
        )),
    };
    Ok(CheckItem::when("srcDbVersionSupport", SOURCE, bad))
}

/// A column of `V$DATABASE`.
fn of_database(session: &Session, column: &str) -> Result<String> {
    let mut value = None;
    session.each(&format!("SELECT {column} FROM v$database"), &[], |row| {
        value = text(row, 0)?;
        Ok(())
    })?;
    Ok(value.unwrap_or_default())
}

fn standby(session: &Session) -> Result<CheckItem> {
    let role = of_database(session, "database_role")?;
    let bad = (role != "PRIMARY").then(|| {
        (
            CheckResult::Alarm,
            format!("the source's role is {role}: a standby writes no log of its own, and its archived files come late"),
            "Replicate from the primary database.",
        )
    });
    Ok(CheckItem::when("srcDbStandbyCheck", SOURCE, bad))
}

fn archive(session: &Session) -> Result<CheckItem> {
    let mode = of_database(session, "log_mode")?;
    let bad = (mode != "ARCHIVELOG").then(|| {
        (
            CheckResult::Failed,
            format!("the source's log_mode is {mode}: its log is overwritten before it may have been read"),
            "Run in a mounted database: ALTER DATABASE ARCHIVELOG;",
        )
    });
    Ok(CheckItem::when("srcDbArchiveLogCheck", SOURCE, bad))
}

/// Delays are differences between the source's clock and this machine's.
fn clock(session: &Session) -> Result<CheckItem> {
    const DIFFERENCE_MAX_MS: i64 = 10_000;
    let ahead = mining::clock_ms(session)? - unix_ms();
    let bad = (ahead.abs() > DIFFERENCE_MAX_MS).then(|| {
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        (
            CheckResult::Alarm,
            format!("the source's clock is {} ms {way} this machine's: delays that are shown are wrong by as much", ahead.abs()),
            "Let both machines follow one time server.",
        )
    });
    Ok(CheckItem::when("dbClockConsistency", SOURCE, bad))
}

/// Mines the last moment of the log: whoever can do that has what is needed.
fn log_mining(job: &OracleJob) -> Result<CheckItem> {
    let mine = || {
        let session = Session::connect_for_mining(&job.source)?;
        let scn = log_files::written_scn(&session)?;
        mining::oldest_open(&session)?;
        mining::window(
            &session,
            &mut log_files::LogFiles::default(),
            (scn, scn),
            0,
            &mut |_| Ok(()),
        )
    };
    Ok(match mine() {
        Ok(()) => CheckItem::passed("srcDbPrivilegesIsEnoughForIncre", SOURCE),
        Err(e) => CheckItem {
            raw_error: e.message().to_owned(),
            ..CheckItem::with(
                "srcDbPrivilegesIsEnoughForIncre",
                SOURCE,
                CheckResult::Failed,
                format!("LogMiner cannot be used by this account: {}", e.message()),
                "Grant CREATE SESSION, SELECT ANY DICTIONARY, EXECUTE_CATALOG_ROLE, SELECT ANY TRANSACTION and, from 12c on, LOGMINING; of a container database to a common user (C##…) that has SET CONTAINER too.",
            )
        },
    })
}

/// LogMiner of 19c stops where a pluggable database is not open (DRS's own item); the root has no tables of users.
fn open_containers(job: &OracleJob) -> Result<CheckItem> {
    let session = Session::connect_for_mining(&job.source)?;
    let mut closed = Vec::new();
    if session.replicated_container().is_some() {
        let sql = "SELECT name FROM v$pdbs WHERE open_mode = 'MOUNTED' AND name <> 'PDB$SEED'";
        session.each(sql, &[], |row| {
            closed.extend(text(row, 0)?);
            Ok(())
        })?;
    }
    let bad = if session.replicated_container() == Some(ROOT) {
        Some((
            CheckResult::Alarm,
            "the source is the root of a container database, where there are seldom tables"
                .to_owned(),
            "Name the pluggable database as well: db_name serviceName.SERVICE/PLUGGABLE.",
        ))
    } else {
        (!closed.is_empty()).then(|| {
            (
                CheckResult::Alarm,
                format!("pluggable databases that are not open: {}", listed(&closed)),
                "Open them: LogMiner of 19c cannot read the log without them.",
            )
        })
    };
    Ok(CheckItem::when("srcPdbOpenCheck", SOURCE, bad))
}

/// Reads the selected tables' definitions; those with faults are named.
fn tables(
    job: &OracleJob,
    session: &Session,
    charset: DatabaseCharset,
    items: &mut Vec<CheckItem>,
) -> Vec<Described> {
    let (mut found, mut missing, mut faults, mut notes) = (vec![], vec![], vec![], vec![]);
    for choice in &job.tables {
        match catalog::table(session, &choice.owner, &choice.name, &choice.schema) {
            Err(e) => {
                missing.push(e.message().to_owned());
                continue;
            }
            Ok(table) => match described(choice, table, charset) {
                Err(e) => faults.push(e.message().to_owned()),
                Ok(table) => {
                    let losses = table.structure.notes.iter();
                    notes.extend(
                        losses.map(|note| format!("{choice}: {}: {}", note.name, note.reason)),
                    );
                    found.push(table);
                }
            },
        }
    }
    let item = |item, bad: &[String], result, remedy| {
        CheckItem::when(item, OBJECTS, (!bad.is_empty()).then(|| (result, listed(bad), remedy)))
    };
    items.push(item(
        "userSelectObjectsCheck",
        &missing,
        CheckResult::Failed,
        "Select tables that are there and that the account may see.",
    ));
    items.push(item(
        "srcTableStructureCheck",
        &faults,
        CheckResult::Failed,
        "Leave these tables out, or change these columns.",
    ));
    items.push(item(
        "srcTableStructureLossCheck",
        &notes,
        CheckResult::Alarm,
        "Look whether the target can do without these.",
    ));
    found
}

/// Whether each table can be read as it was at an SCN.
fn readable(session: &Session, tables: &[Described]) -> Result<CheckItem> {
    let scn = mining::current_scn(session)?;
    let mut refused = Vec::new();
    for table in tables {
        let name = format!(
            "{}.{}",
            snapshot::quoted(&table.choice.owner),
            snapshot::quoted(&table.choice.name)
        );
        let sql = format!("SELECT COUNT(*) FROM {name} AS OF SCN {scn} WHERE 1 = 0");
        match session.number(&sql, &[]) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::SourceConnection => return Err(e),
            Err(e) => refused.push(format!("{}: {}", table.choice, e.message())),
        }
    }
    let bad = (!refused.is_empty()).then(|| {
        let remedy = "Grant SELECT and FLASHBACK on these tables.";
        (CheckResult::Failed, listed(&refused), remedy)
    });
    Ok(CheckItem::when("srcDbPrivilegesIsEnoughForFull", SOURCE, bad))
}

/// What the log tells of the rows of a table.
#[derive(Debug, Default, Clone, Copy)]
struct Level {
    all: bool,
    primary_key: bool,
    unique: bool,
}

fn supplemental(session: &Session, tables: &[Described], reads_keys: bool) -> Result<CheckItem> {
    const ITEM: &str = "srcSupplementalLogCheck";
    let is_on = |column: &str| {
        let value = of_database(session, &format!("supplemental_log_data_{column}"))?;
        Ok::<bool, Error>(value != "NO" && !value.is_empty())
    };
    if !is_on("min")? {
        return Ok(CheckItem::with(
            ITEM,
            SOURCE,
            CheckResult::Failed,
            "the source's supplemental_log_data_min is NO: its log does not tell which rows change",
            "Run at the source: ALTER DATABASE ADD SUPPLEMENTAL LOG DATA;",
        ));
    }
    let common = Level { all: is_on("all")?, primary_key: is_on("pk")?, unique: is_on("ui")? };
    let levels = levels(session)?;
    let (mut too_low, mut keys_only) = (Vec::new(), Vec::new());
    for table in tables {
        let (owner, name) = (&table.choice.owner, &table.choice.name);
        let own = levels.get(&(owner.clone(), name.clone())).copied().unwrap_or_default();
        if common.all || own.all {
            continue;
        }
        let has_key = !table.source.primary_key.is_empty();
        let has_unique = table.source.indexes.iter().any(|index| index.is_unique);
        // Without a key at the source there is none to be read.
        let tells_key = has_key && (reads_keys || common.primary_key || own.primary_key)
            || !has_key && has_unique && (common.unique || own.unique);
        let to_run = format!(
            "ALTER TABLE {}.{} ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS;",
            snapshot::quoted(owner),
            snapshot::quoted(name)
        );
        if tells_key { keys_only.push(to_run) } else { too_low.push(to_run) }
    }
    if !too_low.is_empty() {
        let count = too_low.len();
        return Ok(CheckItem::with(
            ITEM,
            SOURCE,
            CheckResult::Failed,
            format!("the log does not tell which rows of {count} selected tables change"),
            format!("Run at the source: {}", too_low.join(" ")),
        ));
    }
    if !keys_only.is_empty() {
        let count = keys_only.len();
        return Ok(CheckItem::with(
            ITEM,
            SOURCE,
            CheckResult::Alarm,
            format!(
                "of {count} selected tables the log tells keys and changed columns only: a row that the target has not cannot be made by its update"
            ),
            format!("For whole rows, run at the source: {}", keys_only.join(" ")),
        ));
    }
    Ok(CheckItem::passed(ITEM, SOURCE))
}

/// Levels of tables that have one of their own.
fn levels(session: &Session) -> Result<HashMap<(String, String), Level>> {
    let mut levels: HashMap<(String, String), Level> = HashMap::new();
    session.each("SELECT owner, table_name, log_group_type FROM all_log_groups", &[], |row| {
        let table = (text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default());
        let level = levels.entry(table).or_default();
        match text(row, 2)?.as_deref() {
            Some("ALL COLUMN LOGGING") => level.all = true,
            Some("PRIMARY KEY LOGGING") => level.primary_key = true,
            Some("UNIQUE KEY LOGGING") => level.unique = true,
            _ => {}
        }
        Ok::<(), Error>(())
    })?;
    Ok(levels)
}

/// Names that LogMiner cannot tell.
fn names(tables: &[Described]) -> CheckItem {
    let mut long = Vec::new();
    for table in tables {
        let choice = &table.choice;
        let columns = table.source.columns.iter().map(|column| column.name.as_str());
        let names = [choice.owner.as_str(), choice.name.as_str()].into_iter().chain(columns);
        let of_table = names.filter(|name| name.len() > LOGMINER_NAME_BYTES_MAX);
        long.extend(of_table.map(|name| format!("{choice}: {name}")));
    }
    let bad = (!long.is_empty()).then(|| {
        let reason = format!(
            "LogMiner tells no changes of names longer than {LOGMINER_NAME_BYTES_MAX} bytes: {}",
            listed(&long)
        );
        (CheckResult::Failed, reason, "Leave these tables out, or rename them and their columns.")
    });
    CheckItem::when("srcNameLengthCheck", OBJECTS, bad)
}

/// Columns whose longest values the log tells in a way that is not read.
fn extended_strings(tables: &[Described]) -> CheckItem {
    let mut wide = Vec::new();
    for table in tables {
        let of_table = table.source.columns.iter().filter(|column| {
            use OracleType as T;
            let is_string = matches!(column.oracle_type(), T::VarChar2 | T::NVarChar2 | T::Raw);
            is_string && column.data_length > PLAIN_STRING_BYTES_MAX
        });
        wide.extend(of_table.map(|column| format!("{}.{}", table.choice, column.name)));
    }
    let bad = (!wide.is_empty()).then(|| {
        let reason = format!(
            "values of more than {PLAIN_STRING_BYTES_MAX} bytes would stop the job: {}",
            listed(&wide)
        );
        (CheckResult::Alarm, reason, "Leave these tables out if their columns have such values, or copy them by a full task.")
    });
    CheckItem::when("srcExtendedStringCheck", OBJECTS, bad)
}

fn keys(tables: &[Described]) -> CheckItem {
    let has_key = |table: &Described| {
        !table.source.primary_key.is_empty()
            || table.source.indexes.iter().any(|index| index.is_unique)
    };
    let without: Vec<String> = tables
        .iter()
        .filter(|table| !has_key(table))
        .map(|table| table.choice.to_string())
        .collect();
    let bad = (!without.is_empty()).then(|| {
        let reason = format!("tables without primary key or unique index: {}; their rows are found by all their values", listed(&without));
        (CheckResult::Alarm, reason, "Add a primary key where there can be one: changes are applied many times sooner.")
    });
    CheckItem::when("srcTableHasPrimaryKeyCheck", OBJECTS, bad)
}

/// Tables that would be one at the target, whose names have no capitals.
fn collisions(choices: &[TableChoice]) -> CheckItem {
    let mut by_name: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for choice in choices {
        let name = (choice.schema.to_ascii_lowercase(), choice.target.to_ascii_lowercase());
        by_name.entry(name).or_default().push(choice.to_string());
    }
    let same = by_name.into_iter().filter(|(_, tables)| tables.len() > 1);
    let same: Vec<String> = same
        .map(|((schema, name), tables)| format!("{} as {schema}.{name}", tables.join(" and ")))
        .collect();
    let bad = (!same.is_empty()).then(|| {
        (CheckResult::Failed, listed(&same), "Give one of them another name at the target.")
    });
    CheckItem::when("mappedNameCheck", OBJECTS, bad)
}
