use super::*;

#[test]
fn inserts() {
    assert_eq!(
        parsed("insert into \"HR\".\"EMP\"(\"ID\",\"NAME\",\"D\") values ('1','O''Hara',NULL);"),
        "Insert HR.EMP [ID:Text:1|NAME:Text:O''Hara|D:Null:] [] -"
    );
    // Without a semicolon (NO_SQL_DELIMITER), with line ends (PRINT_PRETTY_SQL).
    assert_eq!(
        parsed("insert into \"A\".\"B\"\n(\n \"X\",\r\n\t\"Y\"\n) values\n(\n 1, -2.5E-10\n)"),
        "Insert A.B [X:Number:1|Y:Number:-2.5E-10] [] -"
    );
    assert_eq!(
        parsed(
            "insert into \"HR\".\"EMP\"\n values\n    \"ID\" = 306,\n    \"NAME\" = 'Sami',\n    \"PART\" = .05,\n    \"D\" IS NULL;"
        ),
        "Insert HR.EMP [ID:Number:306|NAME:Text:Sami|PART:Number:.05|D:Null:] [] -"
    );
    // Words in capitals are the names that they are.
    assert_eq!(
        parsed("INSERT INTO HR.JOBS(JOB_ID, \"TITLE\", A$B#_1) VALUES('9782', 'x',NULL);"),
        "Insert HR.JOBS [JOB_ID:Text:9782|TITLE:Text:x|A$B#_1:Null:] [] -"
    );
    assert_eq!(
        parsed("insert into \"a \"\"b\"\"\".\"T,(\"(\"x y\",\"Q\"\"\") values ('',' ');"),
        "Insert a \"b\".T,( [x y:Text:|Q\":Text: ] [] -"
    );
    let unknown = "insert into \"UNKNOWN\".\"OBJ# 45522\"(\"COL 1\",\"COL 2\") values (HEXTORAW('c109'),HEXTORAW('ff'));";
    assert_eq!(parsed(unknown), "Insert UNKNOWN.OBJ# 45522 [COL 1:Hex:c109|COL 2:Hex:ff] [] -");
    let mut dml = Dml::default();
    dml.parse(unknown).unwrap();
    assert!(dml.is_unresolved(unknown));
}

#[test]
fn updates() {
    assert_eq!(
        parsed(
            "update \"HR\".\"EMP\" set \"NAME\" = 'a, b = ''c'' where', \"D\" = NULL where \"ID\" = '1' and \"D\" IS NULL and \"E\" = ' and ' and ROWID = 'AAASPkAAEAAAAF7AAA';"
        ),
        "Update HR.EMP [NAME:Text:a, b = ''c'' where|D:Null:] [ID:Text:1|D:Null:|E:Text: and ] AAASPkAAEAAAAF7AAA"
    );
    // Tables with objects have an alias.
    assert_eq!(
        parsed(
            "update \"S\".\"T\" a set a.\"X\" = '1', a.\"Y\" = '\u{4e2d}' where a.\"X\" IS NULL and a.ROWID = 'AAA'"
        ),
        "Update S.T [X:Text:1|Y:Text:\u{4e2d}] [X:Null:] AAA"
    );
    assert_eq!(parsed("update \"S\".\"T\" set \"X\" = 1;"), "Update S.T [X:Number:1] [] -");
}

#[test]
fn deletes() {
    assert_eq!(
        parsed("delete from \"S\".\"T\" where \"A\" = HEXTORAW('0aFF') and \"B\" = 'x\r\ny';"),
        "Delete S.T [] [A:Hex:0aFF|B:Text:x\r\ny] -"
    );
    assert_eq!(parsed("delete from \"S\".\"T\";"), "Delete S.T [] [] -");
    assert_eq!(
        parsed("DELETE FROM S.T WHERE ROWIDS = '1' and A IS NULL and ROWID = 'AAB'"),
        "Delete S.T [] [ROWIDS:Text:1|A:Null:] AAB"
    );
    assert_eq!(parsed("delete from \"S\".\"T\" where ROWID = 'AAB';"), "Delete S.T [] [] AAB");
    assert_eq!(
        parsed("delete from \"S\".\"T\" a where a.\"A\" = '1' and ROWID = 'AAB';"),
        "Delete S.T [] [A:Text:1] AAB"
    );
}

#[test]
fn what_has_another_shape_is_named_with_its_place() {
    for (text, said) in [
        ("", "insert, update or delete"),
        ("select 1", "at byte 0: insert, update or delete should be where \"select 1\" is"),
        (
            "insert into \"S\".\"T\" values ('1')",
            "a name in double quotes should be where \"('1')\"",
        ),
        ("insert into \"S\".\"T\" values \"A\" = '1' \"B\" = '2'", "the end should be"),
        ("insert into \"S\".\"T\" ('1')", "a name in double quotes"),
        ("insert into \"S\".\"T\"", "the names of columns"),
        ("insert into \"S\".\"T\"(\"A\",\"B\") values ('1')", "a value for each name"),
        ("insert into \"S\".\"T\"(\"A\") values ('1','2')", "the end of the values"),
        ("insert into \"S\".\"T\"(\"A\") values ('1", "begins here and does not end"),
        ("insert into \"S\".\"T\"(\"A\") values ('1') x", "the end should be where"),
        ("insert into S.t(\"A\") values ('1')", "a name in double quotes"),
        ("insert into S.Tab(\"A\") values ('1')", "at byte 14: a name in double quotes"),
        ("insert into S.TÉ(\"A\") values ('1')", "at byte 14: a name in double quotes"),
        ("delete from S.T where ROWID IS NULL", "an equal sign"),
        ("insert into \"S\".\"T\"(\"A\") values (SYSDATE)", "a value should be where"),
        ("update \"S\".\"T\" set \"A\" = ", "the statement ends where a value should be"),
        ("update \"S\".\"T\" set \"A\" = '1' where \"B\" > '2'", "an equal sign or IS NULL"),
        ("update \"S\".\"T\" set \"A\" = '1' where \"B\" IS NOT NULL", "NULL should be"),
        ("update \"S\".\"T\" a set b.\"A\" = '1'", "a column"),
        ("delete from \"S\".\"T\" where \"A\" = '1' or \"B\" = '2'", "the end should be where"),
        ("delete from \"S\".\"T\" where ROWID IS NULL", "an equal sign"),
    ] {
        let error = refused(text);
        assert!(error.contains(said), "{text}: {error}");
    }
    let names: Vec<String> = (0..=4096).map(|n| format!("\"C{n}\"")).collect();
    let error = refused(&format!("insert into \"S\".\"T\"({}) values (1)", names.join(",")));
    assert!(error.contains("more than 4096 columns"), "{error}");
}

#[test]
fn a_failed_statement_leaves_nothing_for_the_next() {
    let mut dml = Dml::default();
    dml.parse("delete from \"S\".\"T\" where \"A\" = '1' and ROWID = 'AAA' or").unwrap_err();
    let text = "insert into \"S\".\"T\"(\"B\") values ('2')";
    dml.parse(text).unwrap();
    assert_eq!((dml.values(text).len(), dml.conditions(text).len()), (1, 0));
    assert_eq!(dml.row_id(text), None);
}

#[test]
fn statements_come_in_rows() {
    let mut rows = Continuation::new(40);
    assert_eq!(rows.push("whole", false).unwrap(), Joined::Whole("whole"));
    assert_eq!(rows.push("insert into \"S", true).unwrap(), Joined::Open);
    assert!(rows.is_open());
    assert_eq!(rows.push("\".\"T'", true).unwrap(), Joined::Open);
    assert_eq!(rows.push("end", false).unwrap(), Joined::Whole("insert into \"S\".\"T'end"));
    assert!(!rows.is_open());
    rows.push("half", true).unwrap();
    rows.reset();
    assert_eq!(rows.push("other", false).unwrap(), Joined::Whole("other"));
    let error = rows.push(&"x".repeat(41), true).unwrap_err();
    assert!(error.to_string().contains("more than 40 bytes"), "{error}");
}
