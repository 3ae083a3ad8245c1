//! Results on standard output: a table for people, JSON or YAML for programs.

use std::io::{ErrorKind, Write as _};

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
                emit(&(serde_json::to_string_pretty(value).map_err(|e| unprintable(&e))? + "\n"))
            }
            Self::Yaml => emit(&serde_norway::to_string(value).map_err(|e| unprintable(&e))?),
            Self::Table => emit(&(table(rows(value)) + "\n")),
        }
    }
}

/// Writes a text to standard output. If nobody reads it any more, as behind `head`, that is the end.
pub(super) fn emit(text: &str) -> Result<(), Failed> {
    #[cfg(test)]
    if capture::took(text) {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Failed::reader_gone()),
        done => Ok(done?),
    }
}

/// Rows of a list of objects, or of one object: heads, and the members that stand under them.
pub(super) fn columns(heads: &[(&str, &str)], value: &Value) -> Vec<Vec<String>> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let mut rows = vec![heads.iter().map(|(head, _)| (*head).to_owned()).collect()];
    for item in items {
        rows.push(heads.iter().map(|(_, pointer)| text(item, pointer)).collect());
    }
    rows
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
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| text(item, "")).collect::<Vec<_>>().join(", ")
        }
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

#[cfg(test)]
pub(super) use capture::captured;

/// What is printed in a thread, for tests.
#[cfg(test)]
mod capture {
    use std::cell::RefCell;

    thread_local! {
        static PRINTED: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    /// Whether the text was captured.
    pub(super) fn took(text: &str) -> bool {
        PRINTED.with_borrow_mut(|printed| printed.as_mut().map(|all| all.push_str(text)).is_some())
    }

    /// Runs something in this thread; what it prints is not printed.
    pub(in crate::cli) fn captured<T>(run: impl FnOnce() -> T) -> (T, String) {
        PRINTED.set(Some(String::new()));
        let result = run();
        (result, PRINTED.take().unwrap_or_default())
    }
}
