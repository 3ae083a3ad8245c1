//! Schemas that are changed online: by the statements of gh-ost and of pt-online-schema-change, and by MySQL itself.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowMetadata};
use tailrace_testkit::sql::Login;

use crate::support::{create_topic, mysql, read_topic, spec_at, start, unique};

/// What gh-ost 1.1 sends: a ghost table, its notes, rows copied and changes applied to it, and a swap in one statement.
const GH_OST: &str = "
    CREATE TABLE _t_ghc (id BIGINT PRIMARY KEY AUTO_INCREMENT, last_update TIMESTAMP, hint VARCHAR(64), value VARCHAR(4096), UNIQUE KEY (hint));
    CREATE TABLE _t_gho LIKE t;
    ALTER TABLE _t_gho ADD COLUMN more INT DEFAULT 7;
    INSERT INTO _t_ghc (hint, value) VALUES ('state', 'Migrated');
    INSERT IGNORE INTO _t_gho (id, v) SELECT id, v FROM t FORCE INDEX (PRIMARY) LOCK IN SHARE MODE;
    UPDATE t SET v = 20 WHERE id = 2;
    UPDATE _t_gho SET id = 2, v = 20 WHERE id = 2;
    INSERT INTO t VALUES (4, 4);
    REPLACE INTO _t_gho (id, v) VALUES (4, 4);
    CREATE TABLE _t_del (id INT PRIMARY KEY) COMMENT = 'ghost-cut-over-sentry';
    DROP TABLE _t_del;
    RENAME TABLE t TO _t_del, _t_gho TO t;
    DROP TABLE _t_ghc;
    DROP TABLE _t_del;";

/// What pt-online-schema-change 3 sends: triggers that carry changes over, a copy in chunks, and a swap.
const PT_OSC: &str = "
    CREATE TABLE _t_new LIKE t;
    ALTER TABLE _t_new ADD COLUMN more INT DEFAULT 7;
    CREATE TRIGGER pt_osc_del AFTER DELETE ON t FOR EACH ROW DELETE IGNORE FROM _t_new WHERE _t_new.id <=> OLD.id;
    CREATE TRIGGER pt_osc_upd AFTER UPDATE ON t FOR EACH ROW REPLACE INTO _t_new (id, v) VALUES (NEW.id, NEW.v);
    CREATE TRIGGER pt_osc_ins AFTER INSERT ON t FOR EACH ROW REPLACE INTO _t_new (id, v) VALUES (NEW.id, NEW.v);
    INSERT LOW_PRIORITY IGNORE INTO _t_new (id, v) SELECT id, v FROM t LOCK IN SHARE MODE;
    UPDATE t SET v = 20 WHERE id = 2;
    INSERT INTO t VALUES (4, 4);
    RENAME TABLE t TO _t_old, _t_new TO t;
    DROP TABLE IF EXISTS _t_old;
    DROP TRIGGER IF EXISTS pt_osc_del;
    DROP TRIGGER IF EXISTS pt_osc_upd;
    DROP TRIGGER IF EXISTS pt_osc_ins;";

/// Kind and row of each message of a topic.
fn changes(topic: &str) -> Vec<Value> {
    read_topic(topic).into_iter().map(|m| json!([m.value["type"], m.value["data"][0]])).collect()
}

fn change_online(login: &Login, statements: &str) {
    let database = unique("online");
    let sql = |text: &str| {
        login.query(&format!("USE {database}; {text}")).expect("the statements");
    };
    login.query(&format!("CREATE DATABASE {database}")).expect("a database");
    sql("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2);
         CREATE TABLE _left_old (id INT PRIMARY KEY); INSERT INTO _left_old VALUES (1);");
    let mut spec = spec_at(login, &database);
    spec.policy.ddl_topic = Some(create_topic(&unique("ddl")));
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql("INSERT INTO t VALUES (3, 3);");
    sql(statements);
    sql("INSERT INTO t VALUES (5, 5, 5); DELETE FROM t WHERE id = 1;");
    job.wait_until("changes", |job| job.counters.deletes.load(Relaxed) == 1);
    assert!(job.recorder.log().iter().any(|line| line.contains("is left out")));
    assert_eq!(job.counters.snapshot_rows.load(Relaxed), 2, "rows of the full phase");
    job.stop().expect("a clean stop");

    let row = |id: u32, v: u32| json!({"id": id.to_string(), "v": v.to_string()});
    let wide = |id: u32, v: u32, more: u32| json!({"id": id.to_string(), "v": v.to_string(), "more": more.to_string()});
    let seen = changes(&format!("{database}-t"));
    let wanted = [
        json!(["INIT", row(1, 1)]),
        json!(["INIT", row(2, 2)]),
        json!(["INSERT", row(3, 3)]),
        json!(["UPDATE", row(2, 20)]),
        json!(["INSERT", row(4, 4)]),
        json!(["INSERT", wide(5, 5, 5)]),
    ];
    assert_eq!(seen.get(..wanted.len()), Some(&wanted[..]));
    assert_eq!(seen.len(), wanted.len() + 1, "each change once: {seen:?}");
    let old = read_topic(&format!("{database}-t")).pop().expect("the deleted row");
    assert_eq!(old.value["old"][0], wide(1, 1, 7));
    let statements: Vec<String> = read_topic(spec.policy.ddl_topic.as_deref().expect("a topic"))
        .into_iter()
        .filter_map(|m| m.value["sql"].as_str().map(str::to_owned))
        .filter(|sql| !sql.contains("TRIGGER") && !sql.starts_with("CREATE TABLE `t`"))
        .collect();
    assert_eq!(statements.len(), 1, "the swap and nothing of the shadows: {statements:?}");
}

#[test]
fn the_swap_keeps_the_topic_and_no_row_comes_twice() {
    for statements in [GH_OST, PT_OSC] {
        change_online(&mysql(), statements);
    }
}

#[test]
fn so_it_is_where_the_log_does_not_name_columns() {
    let row_metadata = RowMetadata::Minimal;
    let server = MySqlServer::start(MySqlOptions { row_metadata, ..MySqlOptions::default() });
    let login = server.as_ref().expect("a server").login();
    for statements in [GH_OST, PT_OSC] {
        change_online(&login, statements);
    }
}

#[test]
fn mysqls_own_ways_of_changing_a_table() {
    let (database, login) = (unique("online"), mysql());
    login
        .query(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY, v INT); INSERT INTO {database}.t VALUES (1, 1)"
        ))
        .expect("a table");
    let mut job = start(&spec_at(&login, &database));
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    for (n, how) in ["INSTANT", "INPLACE", "COPY"].iter().enumerate() {
        login
            .query(&format!(
                "USE {database}; ALTER TABLE t ADD COLUMN c{n} INT DEFAULT {n}, ALGORITHM={how}; UPDATE t SET v = v + 1;"
            ))
            .expect("a change");
    }
    job.wait_until("changes", |job| job.counters.updates.load(Relaxed) == 3);
    job.stop().expect("a clean stop");
    let rows: Vec<Value> = changes(&format!("{database}-t"));
    assert_eq!(
        rows,
        [
            json!(["INIT", {"id": "1", "v": "1"}]),
            json!(["UPDATE", {"id": "1", "v": "2", "c0": "0"}]),
            json!(["UPDATE", {"id": "1", "v": "3", "c0": "0", "c1": "1"}]),
            json!(["UPDATE", {"id": "1", "v": "4", "c0": "0", "c1": "1", "c2": "2"}]),
        ]
    );
}
