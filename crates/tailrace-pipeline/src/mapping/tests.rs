//! What the objects of a job may say.

use std::borrow::Cow;

use super::*;
use tailrace_codec::{Cell, Column, ColumnType};

use crate::job::SelectedDatabase;

const NOW: Moment = Moment { changed_us: 1_709_251_199_987_654, is_first: true };

fn schema() -> Arc<TableSchema> {
    let column = |name: &str| Column {
        name: name.into(),
        kind: ColumnType::Int { unsigned: false },
        type_name: "int".into(),
        collation: 63,
        nullable: true,
    };
    Arc::new(TableSchema {
        database: "shop".into(),
        table: "item".into(),
        columns: ["a", "id", "b"].map(column).into(),
        primary_key: vec![1],
    })
}

fn mappings(table: TableMapping, database: Option<&str>) -> Mappings {
    let database = DatabaseMapping {
        target: database.map(str::to_owned),
        tables: BTreeMap::from([("item".to_owned(), table)]),
    };
    Mappings { databases: BTreeMap::from([("shop".to_owned(), database)]) }
}

fn names(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn without_mappings_everything_is_as_it_is() {
    let (schema, none) = (schema(), Mappings::default());
    let view = none.view(&schema).unwrap();
    assert!(Arc::ptr_eq(view.schema(), &schema));
    let row = [Cell::Int(1), Cell::Int(2), Cell::Int(3)];
    assert!(matches!(view.row(&row, NOW).unwrap(), Cow::Borrowed(_)));
    assert_eq!(none.names("shop", "item"), ("shop", "item"));
}

#[test]
fn names_and_columns_change() {
    let table = TableMapping {
        target: Some("goods".into()),
        columns: names(&["id", "b"]),
        renamed: BTreeMap::from([("b".into(), "a".into())]),
        ..Default::default()
    };
    let mappings = mappings(table, Some("store"));
    let view = mappings.view(&schema()).unwrap();
    assert_eq!(view.schema().full_name(), "store.goods");
    let columns: Vec<&str> = view.schema().columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!((columns, &view.schema().primary_key), (vec!["id", "a"], &vec![0]));
    let row = [Cell::Int(1), Cell::Int(2), Cell::Int(3)];
    assert_eq!(&*view.row(&row, NOW).unwrap(), &[Cell::Int(2), Cell::Int(3)]);
    assert_eq!(view.row(&row[..2], NOW).unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(mappings.names("shop", "other"), ("store", "other"));
    assert_eq!(mappings.names("shop", ""), ("store", ""));
    assert_eq!(mappings.names("else", "item"), ("else", "item"));
}

#[test]
fn what_does_not_fit_the_table_is_named() {
    let renamed = |from: &str, to: &str| BTreeMap::from([(from.to_owned(), to.to_owned())]);
    for (table, word) in [
        (TableMapping { columns: names(&["id", "x"]), ..Default::default() }, "column x"),
        (TableMapping { renamed: renamed("y", "z"), ..Default::default() }, "column y"),
        (TableMapping { columns: names(&["a"]), ..Default::default() }, "leave out id"),
        (TableMapping { renamed: renamed("a", "b"), ..Default::default() }, "named b"),
        (chosen(&["a", "x"]), "column x"),
        (chosen(&["a", "a"]), "twice"),
        (TableMapping { columns: names(&["id"]), ..chosen(&["b"]) }, "leave out b"),
    ] {
        let error = mappings(table, None).view(&schema()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
        assert!(error.message().contains(word), "{}", error.message());
    }
}

fn chosen(columns: &[&str]) -> TableMapping {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    TableMapping { partition_columns: Some(columns), ..Default::default() }
}

#[test]
fn chosen_columns_are_the_key_of_messages_and_not_the_rows() {
    let mapping = TableMapping { columns: names(&["id", "b"]), ..chosen(&["b", "id"]) };
    let view = mappings(mapping, None).view(&schema()).unwrap();
    assert!(view.has_chosen_key());
    assert_eq!((&view.schema().primary_key, &view.keyed().primary_key), (&vec![0], &vec![1, 0]));
    let view = mappings(TableMapping::default(), None).view(&schema()).unwrap();
    assert!(!view.has_chosen_key() && view.keyed().primary_key == [1]);
}

fn with_added(names: &[&str]) -> TableMapping {
    let column = |name: &&str| {
        let operation = Operation::UpdateTime;
        ((*name).to_owned(), AddedColumn { operation, r#type: AddedKind::Long, value: None })
    };
    TableMapping { added: names.iter().map(column).collect(), ..TableMapping::default() }
}

#[test]
fn added_columns_follow_those_of_the_source() {
    let mut mapping = TableMapping { columns: names(&["id"]), ..with_added(&["at"]) };
    let (operation, r#type) = (Operation::Expression, AddedKind::Text);
    mapping.added.insert("from".into(), AddedColumn { operation, r#type, value: None });
    mapping.target = Some("goods".into());
    let view = mappings(mapping, None).view(&schema()).unwrap();
    let columns: Vec<&str> = view.schema().columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!((columns, view.passing()), (vec!["id", "at", "from"], vec![1]));
    let row = [Cell::Int(1), Cell::Int(2), Cell::Int(3)];
    assert_eq!(
        &*view.row(&row, NOW).unwrap(),
        &[Cell::Int(2), Cell::Int(1_709_251_199_987), Cell::Utf8(b"shop@item")]
    );
    let error = mappings(with_added(&["a"]), None).view(&schema()).map(drop).unwrap_err();
    assert!(error.message().contains("add a column a"), "{}", error.message());
    let many: Vec<String> = (0..=ADDED_COLUMNS_MAX).map(|n| format!("c{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (mapping, word) in [(with_added(&[""]), "no name"), (with_added(&many), "at most 64")] {
        let text = refusal(&mappings(mapping, None), &[("shop", Some(&["item"]))]).unwrap();
        assert!(text.contains(word), "{text}");
    }
}

fn refusal(mappings: &Mappings, selected: &[(&str, Option<&[&str]>)]) -> Option<String> {
    let selected = selected.iter().map(|(name, tables)| SelectedDatabase {
        name: (*name).to_owned(),
        tables: tables.map(|tables| tables.iter().map(|table| (*table).to_owned()).collect()),
    });
    let outcome = mappings.validate(&Selection { databases: selected.collect() });
    outcome.err().map(|error| error.message().to_owned())
}

#[test]
fn objects_that_would_be_one_are_refused() {
    let both: &[(&str, Option<&[&str]>)] = &[("shop", Some(&["item", "goods"])), ("store", None)];
    let goods = || TableMapping { target: Some("goods".into()), ..Default::default() };
    assert_eq!(refusal(&mappings(goods(), Some("s")), &[("shop", Some(&["item"]))]), None);
    for (mappings, selected, word) in [
        (
            {
                let mut two = mappings(goods(), Some("s"));
                let shop = two.databases.get_mut("shop").unwrap();
                shop.tables.insert("goods".into(), TableMapping::default());
                two
            },
            both,
            "s.goods",
        ),
        (
            {
                let mut two = mappings(TableMapping::default(), Some("store"));
                two.databases.insert("store".into(), DatabaseMapping::default());
                two
            },
            both,
            "shop. and store. both",
        ),
        (
            mappings(TableMapping { target: Some(String::new()), ..Default::default() }, None),
            both,
            "shop.item",
        ),
        (
            mappings(TableMapping { columns: names(&[]), ..Default::default() }, None),
            both,
            "no column",
        ),
        (mappings(chosen(&[]), None), both, "partition_columns names no column"),
        (mappings(goods(), None), &both[1..], "shop: it is mapped and not selected"),
        (mappings(goods(), None), &[("shop", None)], "shop.item: it is mapped and not named"),
    ] {
        let text = refusal(&mappings, selected).unwrap();
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_name_that_another_selected_object_has_is_refused() {
    let both: &[(&str, Option<&[&str]>)] = &[("shop", Some(&["item", "goods"])), ("store", None)];
    let goods = TableMapping { target: Some("goods".into()), ..Default::default() };
    assert!(refusal(&mappings(goods, None), both).unwrap().contains("shop.goods"));
    assert!(refusal(&mappings(TableMapping::default(), Some("store")), both).is_some());
}
