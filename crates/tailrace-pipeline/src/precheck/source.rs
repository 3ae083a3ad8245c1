//! Checks of a MySQL-protocol source.

use std::collections::BTreeMap;

use tailrace_codec::position::MariaDbPosition;

use crate::engine::unix_ms;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobSpec, Link, MysqlEndpoint, StartPosition, TaskType};
use crate::precheck::{CheckItem, CheckResult, objects, privileges};
use crate::run::StopSignal;
use crate::source::mysql::catalog::literal;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::elect;

pub(super) const SOURCE: &str = "source";
const TLS: &str = "isUserRequireSslLink";
/// Whether the log names columns.
const ROW_METADATA: &str = "srcBinlogRowMetadataCheck";

/// All items, and whether a job keeps a schema history: where the log does not name columns, and on
/// MariaDB, whose log does not tell all types.
pub(super) fn run(spec: &JobSpec, stop: &StopSignal) -> (Vec<CheckItem>, bool) {
    let connected = elect::answering(&spec.source, &spec.limits, stop)
        .and_then(|server| Connection::connect(&server, &spec.limits, stop.clone()));
    let mut connection = match connected {
        Ok(connection) => connection,
        Err(e) => return (vec![CheckItem::error(refused_by(&e), SOURCE, &e)], false),
    };
    let mut items = ["srcDbConnection", TLS].map(|item| CheckItem::passed(item, SOURCE)).to_vec();
    if !spec.source.others.is_empty() {
        items.push(servers(spec, stop));
    }
    let variables = match variables(&mut connection) {
        Ok(variables) => variables,
        Err(e) => {
            items.push(CheckItem::error("srcDbVersionSupport", SOURCE, &e));
            return (items, false);
        }
    };
    items.extend(settings(spec, &variables));
    push(&mut items, "srcDbPrivilegesIsEnoughForIncre", privileges::check(spec, &mut connection));
    if spec.task == TaskType::Incremental
        && let Some(start) = &spec.start
    {
        push(&mut items, "gtidFormatCheck", start_position(start, &mut connection));
    }
    push(&mut items, "dbClockConsistency", clock(&mut connection));
    items.extend(objects::run(spec, &mut connection));
    let unnamed = items.iter().any(|i| i.item == ROW_METADATA && i.result == CheckResult::Alarm);
    let version = variables.get("version").map_or("", String::as_str);
    let keeps_history = unnamed || spec.task != TaskType::Full && is_mariadb(version);
    (items, keeps_history)
}

/// Servers of a list that could not take the place of another now.
fn servers(spec: &JobSpec, stop: &StopSignal) -> CheckItem {
    let refused = |server: MysqlEndpoint| {
        let outcome = Connection::connect(&server, &spec.limits, stop.clone());
        outcome.err().map(|e| format!("{}:{}: {}", server.host, server.port, e.message()))
    };
    let refused: Vec<String> =
        elect::candidates(&spec.source).into_iter().filter_map(refused).collect();
    let bad = (!refused.is_empty()).then(|| {
        let remedy = "Start the server or take it off the list; without it no other takes the source's place.";
        (CheckResult::Alarm, refused.join("; "), remedy)
    });
    CheckItem::when("srcDbServersCheck", SOURCE, bad)
}

/// The item that a failed connection belongs to. An account of its own that requires TLS is told
/// "access denied" by the server, like a wrong password.
fn refused_by(error: &Error) -> &'static str {
    /// `ER_SECURE_TRANSPORT_REQUIRED` of MySQL's error reference.
    const SECURE_TRANSPORT_REQUIRED: &str = "3159";
    if error.message().contains(SECURE_TRANSPORT_REQUIRED) { TLS } else { "srcDbConnection" }
}

/// Delays are differences between the source's clock and this machine's.
fn clock(connection: &mut Connection) -> Result<CheckItem> {
    const DIFFERENCE_MAX_MS: i64 = 10_000;
    let row = connection.one_row("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)")?;
    let ahead = row.text(0)?.parse().unwrap_or(0) - unix_ms();
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

fn push(items: &mut Vec<CheckItem>, name: &'static str, result: Result<CheckItem>) {
    items.push(result.unwrap_or_else(|e| CheckItem::error(name, SOURCE, &e)));
}

type Variables = BTreeMap<String, String>;

fn variables(connection: &mut Connection) -> Result<Variables> {
    let rows = connection.rows(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version','log_bin','binlog_format',\
         'binlog_row_image','binlog_row_metadata','server_id','gtid_mode','expire_logs_days',\
         'binlog_expire_logs_seconds','log_replica_updates','log_slave_updates','max_allowed_packet',\
         'read_only')",
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
                    format!(
                        "version {version} is not among MySQL 5.6 to 9.x and MariaDB 10.5 to 11.x"
                    ),
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
    // Every transaction of MariaDB has a GTID.
    let has_gtids = is_mariadb(value("version")) || value("gtid_mode").eq_ignore_ascii_case("ON");
    vec![
        CheckItem::when("srcDbBinlogExpireLogsDays", SOURCE, retention(variables)),
        CheckItem::when(
            "srcGtidStatusCheck",
            SOURCE,
            (!has_gtids).then(|| {
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

fn is_mariadb(version: &str) -> bool {
    version.contains("MariaDB")
}

/// MySQL 5.6 to 9.x and MariaDB 10.5 to 11.x.
fn version_supported(version: &str) -> bool {
    let mut parts = version.split('.');
    let major: u32 = parts.next().and_then(|p| p.parse().ok()).unwrap_or(0);
    let minor: u32 = parts.next().and_then(|p| p.parse().ok()).unwrap_or(0);
    if is_mariadb(version) {
        return major == 10 && minor >= 5 || major == 11;
    }
    major == 5 && minor >= 6 || (8..=9).contains(&major)
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

fn start_position(start: &StartPosition, connection: &mut Connection) -> Result<CheckItem> {
    const ITEM: &str = "gtidFormatCheck";
    if let Some(set) = &start.gtid_set
        && connection.version()?.mariadb
    {
        return Ok(CheckItem::when(
            ITEM,
            SOURCE,
            set.parse::<MariaDbPosition>().err().map(|e| {
                let reason = format!("gtid_set: {e}");
                (CheckResult::Failed, reason, "Give a position as @@gtid_binlog_pos prints it.")
            }),
        ));
    }
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
