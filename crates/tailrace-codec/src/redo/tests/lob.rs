use super::*;

const DECLARED: &str = "DECLARE \n loc_c CLOB; \n buf_c VARCHAR2(6156); \n loc_b BLOB; \n buf_b RAW(6156); \n \
     loc_nc NCLOB; \n buf_nc NVARCHAR2(6156); \n e_len NUMBER; \nBEGIN\n";

fn step(text: &str) -> LobStep {
    let mut step = LobStep::default();
    step.parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    step
}

#[test]
fn a_whole_block_finds_and_writes() {
    let text = format!(
        "{DECLARED} select \"NOTE\" into loc_c from \"HR\".\"EMP\" where \"ID\" = 2 and \"X\" IS NULL and ROWID = 'AAA' for update;\n\n \
         buf_c := 'it''s; END;\n'; \n  dbms_lob.write(loc_c, 11, 3073, buf_c);\nEND;"
    );
    let step = step(&text);
    let (column, owner, table) = step.locator(&text).unwrap();
    assert_eq!((column.raw(), owner.raw(), table.raw()), ("NOTE", "HR", "EMP"));
    assert_eq!((step.conditions(&text).len(), step.row_id(&text)), (2, Some("AAA")));
    let Some(LobAction::Write { data, length, offset }) = step.action(&text) else {
        panic!("{:?}", step.action(&text))
    };
    assert_eq!((data.text().unwrap().as_ref(), length, offset), ("it's; END;\n", 11, 3073));
}

#[test]
fn parts_of_a_block_are_read_too() {
    let text = format!(
        "{DECLARED} select \"B\" into loc_b from \"S\".\"T\" where \"ID\" = '1' for update;"
    );
    let found = step(&text);
    assert!(found.locator(&text).is_some() && found.action(&text).is_none());
    let text = " buf_b := HEXTORAW('0aff'); \n  dbms_lob.write(loc_b, 2, 1, buf_b);";
    let written = step(text);
    let Some(LobAction::Write { data, length: 2, offset: 1 }) = written.action(text) else {
        panic!("{:?}", written.action(text))
    };
    let mut bytes = Vec::new();
    data.bytes_into(&mut bytes).unwrap();
    assert_eq!(bytes, [0x0a, 0xff]);
    let text = format!(
        "{DECLARED} select \"B\" into loc_b from \"S\".\"T\" a where a.\"ID\" = '1' for update;\n e_len := 7; \n dbms_lob.erase(loc_b, e_len, 3);\nEND;"
    );
    assert_eq!(step(&text).action(&text), Some(LobAction::Erase { length: 7, offset: 3 }));
    let text = "dbms_lob.trim(loc_c, 100);\nEND;";
    assert_eq!(step(text).action(text), Some(LobAction::Trim { length: 100 }));
    let text = "buf_nc := UNISTR('\\4E2D') || UNISTR('x'); dbms_lob.write(loc_nc, 2, 5, buf_nc);";
    let Some(LobAction::Write { data, .. }) = step(text).action(text) else { panic!("no write") };
    assert_eq!(data.text().unwrap(), "\u{4e2d}x");
}

#[test]
fn blocks_of_another_shape_are_errors() {
    for (text, said) in [
        ("", "a locator or a step"),
        ("DECLARE loc_c CLOB", "the end of a declaration"),
        ("BEGIN END;", "a locator or a step"),
        ("dbms_lob.write(loc_c, 1, 1, buf_c);", "no data was assigned"),
        ("buf_c := SYSDATE;", "a value"),
        ("buf_c := NULL;", "text or HEXTORAW"),
        ("e_len := 1.5; dbms_lob.trim(l, e_len);", "whole number"),
        ("dbms_lob.trim(l, e_len);", "the length"),
        ("dbms_lob.copy(a, b);", "an assignment"),
        ("dbms_lob.trim(l, 1); dbms_lob.trim(l, 1);", "two steps"),
        ("dbms_lob.trim(l, 99999999999999999999);", "the length"),
        ("select \"B\" into loc_b from \"S\".\"T\" for update;", "where"),
        ("dbms_lob.trim(l, 1); END; x", "the end"),
    ] {
        let error = LobStep::default().parse(text).expect_err(text).to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}
