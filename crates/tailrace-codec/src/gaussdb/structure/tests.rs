use super::*;
use crate::oracle::{DatabaseCharset, LengthUnit, OracleColumn};

const UTF8: DatabaseCharset = DatabaseCharset::Al32Utf8;

fn column(name: &str, data_type: &str) -> OracleColumn {
    OracleColumn {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        data_length: 22,
        char_length: 0,
        char_used: None,
        precision: None,
        scale: None,
        nullable: true,
        default: None,
        is_virtual: false,
        is_hidden: false,
        comment: None,
    }
}

fn number(precision: Option<i32>, scale: Option<i32>) -> String {
    let column = OracleColumn { precision, scale, ..column("N", "NUMBER") };
    target_type(&column, UTF8).unwrap().sql
}

/// Every row of DRS's table of types.
#[test]
fn every_type_has_its_counterpart() {
    for (source, target, is_key, loss) in [
        ("FLOAT", "DOUBLE PRECISION", false, Some(Loss::Digits)),
        ("BINARY_FLOAT", "REAL", false, Some(Loss::Digits)),
        ("BINARY_DOUBLE", "DOUBLE PRECISION", false, None),
        ("DATE", "TIMESTAMP(0) WITHOUT TIME ZONE", true, None),
        ("TIMESTAMP(6)", "TIMESTAMP(6) WITHOUT TIME ZONE", true, None),
        ("TIMESTAMP(9)", "TIMESTAMP(6) WITHOUT TIME ZONE", true, Some(Loss::Seconds)),
        ("TIMESTAMP(3) WITH TIME ZONE", "TIMESTAMP(6) WITH TIME ZONE", false, None),
        (
            "TIMESTAMP(9) WITH LOCAL TIME ZONE",
            "TIMESTAMP(6) WITH TIME ZONE",
            false,
            Some(Loss::Seconds),
        ),
        ("INTERVAL YEAR(2) TO MONTH", "INTERVAL YEAR TO MONTH", true, None),
        ("INTERVAL DAY(2) TO SECOND(9)", "INTERVAL DAY TO SECOND(6)", true, Some(Loss::Seconds)),
        ("BLOB", "BYTEA", false, None),
        ("CLOB", "TEXT", false, None),
        ("NCLOB", "TEXT", false, None),
        ("LONG", "TEXT", false, None),
        ("LONG RAW", "BYTEA", false, None),
        ("RAW", "BYTEA", false, None),
        ("ROWID", "CHARACTER VARYING(18)", true, None),
    ] {
        let found = target_type(&column("C", source), UTF8).unwrap();
        assert_eq!(
            (found.sql.as_str(), found.is_key, found.loss),
            (target, is_key, loss),
            "{source}"
        );
    }
    for unsupported in
        ["BFILE", "XMLTYPE", "UROWID", "SDO_GEOMETRY", "MY_TYPE", "TIMESTAMP(6) X", "JSON"]
    {
        let fault = target_type(&column("C", unsupported), UTF8).unwrap_err();
        assert!(fault.name == "C" && fault.reason.contains(unsupported), "{fault:?}");
    }
}

#[test]
fn numbers_have_the_smallest_type_that_takes_all_digits() {
    for (precision, scale, target) in [
        (None, None, "NUMERIC"),
        (None, Some(0), "NUMERIC"),
        (Some(6), Some(3), "NUMERIC(6,3)"),
        (Some(6), Some(0), "INTEGER"),
        (Some(3), None, "SMALLINT"),
        (Some(6), Some(-2), "INTEGER"),
        (Some(4), Some(0), "SMALLINT"),
        (Some(9), Some(0), "INTEGER"),
        (Some(10), Some(0), "BIGINT"),
        (Some(18), Some(0), "BIGINT"),
        (Some(19), Some(0), "NUMERIC(19,0)"),
        (Some(38), Some(-84), "NUMERIC(122,0)"),
        (Some(3), Some(5), "NUMERIC(5,5)"),
    ] {
        assert_eq!(number(precision, scale), target, "{precision:?} {scale:?}");
    }
}

#[test]
fn texts_are_widened_by_their_character_set() {
    let of = |data_type: &str, bytes, chars, unit, charset| {
        let column = OracleColumn {
            data_length: bytes,
            char_length: chars,
            char_used: unit,
            ..column("T", data_type)
        };
        target_type(&column, charset).map(|found| found.sql)
    };
    use DatabaseCharset as C;
    let (bytes, chars) = (Some(LengthUnit::Bytes), Some(LengthUnit::Chars));
    assert_eq!(of("VARCHAR2", 10, 10, bytes, C::Al32Utf8).unwrap(), "CHARACTER VARYING(30)");
    assert_eq!(of("VARCHAR2", 40, 10, chars, C::Al32Utf8).unwrap(), "CHARACTER VARYING(40)");
    assert_eq!(of("CHAR", 10, 10, bytes, C::Zhs16Gbk).unwrap(), "CHARACTER(20)");
    assert_eq!(of("CHAR", 10, 10, bytes, C::Us7Ascii).unwrap(), "CHARACTER(10)");
    assert_eq!(of("VARCHAR", 10, 10, bytes, C::SingleByte).unwrap(), "CHARACTER VARYING(30)");
    assert_eq!(of("NCHAR", 20, 10, chars, C::Zhs16Gbk).unwrap(), "CHARACTER(30)");
    assert_eq!(of("NVARCHAR2", 20, 10, chars, C::Zhs16Gbk).unwrap(), "NVARCHAR2(10)");
    let fault = of("VARCHAR2", 4_000_000, 4_000_000, bytes, C::Al32Utf8).unwrap_err();
    assert!(fault.reason.contains("1 to 10485760"), "{fault:?}");
    assert_eq!(DatabaseCharset::from_name("ZHS16GBK"), Some(C::Zhs16Gbk));
    assert_eq!(DatabaseCharset::from_name("JA16SJIS"), None);
}

fn table(columns: Vec<OracleColumn>) -> SourceTable {
    SourceTable {
        schema: "APP".into(),
        name: "ORDERS".into(),
        columns,
        primary_key: vec!["ID".into()],
        indexes: Vec::new(),
        comment: None,
    }
}

#[test]
fn a_table_with_all_that_belongs_to_it() {
    let mut id = OracleColumn {
        precision: Some(10),
        scale: Some(0),
        nullable: false,
        ..column("ID", "NUMBER")
    };
    id.comment = Some("the order's number".into());
    let name = OracleColumn {
        data_length: 20,
        default: Some("'it''s' ".into()),
        ..column("NAME", "VARCHAR2")
    };
    let made = OracleColumn { default: Some("SYSDATE".into()), ..column("MADE", "DATE") };
    let virtual_ = OracleColumn { is_virtual: true, ..column("TWICE", "NUMBER") };
    let hidden = OracleColumn { is_hidden: true, ..column("SYS_NC00005$", "RAW") };
    let amount = OracleColumn { default: Some("-1.5E+2".into()), ..column("Amount", "FLOAT") };
    let mut table = table(vec![id, name, made, virtual_, hidden, amount]);
    table.comment = Some("all orders".into());
    table.indexes = vec![
        Index {
            name: "ORDERS_BY_NAME".into(),
            columns: vec!["NAME".into(), "ID".into()],
            is_unique: true,
        },
        Index { name: "ORDERS_MADE".into(), columns: vec!["MADE".into()], is_unique: true },
        Index { name: "ORDERS_AMOUNT".into(), columns: vec!["Amount".into()], is_unique: false },
    ];
    let made = structure(&table, UTF8).unwrap();
    assert_eq!(
        made.create,
        "CREATE TABLE \"app\".\"orders\" (\"id\" BIGINT NOT NULL, \"name\" CHARACTER VARYING(60) DEFAULT 'it''s', \
         \"made\" TIMESTAMP(0) WITHOUT TIME ZONE, \"amount\" DOUBLE PRECISION DEFAULT -1.5E+2, PRIMARY KEY (\"id\")) \
         DISTRIBUTE BY HASH (\"id\")"
    );
    assert_eq!(
        made.indexes,
        [
            "CREATE UNIQUE INDEX \"orders_by_name\" ON \"app\".\"orders\" (\"name\", \"id\")",
            "CREATE INDEX \"orders_made\" ON \"app\".\"orders\" (\"made\")",
        ]
    );
    assert_eq!(
        made.comments,
        [
            "COMMENT ON TABLE \"app\".\"orders\" IS 'all orders'",
            "COMMENT ON COLUMN \"app\".\"orders\".\"id\" IS 'the order''s number'",
        ]
    );
    let noted: Vec<&str> = made.notes.iter().map(|note| note.name.as_str()).collect();
    assert_eq!(noted, ["TWICE", "MADE", "ORDERS_MADE", "ORDERS_AMOUNT", "Amount"]);
}

#[test]
fn rows_are_distributed_by_what_there_is() {
    let mut by_unique =
        table(vec![column("A", "FLOAT"), column("B", "DATE"), column("C", "NUMBER")]);
    by_unique.primary_key.clear();
    by_unique.indexes = vec![
        Index { name: "U0".into(), columns: vec!["A".into()], is_unique: true },
        Index { name: "U1".into(), columns: vec!["C".into(), "B".into()], is_unique: true },
    ];
    let made = structure(&by_unique, UTF8).unwrap();
    assert_eq!(made.distribution, Distribution::Unique(vec!["c".into(), "b".into()]));
    assert!(made.create.ends_with("DISTRIBUTE BY HASH (\"c\", \"b\")"), "{}", made.create);
    by_unique.indexes.clear();
    let made = structure(&by_unique, UTF8).unwrap();
    assert_eq!(made.distribution, Distribution::Column("b".into()));
    by_unique.columns.truncate(1);
    let faults = structure(&by_unique, UTF8).unwrap_err();
    assert!(faults[0].reason.contains("can be distributed"), "{faults:?}");
    let by_float = SourceTable { primary_key: vec!["A".into()], ..by_unique };
    let faults = structure(&by_float, UTF8).unwrap_err();
    assert!(faults[0].reason.contains("primary key"), "{faults:?}");
}

#[test]
fn names_that_cannot_be_are_named_all_at_once() {
    let bad = table(vec![column("ID", "NUMBER"), column("id", "NUMBER"), column("X", "BFILE")]);
    let bad = SourceTable { name: "B\u{e9}".into(), ..bad };
    let faults = structure(&bad, UTF8).unwrap_err();
    let said: Vec<&str> = faults.iter().map(|fault| fault.reason.as_str()).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[0].contains("BFILE")
            && said[1].contains("would both be id")
            && said[2].contains('\u{e9}')
    );
    assert_eq!(folded(["A", "b$", "C#"]).unwrap(), ["a", "b$", "c#"]);
    for name in ["", "a.b", "x\"y", &"n".repeat(64)] {
        fold(name).unwrap_err();
    }
}
