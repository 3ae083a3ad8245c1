use super::*;

#[test]
fn every_form_has_its_text() {
    for (literal, form, text) in [
        ("'plain'", Form::Text, "plain"),
        ("'it''s ''''quoted'''''", Form::Text, "it's ''quoted''"),
        ("''''", Form::Text, "'"),
        ("'line\r\nend\t\\'", Form::Text, "line\r\nend\t\\"),
        ("42", Form::Number, "42"),
        ("-.5", Form::Number, "-.5"),
        ("+1.7976931348623157E+308", Form::Number, "+1.7976931348623157E+308"),
        ("1.0e-5f", Form::Number, "1.0e-5f"),
        ("Nan", Form::Number, "Nan"),
        ("-Inf", Form::Number, "-Inf"),
        ("BINARY_DOUBLE_INFINITY", Form::Number, "BINARY_DOUBLE_INFINITY"),
        (
            "TO_DATE('2020-01-31 23:59:59', 'YYYY-MM-DD HH24:MI:SS')",
            Form::Date,
            "2020-01-31 23:59:59",
        ),
        ("to_date('01-JAN-20')", Form::Date, "01-JAN-20"),
        (
            "TO_TIMESTAMP('2020-06-16 10:00:00.123456789')",
            Form::Timestamp,
            "2020-06-16 10:00:00.123456789",
        ),
        (
            "TO_TIMESTAMP_TZ('2020-06-16 10:00:00.1 +02:00')",
            Form::TimestampTz,
            "2020-06-16 10:00:00.1 +02:00",
        ),
        ("TIMESTAMP '-4712-01-01 00:00:00'", Form::Timestamp, "-4712-01-01 00:00:00"),
        ("DATE '2020-02-29'", Form::Date, "2020-02-29"),
        ("TO_YMINTERVAL('-02-11')", Form::YearMonth, "-02-11"),
        (
            "TO_DSINTERVAL('+000000003 04:05:06.789000000')",
            Form::DaySecond,
            "+000000003 04:05:06.789000000",
        ),
        ("UNISTR('\\4E2D\\6587 a')", Form::Pieces, "\u{4e2d}\u{6587} a"),
        ("UNISTR('\\D83D') || UNISTR('\\DE00!')", Form::Pieces, "\u{1f600}!"),
        ("UNISTR('a\\\\b''c')", Form::Pieces, "a\\b'c"),
        ("'a' || CHR(10) || 'b'||chr(13)", Form::Pieces, "a\nb\r"),
        ("N'na\u{ef}ve'", Form::Pieces, "na\u{ef}ve"),
        ("CHR(39 USING NCHAR_CS)", Form::Pieces, "'"),
    ] {
        assert_eq!(value(literal), (form, text.to_owned()), "{literal}");
    }
}

#[test]
fn dates_say_their_format() {
    let text = "insert into \"S\".\"T\"(\"C\",\"D\") values (TO_DATE('1', 'DD'), TO_DATE('2'));";
    let mut dml = Dml::default();
    dml.parse(text).unwrap();
    let formats: Vec<_> = dml.values(text).map(|(_, value)| value.format().unwrap()).collect();
    assert_eq!(formats, [Some("DD".into()), None]);
}

#[test]
fn bytes_are_read_and_what_is_no_byte_is_named() {
    let bytes = |digits: &str| {
        let text = format!("delete from \"S\".\"T\" where \"A\" = HEXTORAW('{digits}')");
        let mut dml = Dml::default();
        dml.parse(&text).unwrap();
        let (_, value) = dml.conditions(&text).next().unwrap();
        let mut out = vec![7];
        value.bytes_into(&mut out).map(|()| out).map_err(|e| e.to_string())
    };
    assert_eq!(bytes("00fFaB"), Ok(vec![7, 0, 255, 0xab]));
    assert_eq!(bytes(""), Ok(vec![7]));
    assert!(bytes("0").unwrap_err().contains("Odd number of digits"));
    assert!(bytes("0g").unwrap_err().contains("Invalid character 'g' at position 1"));
    assert!(bytes("+1").unwrap_err().contains("Invalid character '+' at position 0"));
}

#[test]
fn values_that_logminer_does_not_tell_are_not_taken_for_others() {
    for literal in [
        "Unsupported Type",
        "XMLTYPE('<a b=\"(\"/>')",
        "\"MDSYS\".\"SDO_GEOMETRY\"(2001, NULL, \"MDSYS\".\"P\"(1, ')', (3)), NULL)",
        "SYS.ANYDATA.ConvertNumber(5)",
    ] {
        let text = format!("insert into \"S\".\"T\"(\"C\",\"D\") values ({literal},'2');");
        let mut dml = Dml::default();
        dml.parse(&text).unwrap_or_else(|e| panic!("{literal}: {e}"));
        let forms: Vec<Form> = dml.values(&text).map(|(_, value)| value.form()).collect();
        assert_eq!(forms, [Form::Unsupported, Form::Text], "{literal}");
        let (_, value) = dml.values(&text).next().unwrap();
        assert_eq!(value.raw(), literal);
        value.text().unwrap_err();
    }
    for literal in ["EMPTY_CLOB()", "EMPTY_BLOB()", "NULL", "HEXTORAW('00')"] {
        let text = format!("insert into \"S\".\"T\"(\"C\") values ({literal});");
        let mut dml = Dml::default();
        dml.parse(&text).unwrap();
        dml.values(&text).next().unwrap().1.text().unwrap_err();
    }
}

#[test]
fn pieces_that_are_none_are_errors() {
    for literal in [
        "UNISTR('\\D83D')",
        "UNISTR('\\DE00')",
        "UNISTR('\\12')",
        "UNISTR('\\12G4')",
        "UNISTR('\\+123')",
        "UNISTR('\\D83D') || 'x'",
        "CHR(200)",
    ] {
        let text = format!("insert into \"S\".\"T\"(\"C\") values ({literal});");
        let mut dml = Dml::default();
        let read = dml.parse(&text).and_then(|()| {
            dml.values(&text).next().expect("a value").1.text().map(|text| text.into_owned())
        });
        read.expect_err(literal);
    }
    for literal in [
        "TO_DATE(5)",
        "HEXTORAW('a'",
        "TO_DSINTERVAL()",
        "CHR('a')",
        "'a' ||",
        "X(",
        "-",
        "EMPTY_CLOB(1)",
    ] {
        refused(&format!("insert into \"S\".\"T\"(\"C\") values ({literal});"));
    }
}
