//! Changes folded and one by one come to the same; statements are what GaussDB has.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn table(columns: &[(&str, &str)], key: &[usize], distribution: &[usize]) -> ApplyTable {
    let columns = columns
        .iter()
        .map(|(name, kind)| ApplyColumn { name: (*name).into(), sql_type: (*kind).into() })
        .collect();
    ApplyTable::new("shop", "t", columns, key.to_vec(), distribution.to_vec()).unwrap()
}

fn orders() -> ApplyTable {
    let columns = [("id", "integer"), ("name", "character varying(20)"), ("note", "text")];
    table(&columns, &[0], &[0])
}

const N: Text<'_> = Text::Null;
const U: Text<'_> = Text::Unknown;
fn t(text: &str) -> Text<'_> {
    Text::Text(text)
}

#[test]
fn text_of_copy_is_escaped() {
    let mut out = Vec::new();
    for value in ["", "plain", "a\tb\nc\rd\\e", "\\", "é\u{1}\r", "\t\t"] {
        copy_text(&mut out, value);
        out.push(b'|');
    }
    copy_null(&mut out);
    assert_eq!(out, "|plain|a\\tb\\nc\\rd\\\\e|\\\\|é\u{1}\\r|\\t\\t|\\N".as_bytes());
}

#[test]
fn types_lose_their_lengths() {
    for (kind, base) in [
        ("character varying(20)", "character varying"),
        ("character(5)", "bpchar"),
        ("numeric(5,2)", "numeric"),
        ("timestamp(0) without time zone", "timestamp without time zone"),
        ("interval day to second(6)", "interval"),
        ("nvarchar2(7)", "nvarchar2"),
        ("text", "text"),
    ] {
        let column = ApplyColumn { name: "c".into(), sql_type: kind.into() };
        assert_eq!(column.base_type(), base);
    }
}

#[test]
fn tables_that_cannot_be_are_refused() {
    let column = || vec![ApplyColumn { name: "a".into(), sql_type: "integer".into() }];
    assert!(ApplyTable::new("s", "t", column(), vec![1], vec![]).is_err());
    let mut two = column();
    two.push(ApplyColumn { name: "b".into(), sql_type: "integer".into() });
    let error = ApplyTable::new("s", "t", two, vec![0], vec![1]).unwrap_err().to_string();
    assert!(error.contains("distributed by b, which is not in its key"), "{error}");
}

#[test]
fn the_statements_for_many_rows() {
    let table = table(&[("a", "integer"), ("B\"b", "text"), ("v", "numeric(5,2)")], &[0, 1], &[1]);
    let set = SetStatements::new(&table, "stage_1");
    assert_eq!(
        set.create_stage(),
        "CREATE TEMP TABLE \"stage_1\" (tailrace_op integer NOT NULL, \"a\" integer, \"B\"\"b\" text, \
         \"v\" numeric(5,2)) ON COMMIT DELETE ROWS DISTRIBUTE BY HASH (\"B\"\"b\")"
    );
    let equal = "t.\"a\" = s.\"a\" AND t.\"B\"\"b\" = s.\"B\"\"b\"";
    assert_eq!(
        set.delete(StageOp::Delete),
        format!(
            "DELETE FROM \"shop\".\"t\" t USING \"stage_1\" s WHERE s.tailrace_op = 0 AND {equal}"
        )
    );
    assert_eq!(
        set.update(StageOp::Update(2), [0, 2]).unwrap(),
        format!(
            "UPDATE \"shop\".\"t\" t SET \"v\" = s.\"v\" FROM \"stage_1\" s WHERE s.tailrace_op = 5 AND {equal}"
        )
    );
    assert_eq!(set.update(StageOp::Replace, [0, 1]), None);
    assert_eq!(
        set.merge(StageOp::Replace),
        format!(
            "MERGE INTO \"shop\".\"t\" t USING (SELECT \"a\", \"B\"\"b\", \"v\" FROM \"stage_1\" s WHERE s.tailrace_op = 1) s \
             ON ({equal}) WHEN MATCHED THEN UPDATE SET \"v\" = s.\"v\" \
             WHEN NOT MATCHED THEN INSERT (\"a\", \"B\"\"b\", \"v\") VALUES (s.\"a\", s.\"B\"\"b\", s.\"v\")"
        )
    );
    let mut row = Vec::new();
    stage_row(&mut row, StageOp::Update(0), [t("1"), N, t("a\tb"), U]);
    assert_eq!(row, b"3\t1\t\\N\ta\\tb\t\\N\n");
}

fn statements(
    table: &ApplyTable,
    kind: ChangeKind,
    before: &[Text<'_>],
    after: &[Text<'_>],
    conflict: Conflict,
) -> Vec<String> {
    let mut changes = Changes::new();
    assert!(changes.push(kind, 0, before.iter().copied(), after.iter().copied()));
    let made = row_statements(table, &changes.get(0), conflict).unwrap();
    let rows = |rows: &Rows| if *rows == Rows::One { "1" } else { "0..1" };
    let mut out: Vec<String> =
        made.statements.iter().map(|(sql, count)| format!("{} {sql}", rows(count))).collect();
    out.extend(made.twin.map(|twin| format!("twin {twin}")));
    out
}

#[test]
fn one_change_is_a_statement_or_two() {
    use ChangeKind::{Delete, Insert, Update};
    let orders = orders();
    let row = [t("1"), t("it's"), N];
    let insert =
        "1 INSERT INTO \"shop\".\"t\" (\"id\", \"name\", \"note\") VALUES ('1', 'it''s', NULL)";
    let delete = "DELETE FROM \"shop\".\"t\" WHERE \"id\" = '1'";
    assert_eq!(statements(&orders, Insert, &[], &row, Conflict::Stop), [insert]);
    assert_eq!(
        statements(&orders, Insert, &[], &row, Conflict::Overwrite),
        [&format!("0..1 {delete}"), insert]
    );
    assert_eq!(
        statements(&orders, Insert, &[], &row, Conflict::Ignore),
        ["0..1 INSERT INTO \"shop\".\"t\" (\"id\", \"name\", \"note\") SELECT '1'::integer, \
          'it''s'::character varying, NULL WHERE NOT EXISTS (SELECT 1 FROM \"shop\".\"t\" WHERE \"id\" = '1')"]
    );
    assert_eq!(statements(&orders, Delete, &row, &[], Conflict::Stop), [format!("1 {delete}")]);
    let set = [U, t("x"), U];
    let partly = [t("1"), U, U];
    let update = "1 UPDATE \"shop\".\"t\" SET \"name\" = 'x' WHERE \"id\" = '1'";
    assert_eq!(statements(&orders, Update, &partly, &set, Conflict::Overwrite), [update]);
    assert_eq!(statements(&orders, Update, &row, &set, Conflict::Stop), [update]);
    let changed =
        "1 INSERT INTO \"shop\".\"t\" (\"id\", \"name\", \"note\") VALUES ('1', 'x', NULL)";
    assert_eq!(
        statements(&orders, Update, &row, &set, Conflict::Overwrite),
        [&format!("0..1 {delete}"), &format!("0..1 {delete}"), changed]
    );
    assert!(statements(&orders, Update, &partly, &[t("1"), U, U], Conflict::Stop).is_empty());
    // The key changes, and the target knows what is not told.
    assert_eq!(
        statements(&orders, Update, &partly, &[t("2"), U, N], Conflict::Stop),
        [
            "1 INSERT INTO \"shop\".\"t\" (\"id\", \"name\", \"note\") SELECT '2'::integer, \"name\", NULL \
             FROM \"shop\".\"t\" WHERE \"id\" = '1'",
            &format!("1 {delete}")
        ]
    );
}

#[test]
fn rows_without_a_key_are_told_apart_by_all_that_is_known() {
    use ChangeKind::{Delete, Update};
    let table = table(&[("a", "integer"), ("b", "text")], &[], &[0]);
    let condition = "\"a\" = '1' AND \"b\" IS NULL";
    assert_eq!(
        statements(&table, Delete, &[t("1"), N], &[], Conflict::Overwrite),
        [
            &format!("0..1 DELETE FROM \"shop\".\"t\" WHERE {condition}"),
            "twin INSERT INTO \"shop\".\"t\" (\"a\", \"b\") VALUES ('1', NULL)"
        ]
    );
    assert_eq!(
        statements(&table, Update, &[t("1"), U], &[U, t("x")], Conflict::Stop),
        [
            "1 DELETE FROM \"shop\".\"t\" WHERE \"a\" = '1'",
            "1 INSERT INTO \"shop\".\"t\" (\"a\", \"b\") VALUES ('1', 'x')"
        ]
    );
}

#[test]
fn a_change_that_does_not_tell_its_key_is_refused() {
    let mut changes = Changes::new();
    assert!(changes.push(ChangeKind::Delete, 0, [U, t("x"), U], []));
    assert!(changes.push(ChangeKind::Insert, 0, [], [N, t("x"), U]));
    let (table, mut fold) = (orders(), Fold::new());
    for change in changes.iter() {
        assert!(!fold.add(&table, &changes, &change));
        let error = row_statements(&table, &change, Conflict::Overwrite).unwrap_err().to_string();
        assert!(error.contains("\"id\", by which its row is known"), "{error}");
    }
}

/// A row of a model: values by column, `None` for NULL.
type Model = BTreeMap<String, Vec<Option<String>>>;

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, Option<String>),
    Delete(u8),
    /// Key, new key, new values of the two other columns as far as they are set, and whether the rest is told.
    Update(u8, u8, Option<Option<String>>, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let value = || proptest::option::of("[a-c]{0,2}");
    prop_oneof![
        (0_u8..6, value()).prop_map(|(key, name)| Step::Insert(key, name)),
        (0_u8..6).prop_map(Step::Delete),
        (0_u8..6, 0_u8..6, proptest::option::of(value()), any::<bool>())
            .prop_map(|(key, to, name, whole)| Step::Update(key, to, name, whole)),
    ]
}

/// Appends a step's change if the source could make it, and makes it in the model.
fn make(step: &Step, model: &mut Model, changes: &mut Changes) {
    let text = |value: &Option<String>| value.clone();
    fn cell(value: &Option<String>) -> Text<'_> {
        value.as_deref().map_or(Text::Null, Text::Text)
    }
    match step {
        Step::Insert(key, name) => {
            let key = key.to_string();
            if model.contains_key(&key) {
                return;
            }
            let row = vec![Some(key.clone()), text(name), Some("note".to_owned())];
            assert!(changes.push(ChangeKind::Insert, 0, [], row.iter().map(cell)));
            model.insert(key, row);
        }
        Step::Delete(key) => {
            let Some(row) = model.remove(&key.to_string()) else { return };
            let before = [cell(&row[0]), Text::Unknown, Text::Unknown];
            assert!(changes.push(ChangeKind::Delete, 0, before, []));
        }
        Step::Update(key, to, name, whole) => {
            let (key, to) = (key.to_string(), to.to_string());
            if key != to && model.contains_key(&to) {
                return;
            }
            let Some(mut row) = model.remove(&key) else { return };
            let old = row.clone();
            let told = |n: usize| if *whole { cell(&old[n]) } else { Text::Unknown };
            let set_key = if key == to { Text::Unknown } else { Text::Text(&to) };
            let set_name = name.as_ref().map_or(Text::Unknown, cell);
            let before = [cell(&old[0]), told(1), told(2)];
            assert!(changes.push(
                ChangeKind::Update,
                0,
                before,
                [set_key, set_name, Text::Unknown]
            ));
            row[0] = Some(to.clone());
            if let Some(name) = name {
                row[1].clone_from(name);
            }
            model.insert(to, row);
        }
    }
}

/// Does to a model what the outcomes say.
fn apply(fold: &Fold, table: &ApplyTable, changes: &Changes, model: &mut Model) {
    let owned = |value: Text<'_>| match value {
        Text::Text(text) => Some(text.to_owned()),
        _ => None,
    };
    let outcomes: Vec<(Outcome, Vec<Text<'_>>)> =
        fold.outcomes(table, changes).map(|(outcome, row)| (outcome, row.collect())).collect();
    // All deletions come first, as in a batch.
    for deletes in [true, false] {
        for (outcome, row) in &outcomes {
            let key = owned(row[0]).expect("a key");
            match outcome {
                Outcome::Delete if deletes => assert!(model.remove(&key).is_some(), "{key}"),
                Outcome::Vanish if deletes => assert!(!model.contains_key(&key), "{key}"),
                Outcome::Insert if !deletes => {
                    let row = row.iter().map(|value| owned(*value)).collect();
                    assert!(model.insert(key, row).is_none());
                }
                Outcome::Replace | Outcome::Update if !deletes => {
                    let there = model.get_mut(&key).expect("the row");
                    for (column, value) in row.iter().enumerate() {
                        if *value != Text::Unknown {
                            there[column] = owned(*value);
                        } else {
                            assert_eq!(*outcome, Outcome::Update);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn folded_changes_come_to_the_same(
        first in proptest::collection::vec(step(), 0..12),
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let table = orders();
        let mut model = Model::new();
        let mut before = Changes::new();
        for step in &first {
            make(step, &mut model, &mut before);
        }
        let mut target = model.clone();
        let mut changes = Changes::new();
        for step in &steps {
            make(step, &mut model, &mut changes);
        }
        let mut fold = Fold::new();
        for change in changes.iter() {
            if fold.add(&table, &changes, &change) {
                continue;
            }
            apply(&fold, &table, &changes, &mut target);
            fold.clear();
            // By itself, as a change of a key whose other values are not told is.
            let before: Vec<Text<'_>> = change.before().collect();
            let after: Vec<Text<'_>> = change.after().collect();
            prop_assert_eq!(change.kind, ChangeKind::Update);
            let Text::Text(key) = before[0] else { panic!("a key") };
            let mut row = target.remove(key).expect("the row");
            for (column, value) in after.iter().enumerate() {
                match value {
                    Text::Unknown => {}
                    Text::Null => row[column] = None,
                    Text::Text(text) => row[column] = Some((*text).to_owned()),
                }
            }
            target.insert(row[0].clone().expect("a key"), row);
        }
        apply(&fold, &table, &changes, &mut target);
        prop_assert_eq!(target, model);
    }
}
