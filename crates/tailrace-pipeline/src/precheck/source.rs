//! Items of a MySQL-protocol source and of the selected objects.

use std::collections::BTreeMap;

use crate::error::{ErrorKind, Result};
use crate::job::{JobSpec, Link, StartPosition, TaskType};
use crate::precheck::{CheckItem, CheckResult};
use crate::run::StopSignal;
use crate::source::mysql::catalog::{self, SYSTEM_DATABASES, literal};
use crate::source::mysql::connection::Connection;

const SOURCE: &str = "source";
/// Whether the log names columns; else a job keeps a schema history.
pub(super) const ROW_METADATA: &str = "srcBinlogRowMetadataCheck";
const OBJECTS: &str = "objects";
/// Names of at most this many objects are spelled out in a reason.
const NAMES_LISTED_MAX: usize = 10;

pub(super) fn run(spec: &JobSpec, stop: &StopSignal) -> Vec<CheckItem> {
    let mut connection = match Connection::connect(&spec.source, &spec.limits, stop.clone()) {
        Ok(connection) => connection,
        Err(e) => return vec![CheckItem::error("srcDbConnection", SOURCE, &e)],
    };
    let mut items = vec![CheckItem::passed("srcDbConnection", SOURCE)];
    let variables = match variables(&mut connection) {
        Ok(variables) => variables,
        Err(e) => {
            items.push(CheckItem::error("srcDbVersionSupport", SOURCE, &e));
            return items;
        }
    };
    items.extend(settings(spec, &variables));
    push(&mut items, "srcDbPrivilegesIsEnoughForIncre", privileges(spec, &mut connection));
    if spec.task == TaskType::Incremental
        && let Some(start) = &spec.start
    {
        push(&mut items, "gtidFormatCheck", start_position(start, &mut connection));
    }
    items.extend(objects(spec, &mut connection));
    items
}

fn push(items: &mut Vec<CheckItem>, name: &'static str, result: Result<CheckItem>) {
    items.push(result.unwrap_or_else(|e| CheckItem::error(name, SOURCE, &e)));
}

type Variables = BTreeMap<String, String>;

fn variables(connection: &mut Connection) -> Result<Variables> {
    let rows = connection.rows(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version','log_bin','binlog_format',\
         'binlog_row_image','binlog_row_metadata','server_id','gtid_mode','expire_logs_days',\
         'binlog_expire_logs_seconds','log_replica_updates','log_slave_updates','max_allowed_packet',\
         'read_only','binlog_row_value_options','require_secure_transport')",
    )?;
    let mut variables = Variables::new();
    for row in &rows {
        variables.insert(row.text(0)?.to_ascii_lowercase(), row.text_or_empty(1)?.to_owned());
    }
    Ok(variables)
}

fn settings(spec: &JobSpec, variables: &Variables) -> Vec<CheckItem> {
    use CheckResult::{Alarm, Failed};
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let is_on = |name: &str| matches!(value(name), "ON" | "1");
    let increment = spec.task != TaskType::Full;
    let must_be = |item, name: &str, wanted: &str, remedy| {
        let seen = value(name);
        let bad = (increment && !seen.eq_ignore_ascii_case(wanted))
            .then(|| (Failed, format!("{name} is {seen}, {wanted} is needed"), remedy));
        CheckItem::when(item, SOURCE, bad)
    };
    let version = value("version");
    let mut items = vec![
        CheckItem::when(
            "srcDbVersionSupport",
            SOURCE,
            (!version_supported(version)).then(|| {
                (
                    Failed,
                    format!("version {version} is not among MySQL 5.6 to 9.x"),
                    "Use a source of a supported version.",
                )
            }),
        ),
        must_be(
            "srcDbBinlogIsOff",
            "log_bin",
            "ON",
            "Set log_bin in the server's configuration and restart it.",
        ),
        must_be(
            "srcBinlogFormatCheck",
            "binlog_format",
            "ROW",
            "SET GLOBAL binlog_format = 'ROW', and close sessions that were open before.",
        ),
        must_be(
            "srcBinlogRowImageCheck",
            "binlog_row_image",
            "FULL",
            "SET GLOBAL binlog_row_image = 'FULL', and close sessions that were open before.",
        ),
        CheckItem::when(
            "srcDbServerIdCheck",
            SOURCE,
            (value("server_id") == "0").then(|| {
                (
                    Failed,
                    "server_id is 0, 1 to 4294967295 is needed".into(),
                    "SET GLOBAL server_id = 1.",
                )
            }),
        ),
    ];
    items.extend(advice(variables));
    let metadata = value("binlog_row_metadata");
    items.push(CheckItem::when(
        ROW_METADATA,
        SOURCE,
        (increment && !metadata.eq_ignore_ascii_case("FULL")).then(|| {
            (
                Alarm,
                format!("binlog_row_metadata is {}: column names come from a schema history instead of the log itself", if metadata.is_empty() { "not known to this version" } else { metadata }),
                "SET GLOBAL binlog_row_metadata = 'FULL'.",
            )
        }),
    ));
    if spec.link == Link::TaurusToKafka {
        items.push(CheckItem::when(
            "srcDbIsStandbyTaurus",
            SOURCE,
            is_on("read_only").then(|| {
                (
                    Failed,
                    "read_only is ON: this is not the primary node".into(),
                    "Use the address of the primary node.",
                )
            }),
        ));
    }
    items
}

/// Settings that a job can do without, at a price.
fn advice(variables: &Variables) -> Vec<CheckItem> {
    use CheckResult::{Alarm, Failed};
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let is_on = |name: &str| matches!(value(name), "ON" | "1");
    vec![
        CheckItem::when("srcDbBinlogExpireLogsDays", SOURCE, retention(variables)),
        CheckItem::when(
            "srcGtidStatusCheck",
            SOURCE,
            (!value("gtid_mode").eq_ignore_ascii_case("ON")).then(|| {
                (
                    Alarm,
                    format!("gtid_mode is {}: the job cannot follow a switch to another server, and tables are locked for reading for some milliseconds when the full phase begins", value("gtid_mode")),
                    "Turn gtid_mode ON to follow switches of the source.",
                )
            }),
        ),
        CheckItem::when(
            "srclogSlaveUpdatesCheck",
            SOURCE,
            (!is_on("log_replica_updates") && !is_on("log_slave_updates")).then(|| {
                let result = if is_on("read_only") { Failed } else { Alarm };
                (
                    result,
                    "log_replica_updates is OFF: changes that this server replicates from another one are not in its binlog".into(),
                    "Set log_replica_updates=ON and restart the source.",
                )
            }),
        ),
        CheckItem::when(
            "MysqlSourceMaxAllowedPacketActionChecker",
            SOURCE,
            value("max_allowed_packet").parse::<u64>().ok().filter(|n| *n < 1 << 20).map(|n| {
                (
                    Alarm,
                    format!("max_allowed_packet is {n} bytes: larger rows cannot be sent"),
                    "SET GLOBAL max_allowed_packet = 67108864.",
                )
            }),
        ),
    ]
}

/// MySQL 5.6 to 9.x; MariaDB calls itself 10 or more and is told by its name.
fn version_supported(version: &str) -> bool {
    let mut parts = version.split('.');
    let major: u32 = parts.next().and_then(|p| p.parse().ok()).unwrap_or(0);
    let minor: u32 = parts.next().and_then(|p| p.parse().ok()).unwrap_or(0);
    !version.contains("MariaDB") && (major == 5 && minor >= 6 || (8..=9).contains(&major))
}

fn retention(variables: &Variables) -> Option<(CheckResult, String, &'static str)> {
    const ADVISED_SECONDS: u64 = 3 * 86_400;
    let number = |name: &str| variables.get(name).and_then(|v| v.parse::<f64>().ok());
    let seconds = match (number("binlog_expire_logs_seconds"), number("expire_logs_days")) {
        (Some(seconds), days) if seconds > 0.0 || days.is_none_or(|d| d == 0.0) => seconds,
        (_, Some(days)) => days * 86_400.0,
        (Some(seconds), None) => seconds,
        (None, None) => return None,
    };
    if seconds == 0.0 && variables.contains_key("binlog_expire_logs_seconds") {
        // 0 turns the automatic purge off in MySQL 8 and later.
        return None;
    }
    (seconds < ADVISED_SECONDS as f64).then(|| {
        (
            if seconds == 0.0 { CheckResult::Failed } else { CheckResult::Alarm },
            format!("binlogs are kept for {seconds} s, 259200 s (3 days) are advised: a job that is paused longer has to read everything again"),
            "SET GLOBAL binlog_expire_logs_seconds = 259200.",
        )
    })
}

/// Reads the account's grants. Roles are followed by `SHOW GRANTS` itself only when active, so a
/// privilege that is missing here is tried before it is called missing.
fn privileges(spec: &JobSpec, connection: &mut Connection) -> Result<CheckItem> {
    const ITEM: &str = "srcDbPrivilegesIsEnoughForIncre";
    let grants: Vec<String> = connection
        .rows("SHOW GRANTS")?
        .iter()
        .map(|r| r.text(0).map(str::to_ascii_uppercase))
        .collect::<Result<_>>()?;
    let has = |privilege: &str| {
        grants.iter().any(|g| {
            g.starts_with("GRANT ALL PRIVILEGES ON *.*")
                || g.split(" ON ").next().is_some_and(|list| list.contains(privilege))
        })
    };
    let mut missing = Vec::new();
    if spec.task != TaskType::Full {
        for privilege in ["REPLICATION SLAVE", "REPLICATION CLIENT"] {
            if !has(privilege) {
                missing.push(privilege.to_owned());
            }
        }
    }
    for database in &spec.selection.databases {
        let probe = format!(
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} LIMIT 1",
            literal(&database.name)
        );
        if !has("SELECT") && connection.rows(&probe)?.is_empty() {
            missing.push(format!("SELECT on {}", database.name));
        }
    }
    Ok(CheckItem::when(
        ITEM,
        SOURCE,
        (!missing.is_empty()).then(|| {
            (
                CheckResult::Failed,
                format!("the account lacks {}", missing.join(", ")),
                "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* to the account.",
            )
        }),
    ))
}

fn start_position(start: &StartPosition, connection: &mut Connection) -> Result<CheckItem> {
    const ITEM: &str = "gtidFormatCheck";
    if let Some(set) = &start.gtid_set {
        let row = connection
            .one_row(&format!("SELECT GTID_SUBSET(@@GLOBAL.gtid_purged, {})", literal(set)));
        return Ok(match row {
            Ok(row) if row.text(0)? == "1" => CheckItem::passed(ITEM, SOURCE),
            Ok(_) => CheckItem::with(
                ITEM,
                SOURCE,
                CheckResult::Failed,
                "gtid_set: transactions behind it are purged from the source's binlogs",
                "Give a newer GTID set, or use a task with a full phase.",
            ),
            Err(e) if e.kind() == ErrorKind::SourceStatement => CheckItem::error(ITEM, SOURCE, &e),
            Err(e) => return Err(e),
        });
    }
    let logs = connection.rows("SHOW BINARY LOGS")?;
    let found = logs.iter().any(|r| r.text(0).is_ok_and(|name| name == start.file));
    Ok(CheckItem::when(
        ITEM,
        SOURCE,
        (!found).then(|| {
            (
                CheckResult::Failed,
                format!("file_and_position: {} is not among the source's binlogs", start.file),
                "Give a position in a binlog that SHOW BINARY LOGS lists.",
            )
        }),
    ))
}

fn objects(spec: &JobSpec, connection: &mut Connection) -> Vec<CheckItem> {
    match object_items(spec, connection) {
        Ok(items) => items,
        Err(e) => vec![CheckItem::error("userSelectObjectsCheck", OBJECTS, &e)],
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_LISTED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMES_LISTED_MAX) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

fn object_items(spec: &JobSpec, connection: &mut Connection) -> Result<Vec<CheckItem>> {
    use CheckResult::{Alarm, Failed};
    let tables = catalog::selected_tables(connection, &spec.selection)?;
    let list: Vec<String> = spec.selection.databases.iter().map(|d| literal(&d.name)).collect();
    let list = list.join(", ");
    let item = |name, result, names: Vec<String>, what: &str, remedy| {
        CheckItem::when(
            name,
            OBJECTS,
            (!names.is_empty()).then(|| (result, format!("{what}: {}", listed(&names)), remedy)),
        )
    };
    let mut items = vec![item(
        "userSelectObjectsCheck",
        Failed,
        missing_objects(spec, connection, &tables)?,
        "selected and not in the source",
        "Correct the selection.",
    )];
    let illegal = tables
        .iter()
        .map(|t| format!("{}.{}", t.database, t.table))
        .filter(|n| !n.is_ascii() || n.contains(['\'', '<', '`', '>', '/', '\\', '\n', '\r']))
        .collect();
    items.push(item(
        "srcTableNameContainsNonAscii",
        Alarm,
        illegal,
        "names with characters that DRS does not take",
        "Rename them, or leave them out; Tailrace itself can read them.",
    ));
    let without_key = tables
        .iter()
        .filter(|t| t.chunk_key().is_none())
        .map(|t| format!("{}.{}", t.database, t.table))
        .collect();
    items.push(item(
        "srcTableWithoutPrimaryKeyCheck",
        Alarm,
        without_key,
        "tables without a primary key (or a unique one without NULLs), or with one of prefixes, are read in one piece; without any, their messages have no key of their own",
        "Add a primary key where it matters.",
    ));
    items.push(item(
        "srcDbExistUnsupportEngineTable",
        Alarm,
        names_where(
            connection,
            &format!(
                "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES \
             WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB' AND TABLE_SCHEMA IN ({list})"
            ),
            spec,
        )?,
        "tables that are not transactional can be read while they change",
        "ALTER TABLE … ENGINE = InnoDB.",
    ));
    items.push(item(
        "MysqlForeignKeyReferentialActionCheck",
        Alarm,
        names_where(
            connection,
            &format!(
                "SELECT DISTINCT CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME) \
             FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA IN ({list}) \
             AND (DELETE_RULE IN ('CASCADE','SET NULL') OR UPDATE_RULE IN ('CASCADE','SET NULL'))"
            ),
            spec,
        )?,
        "foreign keys whose cascades are not in the binlog",
        "Do the cascaded changes in the application.",
    ));
    items.push(item(
        "srcHasLargeColumnTypeCheck",
        Alarm,
        names_where(connection, &format!(
            "SELECT DISTINCT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.COLUMNS \
             WHERE DATA_TYPE IN ('longtext','longblob') AND TABLE_SCHEMA IN ({list})"
        ), spec)?,
        "columns that can hold values larger than a Kafka message may be",
        "Raise message.max.bytes of the brokers and max.message.bytes of the topics.",
    ));
    items.push(item(
        "sourceEncryptTableActionChecker",
        Alarm,
        names_where(
            connection,
            &format!(
                "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES \
             WHERE CREATE_OPTIONS LIKE '%ENCRYPTION=%Y%' AND TABLE_SCHEMA IN ({list})"
            ),
            spec,
        )?,
        "encrypted tables, whose rows leave the source in clear",
        "Use TLS towards source and target.",
    ));
    Ok(items)
}

/// Names `database.table` that a query gives and that are selected.
fn names_where(connection: &mut Connection, sql: &str, spec: &JobSpec) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for row in connection.rows(sql)? {
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
    tables: &[catalog::SelectedTable],
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
