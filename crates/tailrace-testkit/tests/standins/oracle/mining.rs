//! The redo log and LogMiner: what is changed is told in order, with what takes it back, as supplemental logging allows.

use oracledb::Connection;

use super::{PASSWORD, connect, server};

fn run(connection: &Connection, statements: &[&str]) {
    for statement in statements {
        connection.execute(statement, &[]).unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
}

/// The next SCN.
fn scn(connection: &Connection) -> i64 {
    let row = connection.query_row("SELECT current_scn FROM v$database", &[]).expect("a row");
    row.get::<i64>(0).expect("an SCN") + 1
}

/// The files that hold the log from an SCN on, archived or online.
fn files(connection: &Connection, from: i64) -> Vec<String> {
    let archived = "SELECT name FROM v$archived_log WHERE next_change# > :1 AND deleted = 'NO' ORDER BY sequence#";
    let rows = connection.query(archived, &[&from]).expect("archived logs");
    let mut files: Vec<String> =
        rows.map(|row| row.expect("a row").get(0).expect("a name")).collect();
    let current = connection.query_row("SELECT group# FROM v$log WHERE status = 'CURRENT'", &[]);
    let group: i64 = current.expect("a row").get(0).expect("a group");
    let member = connection.query_row("SELECT member FROM v$logfile WHERE group# = :1", &[&group]);
    files.push(member.expect("a row").get(0).expect("a member"));
    files
}

fn start(connection: &Connection, from: i64) {
    for (number, file) in files(connection, from).iter().enumerate() {
        let option = if number == 0 { "DBMS_LOGMNR.NEW" } else { "DBMS_LOGMNR.ADDFILE" };
        let add =
            format!("BEGIN DBMS_LOGMNR.ADD_LOGFILE(LOGFILENAME => :1, OPTIONS => {option}); END;");
        connection.execute(&add, &[file]).expect("a log file");
    }
    let start = "BEGIN DBMS_LOGMNR.START_LOGMNR(STARTSCN => :1, OPTIONS => DBMS_LOGMNR.DICT_FROM_ONLINE_CATALOG + \
                 DBMS_LOGMNR.NO_ROWID_IN_STMT); END;";
    connection.execute(start, &[&from]).expect("mining");
}

/// What LogMiner tells from an SCN on: operation, whether it takes something back, whether it goes on, and the statement.
fn mined(connection: &Connection, from: i64) -> Vec<String> {
    start(connection, from);
    let contents = "SELECT operation, rollback, csf, sql_redo FROM v$logmnr_contents";
    let rows = connection.query(contents, &[]).expect("contents");
    let told = rows
        .map(|row| {
            let row = row.expect("a row");
            let (operation, undo): (String, i64) =
                (row.get(0).expect("text"), row.get(1).expect("a number"));
            let (goes_on, sql): (i64, String) =
                (row.get(2).expect("a number"), row.get(3).expect("text"));
            format!("{operation} {undo}{goes_on} {sql}")
        })
        .collect();
    run(connection, &["BEGIN DBMS_LOGMNR.END_LOGMNR; END;"]);
    told
}

#[test]
fn changes_are_told_in_order_with_what_takes_them_back() {
    let server = server();
    let connection = connect(server.port(), PASSWORD).expect("a connection");
    run(
        &connection,
        &[
            "ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS' NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9'",
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER PRIMARY KEY, v VARCHAR2(9), d DATE, f BINARY_DOUBLE, c CLOB, n NVARCHAR2(9))",
        ],
    );
    let from = scn(&connection);
    run(
        &connection,
        &[
            "INSERT INTO t VALUES (1, 'it''s', DATE '2026-11-30', 1.5, 'text', 'żó')",
            "SAVEPOINT a",
            "UPDATE t SET v = NULL, id = 2 WHERE id = 1",
            "ROLLBACK TO SAVEPOINT a",
            "COMMIT",
            "ALTER SYSTEM SWITCH LOGFILE",
            "DELETE FROM t",
            "ROLLBACK",
            "ALTER TABLE t ADD (x NUMBER(3))",
            "TRUNCATE TABLE t",
        ],
    );
    let row = "\"ID\" = '1' and \"V\" = 'it''s' and \"D\" = TO_DATE('2026-11-30 00:00:00', 'YYYY-MM-DD HH24:MI:SS') and \
               \"F\" = '1.5000000000000000E+000' and \"N\" = UNISTR('\\017C\\00F3')";
    let changed = row.replace("'1' and \"V\" = 'it''s'", "'2' and \"V\" IS NULL");
    // The columns are not those of today: the online catalog does not know them any more.
    let of = "\"UNKNOWN\".\"OBJ# 70001\"";
    let unknown = "\"COL 1\" = HEXTORAW('c102') and \"COL 2\" = HEXTORAW('69742773') and \"COL 3\" = HEXTORAW('787e0b1e010101') and \
                   \"COL 4\" = HEXTORAW('bff8000000000000') and \"COL 6\" = HEXTORAW('017c00f3')";
    let unknown_changed = unknown
        .replace("HEXTORAW('c102')", "HEXTORAW('c103')")
        .replace("\"COL 2\" = HEXTORAW('69742773')", "\"COL 2\" IS NULL");
    let values = "HEXTORAW('c102'),HEXTORAW('69742773'),HEXTORAW('787e0b1e010101'),HEXTORAW('bff8000000000000')";
    let columns = "\"COL 1\",\"COL 2\",\"COL 3\",\"COL 4\",\"COL 5\",\"COL 6\"";
    let insert = |locator: &str| {
        format!("insert into {of}({columns}) values ({values},{locator},HEXTORAW('017c00f3'));")
    };
    let told = mined(&connection, from);
    let wanted = [
        "START 00 set transaction read write;".to_owned(),
        format!("INSERT 00 {}", insert("HEXTORAW('0054000102080000')")),
        format!(
            "UPDATE 00 update {of} set \"COL 1\" = HEXTORAW('c103'), \"COL 2\" = NULL where {unknown};"
        ),
        format!(
            "UPDATE 10 update {of} set \"COL 1\" = HEXTORAW('c102'), \"COL 2\" = HEXTORAW('69742773') where {unknown_changed};"
        ),
        "COMMIT 00 commit;".to_owned(),
        "START 00 set transaction read write;".to_owned(),
        format!("DELETE 00 delete from {of} where {unknown};"),
        format!("INSERT 10 {}", insert("HEXTORAW('0054000102080000')")),
        "ROLLBACK 00 rollback;".to_owned(),
        "START 00 set transaction read write;".to_owned(),
        "DDL 00 ALTER TABLE t ADD (x NUMBER(3))".to_owned(),
        "COMMIT 00 commit;".to_owned(),
        "START 00 set transaction read write;".to_owned(),
        "DDL 00 TRUNCATE TABLE t".to_owned(),
        "COMMIT 00 commit;".to_owned(),
    ];
    assert_eq!(told, wanted);
    run(&connection, &["ALTER TABLE t DROP COLUMN x"]);
    let told = mined(&connection, from);
    assert_eq!(
        told[1],
        "INSERT 00 insert into \"SHOP\".\"T\"(\"ID\",\"V\",\"D\",\"F\",\"C\",\"N\") values ('1','it''s',\
        TO_DATE('2026-11-30 00:00:00', 'YYYY-MM-DD HH24:MI:SS'),'1.5000000000000000E+000',EMPTY_CLOB(),UNISTR('\\017C\\00F3'));"
    );
    assert_eq!(told[2], format!("UPDATE 00 update \"SHOP\".\"T\" set \"C\" = 'text' where {row};"));
    assert_eq!(
        told[3],
        format!("UPDATE 00 update \"SHOP\".\"T\" set \"ID\" = '2', \"V\" = NULL where {row};")
    );
    assert_eq!(
        told[4],
        format!(
            "UPDATE 10 update \"SHOP\".\"T\" set \"ID\" = '1', \"V\" = 'it''s' where {changed};"
        )
    );
    assert_eq!(told[7], format!("DELETE 00 delete from \"SHOP\".\"T\" where {row};"));
}

#[test]
fn supplemental_logging_decides_what_is_told_of_the_row_before() {
    let server = server();
    let connection = connect(server.port(), PASSWORD).expect("a connection");
    run(
        &connection,
        &["CREATE TABLE t (id NUMBER PRIMARY KEY, u NUMBER UNIQUE, v VARCHAR2(5000))"],
    );
    let long = "x".repeat(4500);
    for (level, told) in [
        ("", "\"V\" = 'a'"),
        ("(PRIMARY KEY) COLUMNS", "\"ID\" = '1' and \"V\" = 'a'"),
        ("(UNIQUE) COLUMNS", "\"ID\" = '1' and \"U\" = '2' and \"V\" = 'a'"),
        ("(ALL) COLUMNS", "\"ID\" = '1' and \"U\" = '2' and \"V\" = 'a'"),
    ] {
        run(
            &connection,
            &[
                &format!("ALTER TABLE t ADD SUPPLEMENTAL LOG DATA {level}"),
                "INSERT INTO t VALUES (1, 2, 'a')",
            ],
        );
        let from = scn(&connection);
        connection.execute("UPDATE t SET v = :1", &[&long]).expect("an update");
        // Else it may still be in the log writer's buffer.
        run(&connection, &["COMMIT"]);
        let update = format!("update \"SHOP\".\"T\" set \"V\" = '{long}' where {told};");
        let (first, second) = update.split_at(4000);
        let mined = mined(&connection, from);
        assert!(mined.contains(&format!("UPDATE 01 {first}")), "{level}: {mined:?}");
        assert!(mined.contains(&format!("UPDATE 00 {second}")), "{level}: {mined:?}");
        run(&connection, &["DELETE FROM t", "COMMIT"]);
    }
    let groups =
        connection.query("SELECT log_group_type FROM all_log_groups", &[]).expect("groups");
    assert_eq!(groups.count(), 3);
}

#[test]
fn logs_that_are_gone_are_named() {
    let server = server();
    let connection = connect(server.port(), PASSWORD).expect("a connection");
    let from = scn(&connection) - 1;
    let first = files(&connection, from).pop().expect("a file");
    for _ in 0..5 {
        run(&connection, &["ALTER SYSTEM SWITCH LOGFILE"]);
    }
    assert_eq!(files(&connection, from)[0], "/arch/1_1_1.arc");
    server.delete_archived(2);
    let files = files(&connection, from);
    assert_eq!(files[0], "/arch/1_3_1.arc");
    let add = "BEGIN DBMS_LOGMNR.ADD_LOGFILE(:1, DBMS_LOGMNR.NEW); END;";
    let start = "BEGIN DBMS_LOGMNR.START_LOGMNR(STARTSCN => :1); END;";
    let refused = |sql: &str, bind: &dyn oracledb::ToDbValue| {
        connection.execute(sql, &[bind]).err().expect(sql).to_string()
    };
    assert!(refused(add, &"/arch/1_1_1.arc").contains("ORA-01284"));
    connection.execute(add, &[&files[0]]).expect("a file");
    assert!(refused(start, &from).contains("ORA-01291"));
    connection.execute(add, &[&first]).expect("an online file");
    let contents =
        connection.query("SELECT * FROM v$logmnr_contents", &[]).err().expect("no mining");
    assert!(contents.to_string().contains("ORA-01306"), "{contents}");
}
