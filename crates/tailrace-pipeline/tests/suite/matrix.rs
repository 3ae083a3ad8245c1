//! One workload on every server, each with and without TLS, GTIDs and compressed logs, in every format: all jobs end
//! with the rows of the source, and none repeats or leaves out a message.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::{
    DatabaseTls, JobSpec, MessageFormat, PartitionPolicy, RegistryEndpoint, TopicPolicy,
};
use tailrace_testkit::env;
use tailrace_testkit::servers::mariadb::{MariaDbOptions, Release};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowMetadata};

use crate::compare::{compared, running};
use crate::mariadb::consumed;
use crate::support::{Running, Server, create_topic, read_bytes, read_topic, spec_at, unique};

const FORMATS: [MessageFormat; 6] = [
    MessageFormat::Json,
    MessageFormat::Debezium,
    MessageFormat::Canal,
    MessageFormat::Avro,
    MessageFormat::JsonC,
    MessageFormat::Maxwell,
];
/// Formats whose messages have the row's key, where a changed key makes two of one change.
const KEYED: [MessageFormat; 3] =
    [MessageFormat::Debezium, MessageFormat::Avro, MessageFormat::Maxwell];
/// Rows before the jobs begin.
const ROWS: u64 = 400;

fn tables(database: &str) -> String {
    let rows = |table: &str, from: u64| {
        let rows: Vec<String> = (from..from + ROWS)
            .map(|id| {
                format!(
                    "({id}, 0, {id}.25, '2026-11-25 12:34:56.{id:06}', '2026-11-25 12:34:56', 'größe {id} €', 'caf\u{e9}', x'00FF{:04X}', 'b', 'x,z', '{{\"a\": {id}}}', {id}.5, b'101')",
                    id % 65536
                )
            })
            .collect();
        format!("INSERT INTO {table} VALUES {};", rows.join(", "))
    };
    let columns = "version INT, price DECIMAL(12,2), at DATETIME(6), stamp TIMESTAMP NULL, note VARCHAR(200),
         old VARCHAR(20) CHARACTER SET latin1, raw BLOB, e ENUM('a','b'), s SET('x','y','z'), j JSON, d DOUBLE, bits BIT(3)";
    format!(
        "SET NAMES utf8mb4; CREATE DATABASE {database} DEFAULT CHARSET utf8mb4; USE {database};
         CREATE TABLE item (id BIGINT PRIMARY KEY, {columns});
         CREATE TABLE keyless (id BIGINT, {columns});
         CREATE TABLE pair (a VARCHAR(30), b INT, version INT, PRIMARY KEY (b, a));
         INSERT INTO pair VALUES ('one', 1, 0), ('two', 2, 0), ('größe', 2, 0);
         {} {}",
        rows("item", 1),
        rows("keyless", 1),
    )
}

/// What users do: changes of all kinds, and the ways in which they are committed, and not.
fn changes(database: &str) -> String {
    let copy = |from: u64, to: u64| {
        format!(
            "INSERT INTO item SELECT id + {to}, version + 1, price, at, stamp, note, old, raw, e, s, j, d, bits FROM item WHERE id BETWEEN {from} AND {from} + 99;"
        )
    };
    format!(
        "SET NAMES utf8mb4; USE {database};
         {}
         UPDATE item SET version = version + 1, note = CONCAT(note, ' \"q\" <&>') WHERE id % 3 = 0;
         UPDATE item SET id = id + 100000, version = version + 1 WHERE id % 50 = 0;
         DELETE FROM item WHERE id % 7 = 0;
         BEGIN; UPDATE item SET version = version + 1; SAVEPOINT one; DELETE FROM item WHERE id < 50; ROLLBACK TO one;
         INSERT INTO keyless SELECT * FROM item WHERE id < 20; UPDATE pair SET version = version + 1; COMMIT;
         BEGIN; DELETE FROM item; ROLLBACK;
         REPLACE INTO pair VALUES ('one', 1, 7), ('new', 3, 0);
         INSERT INTO pair VALUES ('one', 1, 8) ON DUPLICATE KEY UPDATE version = version + 1, b = 9;
         XA START 'kept'; UPDATE item SET version = version + 1 WHERE id < 100; XA END 'kept'; XA PREPARE 'kept'; XA COMMIT 'kept';
         XA START 'gone'; DELETE FROM item WHERE id < 100; XA END 'gone'; XA PREPARE 'gone'; XA ROLLBACK 'gone';
         DELETE FROM keyless WHERE id % 5 = 0; UPDATE keyless SET price = price + 1 WHERE id % 4 = 0;
         ALTER TABLE item ADD COLUMN later VARCHAR(20) DEFAULT 'later' AFTER note, DROP COLUMN d;
         UPDATE item SET version = version + 1, later = NULL WHERE id % 11 = 0;
         INSERT INTO item (id, version, note) VALUES (-1, 0, NULL), (-2, 0, '');
         UPDATE item, pair SET item.version = item.version + 1, pair.version = pair.version + 1 WHERE item.id = pair.b;
         TRUNCATE TABLE empty_one",
        copy(1, 1000)
    )
}

/// A server, and what its jobs need to trust it.
struct Case {
    name: &'static str,
    server: Server,
    ca: String,
    /// Which of the formats go by TLS: those at even places, or at odd ones.
    tls_at: usize,
}

fn job(case: &Case, database: &str, place: usize) -> JobSpec {
    let format = FORMATS[place];
    let mut spec = spec_at(&case.server.login(), database);
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}-{format:?}-$tablename$"));
    spec.policy.format = format;
    spec.policy.partitions = 2;
    spec.policy.partition =
        if KEYED.contains(&format) { PartitionPolicy::PrimaryKey } else { PartitionPolicy::Table };
    spec.policy.transaction_topic =
        Some(create_topic(&format!("{database}-{format:?}.transactions")));
    if format == MessageFormat::Avro {
        let url = env::registry().expect("the shared schema registry");
        spec.registry = Some(RegistryEndpoint { url, user: None, password: None, ca_pem: None });
    }
    if place % 2 == case.tls_at {
        spec.source.tls =
            Some(DatabaseTls { ca_pem: Some(case.ca.clone()), verify_host: false, identity: None });
    }
    spec
}

/// Messages of all tables.
fn messages(database: &str, format: MessageFormat) -> BTreeMap<&'static str, usize> {
    ["item", "keyless", "pair"]
        .map(|table| (table, read_bytes(&format!("{database}-{format:?}-{table}")).len()))
        .into()
}

fn every_format_ends_equal(case: &Case) {
    let database = unique("matrix");
    case.server.sql(&tables(&database));
    case.server.sql(&format!("CREATE TABLE {database}.empty_one (id INT PRIMARY KEY)"));
    let jobs: Vec<(JobSpec, Running)> = (0..FORMATS.len())
        .map(|place| {
            let spec = job(case, &database, place);
            let job = running(&spec);
            (spec, job)
        })
        .collect();
    for (spec, _) in &jobs {
        // All rows are delivered before the first change.
        compared(spec, None).expect("a comparison");
    }
    case.server.sql(&changes(&database));
    let mut by_format = BTreeMap::new();
    for (spec, job) in jobs {
        let format = spec.policy.format;
        for one in compared(&spec, None).expect("a comparison") {
            assert_eq!(
                one.outcome,
                CompareOutcome::Consistent,
                "{} {format:?}: {one:?}",
                case.name
            );
        }
        job.stop().expect("a clean stop");
        by_format.insert(format!("{format:?}"), messages(&database, format));
        let markers = read_topic(&format!("{database}-{format:?}.transactions"));
        assert!(markers.len().is_multiple_of(2) && markers.len() > 20, "{} {format:?}", case.name);
    }
    for group in [["Json", "JsonC", "Canal"], ["Debezium", "Avro", "Maxwell"]] {
        assert!(
            group.iter().all(|format| by_format[*format] == by_format[group[0]]),
            "{}: {by_format:?}",
            case.name
        );
    }
    // No message comes twice, and no row goes back.
    consumed(&read_topic(&format!("{database}-Json-item")));
}

/// The certificates that MySQL makes for itself.
fn certificates(mysql: &MySqlServer) -> (PathBuf, String) {
    let folder = mysql.dir().join("data");
    let ca = std::fs::read_to_string(folder.join("ca.pem")).expect("a certificate");
    (folder, ca)
}

fn mysql(name: &'static str, tls_at: usize, options: MySqlOptions) -> Case {
    let server = MySqlServer::start(options).expect("a MySQL");
    let (_, ca) = certificates(&server);
    Case { name, server: Server::MySql(server), ca, tls_at }
}

#[test]
fn mysql_with_and_without_gtids_and_compression() {
    let metadata = RowMetadata::Minimal;
    let compressed = MySqlOptions { compression: true, ..MySqlOptions::default() };
    let plain = MySqlOptions { gtid: false, row_metadata: metadata, ..MySqlOptions::default() };
    let both = MySqlOptions { gtid: false, compression: true, ..MySqlOptions::default() };
    let none = MySqlOptions { checksum: false, row_metadata: metadata, ..MySqlOptions::default() };
    for case in [
        mysql("MySQL, compressed", 0, compressed),
        mysql("MySQL without GTIDs and column names", 1, plain),
        mysql("MySQL without GTIDs, compressed", 0, both),
        mysql("MySQL without column names and checksums", 1, none),
    ] {
        every_format_ends_equal(&case);
    }
}

#[test]
fn both_mariadbs_with_and_without_compression() {
    let mysql = MySqlServer::start(MySqlOptions::default()).expect("a MySQL");
    let (folder, ca) = certificates(&mysql);
    let file = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
    for (name, release, compress, tls_at) in [
        ("MariaDB 10.11", Release::default(), "OFF", 0),
        ("MariaDB 10.11, compressed", Release::default(), "ON", 1),
        ("MariaDB 11.8", Release::V11_8, "OFF", 1),
        ("MariaDB 11.8, compressed", Release::V11_8, "ON", 0),
    ] {
        let extra = vec![
            file("ssl-ca", "ca.pem"),
            file("ssl-cert", "server-cert.pem"),
            file("ssl-key", "server-key.pem"),
            format!("--log-bin-compress={compress}"),
            "--log-bin-compress-min-len=10".to_owned(),
        ];
        let options = MariaDbOptions { release, extra, ..MariaDbOptions::default() };
        let case = Case { name, server: Server::mariadb(options), ca: ca.clone(), tls_at };
        every_format_ends_equal(&case);
    }
}
