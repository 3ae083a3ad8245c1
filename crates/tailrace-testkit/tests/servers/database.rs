//! MySQL, MariaDB and PostgreSQL.

use tailrace_testkit::env;
use tailrace_testkit::servers::mariadb::{MariaDbOptions, MariaDbServer};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowImage, RowMetadata};
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer};

#[test]
fn mysql_has_its_settings_and_keeps_its_data_over_a_crash() {
    let mut server = MySqlServer::start(MySqlOptions {
        gtid: false,
        row_metadata: RowMetadata::Minimal,
        row_image: RowImage::NoBlob,
        compression: true,
        checksum: false,
        server_id: 77,
        extra: vec!["--max-connections=33".to_owned()],
        ..MySqlOptions::default()
    })
    .unwrap();
    let settings = "SELECT @@gtid_mode, @@binlog_row_metadata, @@binlog_row_image, \
        @@binlog_transaction_compression, @@binlog_checksum, @@server_id, @@max_connections, \
        @@log_bin, @@binlog_format";
    let want = ["OFF", "MINIMAL", "NOBLOB", "1", "NONE", "77", "33", "1", "ROW"];
    assert_eq!(server.sql(settings).unwrap(), [want]);

    server.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY)").unwrap();
    server.sql("INSERT INTO d.t VALUES (1), (2)").unwrap();
    let (port, pid) = (server.port(), server.process().pid());
    server.kill().unwrap();
    assert!(server.sql("SELECT 1").is_err());
    server.restart_with(MySqlOptions::default()).unwrap();
    assert_ne!(server.process().pid(), pid);
    assert_eq!(server.port(), port);
    assert_eq!(server.sql("SELECT COUNT(*) FROM d.t").unwrap(), [["2"]]);
    assert_eq!(server.sql("SELECT @@gtid_mode, @@binlog_row_metadata").unwrap(), [["ON", "FULL"]]);
}

#[test]
fn two_mysql_servers_differ_in_their_identity() {
    let uuid = |server: &MySqlServer| server.sql("SELECT @@server_uuid").unwrap();
    let one = MySqlServer::start(MySqlOptions::default()).unwrap();
    let two = MySqlServer::start(MySqlOptions::default()).unwrap();
    assert_ne!(uuid(&one), uuid(&two));
    let dir = one.dir().to_path_buf();
    drop(one);
    assert!(!dir.exists());
    assert_eq!(two.sql("SELECT 1").unwrap(), [["1"]]);
}

#[test]
fn a_replica_follows_its_source_and_outlives_it() {
    let mut source = MySqlServer::start(MySqlOptions::default()).unwrap();
    let replica =
        MySqlServer::start(MySqlOptions { server_id: 2, ..MySqlOptions::default() }).unwrap();
    replica.replicate_from(&source).unwrap();
    source.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY)").unwrap();
    source.sql("INSERT INTO d.t VALUES (1), (2), (3)").unwrap();
    replica.catch_up_with(&source).unwrap();
    let executed = source.sql("SELECT @@GLOBAL.gtid_executed").unwrap();
    source.kill().unwrap();
    assert_eq!(replica.sql("SELECT COUNT(*) FROM d.t").unwrap(), [["3"]]);
    assert_eq!(replica.sql("SELECT @@GLOBAL.gtid_executed").unwrap(), executed);
}

#[test]
fn a_session_keeps_its_transaction_and_tells_the_servers_error() {
    let login = env::mysql().unwrap();
    login.query("CREATE DATABASE testkit_session").unwrap();
    login.query("CREATE TABLE testkit_session.t (a INT PRIMARY KEY, b TEXT)").unwrap();
    let mut session = login.session().unwrap();
    session
        .query("BEGIN; INSERT INTO testkit_session.t VALUES (1, 'a\\tb\\nc'), (2, NULL);")
        .unwrap();
    let count = "SELECT COUNT(*) FROM testkit_session.t";
    assert_eq!(login.query(count).unwrap(), [["0"]]);
    assert_eq!(
        session.query("SELECT * FROM testkit_session.t").unwrap(),
        [["1", "a\tb\nc"], ["2", "NULL"]]
    );
    let error = session.query("SELECT nothing").unwrap_err().to_string();
    assert!(error.contains("ERROR 1054"), "{error}");
    drop(session);
    assert_eq!(login.query(count).unwrap(), [["0"]]);
    let error = login.query("SELECT nothing").unwrap_err().to_string();
    assert!(error.contains("ERROR 1054"), "{error}");
    login.query("DROP DATABASE testkit_session").unwrap();
}

#[test]
fn mariadb_writes_a_row_log_with_full_metadata() {
    let mut server = MariaDbServer::start(MariaDbOptions::default()).unwrap();
    let settings = "SELECT @@log_bin, @@binlog_format, @@binlog_row_metadata, @@gtid_strict_mode";
    assert_eq!(server.sql(settings).unwrap(), [["1", "ROW", "FULL", "1"]]);
    server.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (5)").unwrap();
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(server.sql("SELECT a FROM d.t").unwrap(), [["5"]]);
}

#[test]
fn postgres_keeps_its_data_over_a_stop_and_a_crash() {
    let mut server = PostgresServer::start(PostgresOptions {
        settings: vec!["max_connections=17".to_owned()],
        ..PostgresOptions::default()
    })
    .unwrap();
    assert_eq!(server.sql("SHOW max_connections").unwrap(), "17\n");
    server.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (7)").unwrap();
    server.restart().unwrap();
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(server.sql("SELECT a, NULL FROM t").unwrap(), "7\t\n");
}
