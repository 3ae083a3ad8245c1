//! `docs/api-coverage.md`: every operation of DRS with what becomes of it here, written from the code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{fs, path::Path};

use serde_json::Value;

use crate::api::not_offered::OPERATIONS;
use crate::api::{openapi_json, permission};

/// Set to write the table instead of comparing it.
const UPDATE: &str = "TAILRACE_UPDATE_OPENAPI";
/// Operations of DRS's v5 and v3 in its SDKs (3.1.219), and of v5 the one that only its definitions have (`show_features`).
const DRS_OPERATIONS: usize = 137 + 1 + 53;
/// Tailrace's own operations beside those of IAM and of the server itself.
const OWN: [&str; 4] = ["settle_dirty_data", "list_rereads", "create_reread", "delete_reread"];
/// Programs that call by the official Python SDK.
const SDK_PROGRAMS: [(&str, &str); 5] = [
    ("batches_and_rules.py", include_str!("../../../tests/sdk/batches_and_rules.py")),
    ("contract.py", include_str!("../../../tests/sdk/contract.py")),
    ("drive_job.py", include_str!("../../../tests/sdk/drive_job.py")),
    ("drive_oracle.py", include_str!("../../../tests/sdk/drive_oracle.py")),
    ("manage_iam.py", include_str!("../../../tests/sdk/manage_iam.py")),
];

/// An operation of the table.
struct Row {
    name: String,
    is_offered: bool,
}

/// By path and method.
fn rows() -> BTreeMap<(String, String), Row> {
    let document: Value = serde_json::from_str(&openapi_json().expect("a document")).expect("JSON");
    let mut rows = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name").to_owned();
            if !path.contains("{project_id}") || OWN.contains(&name.as_str()) {
                continue;
            }
            let path = path.replace("{project_id}", "*");
            rows.insert((path, method.to_uppercase()), Row { name, is_offered: true });
        }
    }
    for (method, path, name) in OPERATIONS {
        let row = Row { name: (*name).to_owned(), is_offered: false };
        let before = rows.insert(((*path).to_owned(), (*method).to_owned()), row);
        assert!(before.is_none(), "{method} {path} is offered and is not");
    }
    rows
}

fn table() -> String {
    let rows = rows();
    let offered = rows.values().filter(|row| row.is_offered).count();
    let mut text = format!(
        "# Which operations of DRS are offered\n\n\
         Written by a test from the code; `TAILRACE_UPDATE_OPENAPI=1 cargo test -p tailrace --all-features --lib` writes it anew. Of DRS's {} operations {offered} are offered; \
         the others answer 501 with DRS's error body and their name. `*` is the project or another value. The right is one of DRS's actions, by any of its names (`adr/0022`). The last column has the programs that call an operation by the official Python SDK \
         in the tests (`crates/tailrace/tests/sdk`); what none of them calls is asked for by requests of `crates/tailrace/src/api/tests` alone.\n\n\
         | call | operation | here | right | called by the SDK in |\n|---|---|---|---|---|\n",
        rows.len()
    );
    for ((path, method), row) in &rows {
        let here = if row.is_offered { "offered" } else { "501" };
        let call = format!(".{}(", row.name);
        let programs = SDK_PROGRAMS.iter().filter(|(_, program)| program.contains(&call));
        let programs: Vec<&str> = programs.map(|(name, _)| *name).collect();
        let right = if row.is_offered { permission::words(&row.name) } else { String::new() };
        let programs = programs.join(", ");
        writeln!(text, "| {method} `{path}` | {} | {here} | {right} | {programs} |", row.name)
            .expect("a text has room");
    }
    text
}

#[test]
fn every_operation_of_drs_is_offered_or_named() {
    assert_eq!(rows().len(), DRS_OPERATIONS);
}

#[test]
fn the_checked_in_table_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api-coverage.md");
    let generated = table();
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &generated).expect("written");
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == generated,
        "docs/api-coverage.md is not current: set {UPDATE}=1 and test again"
    );
}
