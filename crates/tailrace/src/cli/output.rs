//! Results on standard output: a table for people, JSON or YAML for programs.

use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

use super::exit::{Exit, Failed};

/// Form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Output {
    /// Columns for people.
    #[default]
    Table,
    /// JSON, as the API answers.
    Json,
    /// The same as YAML.
    Yaml,
}

impl Output {
    /// Prints a value; `rows` makes the table of it, the heads first.
    pub(super) fn print(
        self,
        value: &Value,
        rows: impl FnOnce(&Value) -> Vec<Vec<String>>,
    ) -> Result<(), Failed> {
        let unprintable =
            |e: &dyn std::fmt::Display| Failed::new(Exit::Failure, format!("cannot print: {e}"));
        match self {
            Self::Json => {
                println!("{}", serde_json::to_string_pretty(value).map_err(|e| unprintable(&e))?);
            }
            Self::Yaml => {
                print!("{}", serde_norway::to_string(value).map_err(|e| unprintable(&e))?);
            }
            Self::Table => println!("{}", table(rows(value))),
        }
        Ok(())
    }
}

fn table(mut rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if !rows.is_empty() {
        table.set_header(rows.remove(0));
    }
    table.add_rows(rows);
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A member of a JSON object as text.
pub(super) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// All members of a JSON value that are no containers, one per row: path and value.
pub(super) fn flat(value: &Value) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["member".to_owned(), "value".to_owned()]];
    flatten("", value, &mut rows);
    rows
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    let under = |name: &str| {
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| flatten(&under(name), value, rows));
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{n}]"), item, rows);
            }
        }
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => rows.push(vec![path.to_owned(), text.clone()]),
        other => rows.push(vec![path.to_owned(), other.to_string()]),
    }
}
