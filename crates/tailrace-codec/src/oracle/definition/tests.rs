//! Definitions in the words of whoever ran them.

use super::*;
use crate::oracle::OracleType;

/// A statement's changes, in short.
fn told(sql: &str) -> Vec<String> {
    let column = |column: &crate::oracle::OracleColumn| {
        let mut text = format!("{} {}", column.name, column.data_type);
        if column.data_length > 0 {
            text.push_str(&format!(" {}", column.data_length));
        }
        if let Some(precision) = column.precision {
            text.push_str(&format!(" p{precision}"));
        }
        if let Some(scale) = column.scale {
            text.push_str(&format!(" s{scale}"));
        }
        if !column.nullable {
            text.push_str(" NOT NULL");
        }
        if let Some(default) = &column.default {
            text.push_str(&format!(" = {default}"));
        }
        if column.is_virtual {
            text.push_str(" virtual");
        }
        text
    };
    let changes = table_changes(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let change = |change: &TableChange| match change {
        TableChange::Add(columns) => {
            format!("+ {}", columns.iter().map(column).collect::<Vec<_>>().join(", "))
        }
        TableChange::Modify(columns) => {
            let one = |change: &ColumnChange| {
                let kind = change.column.as_ref().map_or(change.name.clone(), column);
                let null = change.nullable.map_or("", |n| if n { " null" } else { " not null" });
                format!("{kind}{null}")
            };
            format!("~ {}", columns.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        TableChange::Drop(names) => format!("- {}", names.join(", ")),
        TableChange::SetUnused(names) => format!("-- {}", names.join(", ")),
        TableChange::DropUnused => "--".to_owned(),
        TableChange::Rename { from, to } => format!("{from} > {to}"),
        TableChange::Truncate => "truncate".to_owned(),
        TableChange::Passed(what) => format!("({what})"),
    };
    changes.iter().map(change).collect()
}

#[test]
fn columns_that_come_go_and_change() {
    for (sql, wanted) in [
        ("ALTER TABLE t ADD x NUMBER", "+ X NUMBER"),
        (
            "alter table shop.t add (x number(3) default 0 not null, \"y z\" VARCHAR2(10 char))",
            "+ X NUMBER p3 s0 NOT NULL = 0, y z VARCHAR2 40",
        ),
        (
            "ALTER TABLE \"S\".\"T\" ADD COLUMN d DATE DEFAULT TO_DATE('1, 2', 'x') NOT NULL;",
            "+ D DATE NOT NULL = TO_DATE('1, 2', 'x')",
        ),
        (
            "ALTER TABLE t ADD (a TIMESTAMP, b TIMESTAMP(3) WITH TIME ZONE, c TIMESTAMP(9) WITH LOCAL TIME ZONE)",
            "+ A TIMESTAMP(6) s6, B TIMESTAMP(3) WITH TIME ZONE s3, C TIMESTAMP(9) WITH LOCAL TIME ZONE s9",
        ),
        (
            "ALTER TABLE t ADD (i INTERVAL DAY TO SECOND, y INTERVAL YEAR(3) TO MONTH, r RAW(16), l LONG RAW)",
            "+ I INTERVAL DAY(2) TO SECOND(6) p2 s6, Y INTERVAL YEAR(3) TO MONTH p3, R RAW 16, L LONG RAW",
        ),
        (
            "ALTER TABLE t ADD (n NUMBER(*,2), m NUMBER(6,-2), i INTEGER, f FLOAT(30), d DOUBLE PRECISION, c CHARACTER VARYING(5))",
            "+ N NUMBER s2, M NUMBER p6 s-2, I NUMBER s0, F FLOAT p30, D FLOAT, C VARCHAR2 5",
        ),
        ("ALTER TABLE t ADD (v GENERATED ALWAYS AS (a + 1) VIRTUAL)", "!"),
        ("ALTER TABLE t ADD v NUMBER GENERATED ALWAYS AS (a + 1) VIRTUAL", "+ V NUMBER virtual"),
        ("ALTER TABLE t ADD g MDSYS.SDO_GEOMETRY", "!"),
        ("ALTER TABLE t MODIFY x VARCHAR2(20)", "~ X VARCHAR2 20"),
        (
            "ALTER TABLE t MODIFY (x NOT NULL, y NUMBER(5) NULL, z DEFAULT q'[it's]')",
            "~ X not null, Y NUMBER p5 s0 null, Z",
        ),
        ("ALTER TABLE t DROP COLUMN x CASCADE CONSTRAINTS", "- X"),
        ("ALTER TABLE t DROP (x, \"y\") INVALIDATE", "- X, y"),
        ("ALTER TABLE t SET UNUSED (x)", "-- X"),
        ("ALTER TABLE t SET UNUSED COLUMN x", "-- X"),
        ("ALTER TABLE t DROP UNUSED COLUMNS CHECKPOINT 250", "--"),
        ("ALTER TABLE t /* why */ RENAME COLUMN x -- so\n TO \"Y\"", "X > Y"),
        ("ALTER TABLE t ADD (a NUMBER) DROP COLUMN b", "+ A NUMBER|- B"),
        ("TRUNCATE TABLE t DROP STORAGE", "truncate"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "(ADD CONSTRAINT)"),
        ("ALTER TABLE t ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS", "(ADD SUPPLEMENTAL)"),
        ("ALTER TABLE t MOVE TABLESPACE x", "(MOVE)"),
        ("ALTER TABLE t ENABLE ROW MOVEMENT", "(ENABLE)"),
    ] {
        if wanted == "!" {
            assert!(table_changes(sql).is_err(), "{sql}");
        } else {
            assert_eq!(told(sql).join("|"), wanted, "{sql}");
        }
    }
}

#[test]
fn what_is_not_understood_is_said_with_its_place() {
    for (sql, wanted) in [
        (
            "DROP TABLE t",
            "ALTER TABLE or TRUNCATE TABLE was expected, and there is \"DROP TABLE t\"",
        ),
        ("ALTER TABLE t", "a clause was expected"),
        ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", "there is \"EXCHANGE PARTITION"),
        // These take rows away without a word in the log.
        ("ALTER TABLE t DROP PARTITION p", "there is \"DROP PARTITION p"),
        ("ALTER TABLE t TRUNCATE PARTITION p UPDATE INDEXES", "there is \"TRUNCATE PARTITION"),
        ("ALTER TABLE t DROP SUBPARTITION p", "there is \"DROP SUBPARTITION p"),
        ("ALTER TABLE t ADD (a NUMBER", ") was expected"),
        ("ALTER TABLE t ADD (a NUMBER(x))", "a number was expected, and there is \"x))\""),
        ("ALTER TABLE t ADD a VARCHAR2('", "a text that is not closed"),
        ("ALTER TABLE t RENAME COLUMN a", "TO was expected, and there is \"\""),
        ("ALTER TABLE \"t", "a name that is not closed"),
        ("ALTER TABLE t /* x", "a comment that is not closed"),
    ] {
        let error = table_changes(sql).unwrap_err().to_string();
        assert!(error.contains(wanted), "{sql}: {error}");
    }
}

#[test]
fn types_are_those_of_the_dictionary() {
    let TableChange::Add(columns) =
        &table_changes("ALTER TABLE t ADD (a CHAR(3), b NCHAR(2), c XMLTYPE, d BLOB)").unwrap()[0]
    else {
        panic!("columns")
    };
    let kinds: Vec<OracleType> = columns.iter().map(|column| column.oracle_type()).collect();
    assert_eq!(
        kinds,
        [OracleType::Char, OracleType::NChar, OracleType::Unsupported, OracleType::Blob]
    );
    assert_eq!((columns[1].char_length, columns[1].data_length), (2, 4));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(ALTER TABLE t )?[A-Za-z0-9(),.'\"\\*/ \\-q\\[\\]é;]{0,60}") {
        drop(table_changes(&text));
    }
}
