//! Statements that change tables and many rows at once, in a stream: what a consumer ends with is what the tables are.

use std::sync::atomic::Ordering::Relaxed;

use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::{JobSpec, TopicPolicy};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mariadb::{MariaDbOptions, Release};
use tailrace_testkit::servers::mysql::{MySqlOptions, RowMetadata};

use crate::compare::compared;
use crate::support::{Running, Server, read_topic, spec_at, start, unique};

/// A partitioned table `part` and tables of the same shape.
const TABLES: &str = "
    CREATE TABLE part (id INT PRIMARY KEY, v INT, name VARCHAR(20), twice INT AS (v * 2) STORED)
      PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN (200),
        PARTITION p2 VALUES LESS THAN (300));
    INSERT INTO part (id, v, name) VALUES (1, 1, 'a'), (2, 2, 'b'), (101, 3, 'c'), (201, 4, 'd');
    CREATE TABLE plain (id INT PRIMARY KEY, v INT, name VARCHAR(20), twice INT AS (v * 2) STORED);
    INSERT INTO plain (id, v, name) VALUES (150, 5, 'e');
    CREATE TABLE one (id INT PRIMARY KEY, v INT);
    CREATE TABLE two (id INT PRIMARY KEY, v INT);
    INSERT INTO one VALUES (1, 1); INSERT INTO two VALUES (2, 2);
    CREATE TABLE text_ (id INT PRIMARY KEY, t VARCHAR(40)) CHARACTER SET latin1;
    INSERT INTO text_ VALUES (1, 'f\u{fc}r');
    CREATE TABLE emptied (id INT PRIMARY KEY); INSERT INTO emptied VALUES (1), (2);
    CREATE TABLE marker (id INT PRIMARY KEY);";

/// Partitions that come, are laid out anew and rebuilt; rows that move between them; swaps of names; other characters;
/// generated columns; tables made of queries; a file, which is in the folder of the database.
const CHANGES: &str = "
    ALTER TABLE part ADD PARTITION (PARTITION p3 VALUES LESS THAN (400));
    INSERT INTO part (id, v, name) VALUES (301, 6, 'f');
    ALTER TABLE part REORGANIZE PARTITION p2, p3 INTO (PARTITION p23 VALUES LESS THAN (500));
    UPDATE part SET id = id + 250 WHERE id < 100;
    ALTER TABLE part REBUILD PARTITION p0, p1;
    RENAME TABLE one TO three, two TO one, three TO two;
    INSERT INTO one VALUES (10, 10); UPDATE two SET v = 11;
    ALTER TABLE text_ CONVERT TO CHARACTER SET utf8mb4;
    INSERT INTO text_ VALUES (2, '\u{1f600}'); UPDATE text_ SET t = CONCAT(t, '\u{4e2d}') WHERE id = 1;
    ALTER TABLE plain DROP COLUMN twice, ADD COLUMN thrice INT AS (v * 3) STORED;
    UPDATE plain SET v = v + 1; INSERT INTO plain (id, v) VALUES (151, 9);
    SELECT id, v, name FROM plain INTO OUTFILE 'rows.txt';
    DELETE FROM plain;
    LOAD DATA INFILE 'rows.txt' INTO TABLE plain (id, v, name);
    LOAD DATA INFILE 'rows.txt' REPLACE INTO TABLE plain (id, v, name) SET name = 'again';
    CREATE TABLE made (PRIMARY KEY (id)) AS SELECT id, v FROM part;
    UPDATE made SET v = -v;
    INSERT INTO marker VALUES (1);";

fn job(server: &Server, database: &str) -> JobSpec {
    server.sql(&format!("CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database}; SET NAMES utf8mb4; {TABLES}"));
    let mut spec = spec_at(&server.login(), database);
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}-$tablename$"));
    spec
}

/// Waits until the marker's row with this id is delivered.
fn arrives(job: &mut Running, database: &str, id: &str) {
    let topic = format!("{database}-marker");
    let before = std::cell::Cell::new(u64::MAX);
    job.wait_until("the marker", |job| {
        let inserts = job.counters.inserts.load(Relaxed);
        // The topic is read only where there is news.
        before.replace(inserts) != inserts
            && inserts > 0
            && job.recorder.has_reached(Phase::Incremental)
            && read_topic(&topic).iter().any(|m| m.value["data"][0]["id"] == id)
    });
}

fn outcomes(spec: &JobSpec) -> Vec<(String, CompareOutcome)> {
    compared(spec, None).expect("a comparison").into_iter().map(|t| (t.table, t.outcome)).collect()
}

fn ends_equal(server: &Server) {
    let database = unique("statements");
    let spec = job(server, &database);
    let mut job = start(&spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    server.sql(&format!("USE {database}; SET NAMES utf8mb4; {CHANGES}"));
    arrives(&mut job, &database, "1");
    // The rows of two tables that swapped their names stay in the topics of their old names; their changes are in those of
    // the new ones.
    for (table, outcome) in outcomes(&spec) {
        let is_swapped = ["one", "two"].contains(&table.as_str());
        assert_eq!(outcome == CompareOutcome::Consistent, !is_swapped, "{table}");
    }
    for (table, id, v) in [("one", "10", "10"), ("two", "1", "11")] {
        let seen = read_topic(&format!("{database}-{table}"));
        let last = &seen.last().expect("a change").value["data"][0];
        assert_eq!((&last["id"], &last["v"]), (&id.into(), &v.into()), "{table}");
    }
    // What moves rows without saying so is told of, and a comparison finds it.
    server.sql(&format!(
        "USE {database};
         CREATE TABLE like_part (id INT PRIMARY KEY, v INT, name VARCHAR(20), twice INT AS (v * 2) STORED);
         INSERT INTO like_part (id, v, name) VALUES (120, 7, 'g');
         ALTER TABLE part EXCHANGE PARTITION p1 WITH TABLE like_part;
         ALTER TABLE part TRUNCATE PARTITION p23; INSERT INTO marker VALUES (2)"
    ));
    arrives(&mut job, &database, "2");
    let log = job.recorder.log();
    for wanted in ["changed places", "rows of partitions went"] {
        assert!(
            log.iter().any(|line| line.starts_with("WARN") && line.contains(wanted)),
            "{log:?}"
        );
    }
    let differing: Vec<String> = outcomes(&spec)
        .into_iter()
        .filter(|(_, outcome)| *outcome != CompareOutcome::Consistent)
        .map(|(table, _)| table)
        .collect();
    assert_eq!(differing, ["like_part", "one", "part", "two"]);
    // A table that is emptied or goes is told as a statement; its rows stay with consumers until they act on it.
    server.sql(&format!(
        "USE {database}; TRUNCATE TABLE emptied; DROP TABLE two; INSERT INTO marker VALUES (3)"
    ));
    arrives(&mut job, &database, "3");
    let log = job.recorder.log();
    for wanted in ["TRUNCATE TABLE emptied", "DROP TABLE"] {
        assert!(log.iter().any(|line| line.starts_with("DDL") && line.contains(wanted)), "{log:?}");
    }
    job.stop().expect("a clean stop");
}

#[test]
fn mysqls_statements_end_equal() {
    let extra = vec!["--secure-file-priv=".to_owned()];
    ends_equal(&Server::mysql(MySqlOptions { extra, ..MySqlOptions::default() }));
}

#[test]
fn so_they_do_where_the_log_does_not_name_columns() {
    let extra = vec!["--secure-file-priv=".to_owned()];
    let row_metadata = RowMetadata::Minimal;
    ends_equal(&Server::mysql(MySqlOptions { extra, row_metadata, ..MySqlOptions::default() }));
}

#[test]
fn so_they_do_on_mariadb() {
    ends_equal(&Server::mariadb(MariaDbOptions::default()));
}

/// A server that deletes its log by size: a job that needs half of what is kept is warned of.
#[test]
fn a_log_that_is_deleted_by_size_is_looked_at() {
    let server = Server::mariadb(MariaDbOptions {
        release: Release::V11_8,
        extra: vec![
            "--max-binlog-total-size=4194304".to_owned(),
            "--max-binlog-size=65536".to_owned(),
        ],
        ..MariaDbOptions::default()
    });
    let database = unique("size");
    let mut spec = job(&server, &database);
    let mut first = start(&spec);
    first.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    first.stop().expect("a clean stop");
    let row = "INSERT INTO text_ SELECT seq + 10, REPEAT('x', 40) FROM seq_1_to_70000;";
    server.sql(&format!("USE {database}; SET NAMES utf8mb4; {row} INSERT INTO marker VALUES (1)"));
    spec.limits.bytes_per_second_max = Some(400_000);
    let mut job = start(&spec);
    job.wait_until("a warning", |job| {
        job.recorder
            .log()
            .iter()
            .any(|line| line.starts_with("WARN") && line.contains("beyond 4194304 bytes"))
    });
    job.stop().expect("a clean stop");
}
