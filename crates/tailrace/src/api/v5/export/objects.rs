//! Objects on a sheet: one row per database that is selected whole, else per table.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::columns::{MORE, prune};

/// Header of the column that tells whose objects they are.
pub(super) const JOB: &str = "job";
/// Headers of the other columns.
pub(super) const HEADER: [&str; 5] = ["database", "table", "target_database", "target_table", MORE];
/// Name of the sheet.
pub(super) const SHEET: &str = "objects";

/// Adds the object of a row to `object_info`.
///
/// # Errors
/// Which column is wrong, what is in it, and what is allowed.
pub(super) fn add(
    info: &mut Map<String, Value>,
    row: &BTreeMap<String, String>,
) -> Result<(), (&'static str, String, &'static str)> {
    let text = |name: &str| row.get(name).map(String::as_str);
    let wrong = |name, value: &str, allowed| Err((name, value.to_owned(), allowed));
    let Some(database) = text("database") else {
        return wrong("database", "", "a database, or of Oracle a schema");
    };
    let more: Value = match text(MORE).map(serde_json::from_str) {
        None => json!({}),
        Some(Ok(more @ Value::Object(_))) => more,
        Some(_) => return wrong(MORE, text(MORE).unwrap_or(""), "a JSON object"),
    };
    let is_new = !info.contains_key(database);
    let entry = info.entry(database.to_owned()).or_insert_with(|| json!({"name": database}));
    if let Some(target) = text("target_database") {
        entry["name"] = target.into();
    }
    let Some(table) = text("table") else {
        if !is_new {
            return wrong("database", database, "once, where it is selected whole");
        }
        entry["all"] = true.into();
        return Ok(());
    };
    if entry["all"] == true {
        return wrong("table", table, "none, as the database is selected whole");
    }
    let mut object = json!({"name": text("target_table").unwrap_or(table), "type": "table"});
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    if object.get("columns").is_none() && object.get("all").is_none() {
        object["all"] = true.into();
    }
    entry["all"] = false.into();
    let tables = &mut entry["tables"];
    if tables.get(table).is_some() {
        return wrong("table", table, "each table once");
    }
    tables[table] = object;
    Ok(())
}

/// The rows of `object_info`, in the order of [`HEADER`].
pub(super) fn rows(info: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (database, entry) in info.as_object().into_iter().flatten() {
        let target = renamed(&entry["name"], database);
        if entry["all"] == true {
            rows.push(vec![database.clone(), String::new(), target, String::new(), String::new()]);
            continue;
        }
        for (table, object) in entry["tables"].as_object().into_iter().flatten() {
            let mut more = object.clone();
            for member in ["name", "type"] {
                more[member] = Value::Null;
            }
            if more["all"] == true {
                more["all"] = Value::Null;
            }
            let more = if prune(&mut more) { more.to_string() } else { String::new() };
            let name = renamed(&object["name"], table);
            rows.push(vec![database.clone(), table.clone(), target.clone(), name, more]);
        }
    }
    rows
}

/// The name at the target, if it is another.
fn renamed(name: &Value, source: &str) -> String {
    name.as_str().filter(|name| *name != source).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> BTreeMap<String, String> {
        cells.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn objects_go_to_rows_and_back() {
        let info = json!({
            "crm": {"name": "crm", "all": true},
            "shop": {"name": "store", "all": false, "tables": {
                "orders": {"name": "orders", "type": "table", "all": true},
                "users": {"name": "people", "type": "table", "all": false,
                    "columns": {"id": {"name": "id", "filtered": true}}}}}
        });
        let mut back = Map::new();
        for cells in rows(&info) {
            let cells: Vec<_> =
                HEADER.into_iter().zip(&cells).map(|(n, t)| (n, t.as_str())).collect();
            let filled: Vec<_> = cells.into_iter().filter(|(_, text)| !text.is_empty()).collect();
            add(&mut back, &row(&filled)).expect("a row");
        }
        assert_eq!(Value::Object(back), info);
    }

    #[test]
    fn what_is_wrong_with_a_row_is_named() {
        let mut info = Map::new();
        add(&mut info, &row(&[("database", "a")])).expect("a row");
        add(&mut info, &row(&[("database", "b"), ("table", "t")])).expect("a row");
        for (cells, column) in [
            (row(&[("table", "t")]), "database"),
            (row(&[("database", "a")]), "database"),
            (row(&[("database", "a"), ("table", "t")]), "table"),
            (row(&[("database", "b"), ("table", "t")]), "table"),
            (row(&[("database", "c"), ("table", "t"), (MORE, "x")]), MORE),
        ] {
            let (named, ..) = add(&mut info, &cells).expect_err(column);
            assert_eq!(named, column, "{cells:?}");
        }
    }
}
