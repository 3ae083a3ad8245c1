//! Prechecks against real servers.

use tailrace_pipeline::job::{JobSpec, TaskType};
use tailrace_pipeline::precheck::{CheckItem, CheckResult, run};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowImage, RowMetadata};

use crate::support::{mysql, spec, unique};

fn of<'i>(items: &'i [CheckItem], name: &str) -> Option<&'i CheckItem> {
    items.iter().find(|i| i.item == name)
}

fn bad(items: &[CheckItem]) -> Vec<&str> {
    items.iter().filter(|i| i.result != CheckResult::Passed).map(|i| i.item).collect()
}

fn at(server: &MySqlServer, database: &str) -> JobSpec {
    server
        .sql(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY);"
        ))
        .unwrap();
    let mut spec = spec(database);
    let login = server.login();
    (spec.source.port, spec.source.user) = (server.port(), login.user);
    spec.source.password = login.password.into();
    spec
}

#[test]
fn a_good_job_passes_and_a_missing_table_is_named() {
    let database = unique("check");
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY);"
        ))
        .unwrap();
    let mut spec = spec(&database);
    let items = run(&spec);
    assert_eq!(bad(&items), [""; 0], "{items:?}");
    assert!(of(&items, "kafkaSchemaHistoryTopicCheck").is_none(), "the log names columns");
    spec.selection.databases[0].tables = Some(vec!["item".into(), "no_such".into()]);
    let items = run(&spec);
    let failed = items.iter().find(|i| i.result == CheckResult::Failed).expect("a failed item");
    assert!(failed.reason.contains("no_such"), "{failed:?}");
    assert!(!failed.remedy.is_empty(), "{failed:?}");
}

/// Where the log does not name columns the job writes a second topic, which is checked like the first.
#[test]
fn a_schema_history_needs_its_topic() {
    let options = MySqlOptions { row_metadata: RowMetadata::Minimal, ..MySqlOptions::default() };
    let server = MySqlServer::start(options).unwrap();
    let mut spec = at(&server, &unique("check"));
    let items = run(&spec);
    assert_eq!(bad(&items), ["srcBinlogRowMetadataCheck"], "{items:?}");
    assert!(of(&items, "kafkaSchemaHistoryTopicCheck").is_some());
    // Too long with the suffix of the second topic only.
    spec.policy.progress_topic = "p".repeat(245);
    let items = run(&spec);
    let item = of(&items, "kafkaSchemaHistoryTopicCheck").unwrap();
    assert_eq!(item.result, CheckResult::Failed, "{items:?}");
}

#[test]
fn what_hinders_an_increment_does_not_hinder_rows_alone() {
    let server = MySqlServer::start(MySqlOptions {
        gtid: false,
        extra: vec!["--skip-log-bin".into()],
        ..MySqlOptions::default()
    })
    .unwrap();
    let mut spec = at(&server, &unique("check"));
    let failed: Vec<&str> =
        run(&spec).iter().filter(|i| i.result == CheckResult::Failed).map(|i| i.item).collect();
    assert!(failed.contains(&"srcDbBinlogIsOff"), "{failed:?}");
    spec.task = TaskType::Full;
    let items = run(&spec);
    assert!(items.iter().all(|i| i.result != CheckResult::Failed), "{items:?}");
}

/// Each setting of the source that hinders a job, or makes it worse, is named with its value.
#[test]
fn every_setting_of_the_source_is_looked_at() {
    let extra = [
        "--binlog-format=STATEMENT",
        "--binlog-expire-logs-seconds=3600",
        "--log-replica-updates=OFF",
        "--max-allowed-packet=65536",
    ];
    let server = MySqlServer::start(MySqlOptions {
        gtid: false,
        server_id: 0,
        row_image: RowImage::Minimal,
        row_metadata: RowMetadata::Minimal,
        extra: extra.map(str::to_owned).to_vec(),
        ..MySqlOptions::default()
    })
    .unwrap();
    let mut spec = at(&server, &unique("check"));
    server
        .sql("CREATE USER reader@'%' IDENTIFIED BY 'reader'; GRANT SELECT ON *.* TO reader@'%'")
        .unwrap();
    (spec.source.user, spec.source.password) = ("reader".into(), "reader".to_owned().into());
    let items = run(&spec);
    for (name, result, value) in [
        ("srcBinlogFormatCheck", CheckResult::Failed, "STATEMENT"),
        ("srcBinlogRowImageCheck", CheckResult::Failed, "MINIMAL"),
        ("srcDbServerIdCheck", CheckResult::Failed, "server_id is 0"),
        ("srcDbPrivilegesIsEnoughForIncre", CheckResult::Failed, "REPLICATION SLAVE"),
        ("srcDbBinlogExpireLogsDays", CheckResult::Alarm, "3600"),
        ("srcGtidStatusCheck", CheckResult::Alarm, "OFF"),
        ("srclogSlaveUpdatesCheck", CheckResult::Alarm, "OFF"),
        ("MysqlSourceMaxAllowedPacketActionChecker", CheckResult::Alarm, "65536"),
        ("srcBinlogRowMetadataCheck", CheckResult::Alarm, "MINIMAL"),
    ] {
        let item = of(&items, name).unwrap_or_else(|| panic!("{name} in {items:?}"));
        assert_eq!(item.result, result, "{item:?}");
        assert!(item.reason.contains(value) && !item.remedy.is_empty(), "{item:?}");
    }
    server.sql("SET GLOBAL require_secure_transport = ON").unwrap();
    let items = run(&spec);
    assert_eq!(of(&items, "isUserRequireSslLink").map(|i| i.result), Some(CheckResult::Failed));
}

/// What is said of tables names those tables and no others.
#[test]
fn what_is_particular_in_the_selection_is_named() {
    let database = unique("check");
    let sql = "CREATE TABLE {d}.plain (id INT PRIMARY KEY); \
        CREATE TABLE {d}.`größe` (id INT PRIMARY KEY); \
        CREATE TABLE {d}.`line\nbreak` (id INT PRIMARY KEY); \
        CREATE TABLE {d}.no_key (id INT); \
        CREATE TABLE {d}.isam (id INT PRIMARY KEY) ENGINE = MyISAM; \
        CREATE TABLE {d}.child (id INT PRIMARY KEY, parent INT, \
            FOREIGN KEY (parent) REFERENCES {d}.plain (id) ON DELETE CASCADE); \
        CREATE TABLE {d}.elsewhere (id INT PRIMARY KEY); \
        CREATE TABLE {d}.orphan (id INT PRIMARY KEY, other INT, \
            FOREIGN KEY (other) REFERENCES {d}.elsewhere (id)); \
        CREATE TABLE {d}.long_text (id INT PRIMARY KEY, t LONGTEXT); \
        CREATE TABLE {d}.not_selected (id INT, t LONGTEXT) ENGINE = MyISAM;";
    mysql()
        .query(&format!("CREATE DATABASE {database}; {}", sql.replace("{d}", &database)))
        .unwrap();
    let mut spec = spec(&database);
    let selected =
        ["plain", "größe", "line\nbreak", "no_key", "isam", "child", "orphan", "long_text"]
            .map(str::to_owned);
    spec.selection.databases[0].tables = Some(selected.to_vec());
    let items = run(&spec);
    for (name, table) in [
        ("srcTableNameContainsNonAscii", "größe"),
        ("srcIdentifierWithBreakCheck", "line\\nbreak"),
        ("srcTableWithoutPrimaryKeyCheck", "no_key"),
        ("srcDbExistUnsupportEngineTable", "isam"),
        ("MysqlForeignKeyReferentialActionCheck", "child"),
        ("srcHasLargeColumnTypeCheck", "long_text"),
    ] {
        let item = of(&items, name).unwrap_or_else(|| panic!("{name} in {items:?}"));
        assert_eq!(item.result, CheckResult::Alarm, "{item:?}");
        assert!(item.reason.ends_with(&format!(": {database}.{table}")), "{item:?}");
    }
    let item = of(&items, "srcForeignKeyOutsideSelectionCheck").unwrap();
    assert_eq!(item.result, CheckResult::Alarm, "{item:?}");
    let named = format!(": {database}.orphan → {database}.elsewhere");
    assert!(item.reason.ends_with(&named), "{item:?}");
    for name in
        ["userSelectObjectsCheck", "srcDbNameContainsUnsupportedSymbols", "dbClockConsistency"]
    {
        assert_eq!(of(&items, name).map(|i| i.result), Some(CheckResult::Passed), "{items:?}");
    }
}

/// What an online schema change made is left out of a whole database, which a person has to know of.
#[test]
fn tables_of_online_schema_changes_are_named() {
    let database = unique("check");
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database}; CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE _t_gho (id INT PRIMARY KEY)"
        ))
        .unwrap();
    let mut spec = spec(&database);
    let item = of(&run(&spec), "srcShadowTableCheck").cloned().unwrap();
    assert_eq!(item.result, CheckResult::Alarm, "{item:?}");
    assert!(item.reason.ends_with(&format!(": {database}._t_gho")), "{item:?}");
    spec.selection.databases[0].tables = Some(["t", "_t_gho"].map(str::to_owned).to_vec());
    let named = of(&run(&spec), "srcShadowTableCheck").map(|item| item.result);
    assert_eq!(named, Some(CheckResult::Passed));
}

/// What a source of its own must be for: another clock, a keyring, a database of a strange name.
#[test]
fn clock_encryption_and_names_of_databases_are_looked_at() {
    // The session's clock, which `NOW` follows, of every account without SUPER.
    let extra = vec!["--init-connect=SET SESSION timestamp = UNIX_TIMESTAMP() + 3600".to_owned()];
    let server =
        MySqlServer::start(MySqlOptions { keyring: true, extra, ..MySqlOptions::default() })
            .unwrap();
    let mut spec = at(&server, "größe");
    server
        .sql(
            "CREATE TABLE größe.secret (id INT PRIMARY KEY) ENCRYPTION = 'Y'; \
             CREATE USER reader@'%' IDENTIFIED BY 'reader'; \
             GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader@'%'",
        )
        .unwrap();
    (spec.source.user, spec.source.password) = ("reader".into(), "reader".to_owned().into());
    let items = run(&spec);
    let alarms = [
        "dbClockConsistency",
        "srcDbNameContainsUnsupportedSymbols",
        "sourceEncryptTableActionChecker",
    ];
    assert_eq!(bad(&items), alarms, "{items:?}");
    for (name, said) in alarms.iter().zip(["ahead of", "größe", "größe.secret"]) {
        let item = of(&items, name).unwrap();
        assert_eq!(item.result, CheckResult::Alarm, "{item:?}");
        assert!(item.reason.contains(said), "{item:?}");
    }
}

/// What the account may read is tried where no grant tells it; roles count if they are active.
#[test]
fn privileges_are_those_of_the_selection() {
    let database = unique("check");
    let (reader, role) = (unique("reader"), unique("role"));
    let sql = mysql();
    sql.query(&format!(
        "CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY);
         CREATE TABLE {database}.other (id INT PRIMARY KEY);
         CREATE USER {reader} IDENTIFIED BY 'reader'; CREATE ROLE {role};
         GRANT SELECT ON mysql.* TO {reader}; GRANT REPLICATION SLAVE ON *.* TO {role};
         GRANT REPLICATION CLIENT ON *.* TO {role}; GRANT {role} TO {reader};
         SET DEFAULT ROLE {role} TO {reader};"
    ))
    .unwrap();
    let mut spec = spec(&database);
    (spec.source.user, spec.source.password) = (reader.clone(), "reader".to_owned().into());
    let privileges = |spec: &JobSpec| {
        let items = run(spec);
        let item = of(&items, "srcDbPrivilegesIsEnoughForIncre").expect("the item");
        (item.result, item.reason.clone())
    };
    let lacks = |what: &str| (CheckResult::Failed, format!("the account lacks {what}"));
    assert_eq!(privileges(&spec), lacks(&format!("SELECT on {database}")));
    sql.query(&format!(
        "GRANT SELECT ON {database}.item TO {reader}; GRANT INSERT ON {database}.other TO {reader}"
    ))
    .unwrap();
    assert_eq!(privileges(&spec), lacks(&format!("SELECT on {database}.other")));
    spec.selection.databases[0].tables = Some(vec!["item".into()]);
    assert_eq!(privileges(&spec), (CheckResult::Passed, String::new()));
    sql.query(&format!("SET DEFAULT ROLE NONE TO {reader}")).unwrap();
    assert_eq!(privileges(&spec), lacks("REPLICATION SLAVE, REPLICATION CLIENT"));
}
