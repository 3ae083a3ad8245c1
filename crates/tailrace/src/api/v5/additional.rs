//! Columns that the source does not have, in v5's form.

use std::collections::BTreeMap;

use crate::{
    api::{kept::non_empty, refusal::at},
    control::{
        Refusal, Result,
        objects::{AddedColumn, AddedKind, Operation},
    },
};

use super::missing;
use super::object_tree::{ColumnInput, ColumnView};

/// What DRS puts before the name of an operation.
const PREFIX: &str = "ADDITIONALCOLUMN,";
/// DRS's one expression, which a client may give as the value or leave out.
const EXPRESSION: &str = "concat(__current_database, '@', __current_table)";

type Inputs = BTreeMap<String, ColumnInput>;

/// The columns of a table that are added, and those of the source.
///
/// # Errors
/// [`Refusal::Invalid`] and [`Refusal::Missing`] with the column's path.
pub(super) fn split(given: Inputs) -> Result<(BTreeMap<String, AddedColumn>, Inputs)> {
    let (added, own): (Inputs, Inputs) = given.into_iter().partition(|(_, column)| {
        column.additional == Some(true)
            || column.operation_type.as_ref().is_some_and(|given| !given.is_empty())
    });
    let added = added.into_iter().map(|(name, column)| {
        let read = read(&name, column).map_err(|refusal| at(&format!("columns.{name}"), refusal));
        read.map(|column| (name, column))
    });
    Ok((added.collect::<Result<_>>()?, own))
}

fn read(name: &str, column: ColumnInput) -> Result<AddedColumn> {
    if column.additional == Some(false) {
        let given = column.operation_type.unwrap_or_default();
        return Err(Refusal::invalid("operation_type", given, "none, as additional is false"));
    }
    if let Some(filtered) = column.filtered {
        let allowed = "absent, as the column is an additional one";
        return Err(Refusal::invalid("filtered", filtered.to_string(), allowed));
    }
    if let Some(other) = non_empty(column.name).filter(|other| other != name) {
        return Err(Refusal::invalid("name", other, format!("{name}, the name of its key")));
    }
    let operation = operation(column.operation_type)?;
    let names: Vec<_> = AddedKind::ALL.iter().map(|kind| kind.name()).collect();
    let given = non_empty(column.r#type).ok_or_else(|| missing("type"))?;
    let kind = AddedKind::ALL.into_iter().find(|kind| kind.name() == given);
    let r#type = kind.ok_or_else(|| Refusal::invalid("type", given, names.join(", ")))?;
    // An empty text is a value where there can be one.
    let value = match operation {
        Operation::DefaultValue => column.value,
        Operation::Expression => non_empty(column.value).filter(|value| value != EXPRESSION),
        _ => non_empty(column.value),
    };
    let added = AddedColumn { operation, r#type, value };
    match added.fault() {
        None => Ok(added),
        Some(fault) => Err(Refusal::invalid(fault.field, fault.given, fault.allowed)),
    }
}

fn operation(given: Option<String>) -> Result<Operation> {
    let field = "operation_type";
    let given = non_empty(given).ok_or_else(|| missing(field))?;
    let name = given.strip_prefix(PREFIX).map(str::trim);
    let known = Operation::ALL.into_iter().find(|known| Some(known.name()) == name);
    known.ok_or_else(|| {
        let names: Vec<_> = Operation::ALL.iter().map(|one| one.name()).collect();
        Refusal::invalid(field, given, format!("{PREFIX} and one of {}", names.join(", ")))
    })
}

/// An added column, as it is answered, by its name.
pub(super) fn view((name, column): (&String, &AddedColumn)) -> (String, ColumnView) {
    let value = match column.operation {
        Operation::Expression => Some(EXPRESSION.to_owned()),
        _ => column.value.clone(),
    };
    let view = ColumnView {
        name: name.clone(),
        filtered: None,
        additional: Some(true),
        r#type: Some(column.r#type.name()),
        operation_type: Some(format!("{PREFIX}{}", column.operation.name())),
        value,
    };
    (name.clone(), view)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::v5::object_tree::{DbObjectInput, DbObjectsView};

    fn read(columns: Value) -> Result<Value> {
        let sent = json!({"object_scope": "table", "object_info": {"d": {"tables": {
            "t": {"columns": columns}}}}});
        let input: DbObjectInput = serde_json::from_value(sent).expect("a tree");
        let selection = input.into_control()?;
        let view = serde_json::to_value(DbObjectsView::of_selection(Some(&selection)));
        Ok(view.expect("JSON")["object_info"]["d"]["tables"]["t"]["columns"].clone())
    }

    #[test]
    fn they_come_back_as_they_were_sent() {
        let column = |operation: &str, kind: &str, value: Option<&str>, name: &str| {
            let mut out = json!({"name": name, "additional": true, "type": kind,
                "operation_type": format!("ADDITIONALCOLUMN,{operation}")});
            if let Some(value) = value {
                out["value"] = value.into();
            }
            out
        };
        let sent = json!({
            "made": column("create_time", "timestamp", None, "made"),
            "changed": column("update_time", "long", None, "changed"),
            "home": column("server_database_table", "varchar(256)", Some("eu"), "home"),
            "table": column("expression", "varchar(256)", Some(EXPRESSION), "table"),
            "zone": column("default_value", "int", Some("7"), "zone"),
            "empty": column("default_value", "varchar(191)", Some(""), "empty"),
        });
        assert_eq!(read(sent.clone()).expect("valid"), sent);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let time = "ADDITIONALCOLUMN,create_time";
        let value = "ADDITIONALCOLUMN,default_value";
        for (column, field) in [
            (json!({"additional": true}), "operation_type"),
            (json!({"additional": true, "operation_type": "create_time"}), "operation_type"),
            (json!({"additional": false, "operation_type": time}), "operation_type"),
            (json!({"additional": true, "operation_type": time}), "type"),
            (json!({"operation_type": time, "type": "int"}), "type"),
            (json!({"operation_type": time, "type": "date"}), "type"),
            (json!({"operation_type": time, "type": "long", "filtered": true}), "filtered"),
            (json!({"operation_type": time, "type": "long", "name": "x"}), "name"),
            (json!({"operation_type": time, "type": "long", "value": "1"}), "value"),
            (json!({"operation_type": value, "type": "long"}), "value"),
            (json!({"operation_type": value, "type": "long", "value": "x"}), "value"),
        ] {
            match read(json!({"c": column.clone()})) {
                Err(Refusal::Invalid { field: named, .. } | Refusal::Missing { field: named }) => {
                    assert_eq!(named, format!("object_info.d.tables.t.columns.c.{field}"));
                }
                other => panic!("{column}: {other:?}"),
            }
        }
    }
}
