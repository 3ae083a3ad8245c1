//! Jobs in a workbook: a row per job, with its objects on a sheet of their own.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    api::{
        json,
        v5::{
            batch_async::{AsyncJobInput, merge_values},
            detail_view::JobDetail,
            object_tree::DbObjectsView,
        },
    },
    control::{
        Refusal, Result,
        batch::BATCH_JOBS_MAX,
        job::{Engine, Job},
        view::Parameter,
    },
};

use super::{
    columns::{self, COLUMNS, Column, MORE, MORE_NOTE},
    objects,
    sheet::{self, Rows, Sheet},
};

/// Name of the sheet of jobs.
const SHEET: &str = "jobs";
/// Characters of a value that an error shows.
const SHOWN_CHARS_MAX: usize = 200;

/// What is wrong with a row of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V5ImportErrorMessageResp)]
pub(crate) struct RowError {
    /// Sheet.
    pub sheet_name: String,
    /// Number of the row, from 1, under the name that DRS has for it.
    pub row_rum: String,
    /// Column, and what is in it.
    pub value: String,
    /// What is wrong.
    pub error_message: String,
}

/// A workbook of jobs; of none it is a template to begin with.
///
/// # Errors
/// [`Refusal::Unsupported`] for a job that no cell can hold.
pub(super) fn write(jobs: &[(Job, Vec<Parameter>)]) -> Result<Vec<u8>> {
    let names = COLUMNS.iter().map(|column| column.name).chain([MORE]);
    let mut sheet =
        Sheet { name: SHEET, header: names.map(str::to_owned).collect(), rows: Vec::new() };
    let header = [objects::JOB].into_iter().chain(objects::HEADER);
    let mut selected = Sheet {
        name: objects::SHEET,
        header: header.map(str::to_owned).collect(),
        rows: Vec::new(),
    };
    for (job, parameters) in jobs {
        let (row, of_objects) = rows_of(job, parameters)?;
        sheet.rows.push(row);
        let named = |row: Vec<String>| [job.name.clone()].into_iter().chain(row).collect();
        selected.rows.extend(of_objects.into_iter().map(named));
    }
    sheet::write(&[sheet, selected, notes()])
}

fn notes() -> Sheet {
    let note = |name: &str, text: &str| vec![name.to_owned(), text.to_owned()];
    let mut rows: Vec<_> = COLUMNS.iter().map(|c| note(c.name, c.note)).collect();
    rows.push(note(MORE, MORE_NOTE));
    rows.push(note(
        "sheet objects",
        "A row for each database that is selected whole (no table), else for each table",
    ));
    Sheet { name: "notes", header: note("column", "what it is"), rows }
}

/// A job's row, and those of its objects.
fn rows_of(job: &Job, parameters: &[Parameter]) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let mut value = serde_json::to_value(JobDetail::of(job)).map_err(Refusal::internal)?;
    columns::drop_known(&mut value);
    let objects = serde_json::to_value(DbObjectsView::of_selection(job.selection.as_ref()))
        .map_err(Refusal::internal)?;
    value["db_object"] = json!({"object_scope": objects["object_scope"], "target_root_db": objects["target_root_db"]});
    let set = parameters.iter().filter(|p| p.value != p.default_value);
    let set: Vec<_> = set.map(|p| json!({"param_name": p.name, "param_value": p.value})).collect();
    value["tuning_params"] = json!({ "full_sync": set });
    let mut row: Vec<_> = COLUMNS.iter().map(|c| columns::take(&mut value, c)).collect();
    row.push(if columns::prune(&mut value) { value.to_string() } else { String::new() });
    Ok((row, objects::rows(&objects["object_info"])))
}

/// Reads a workbook of jobs, in the form in which a batch takes them; else what is wrong with it, row by row.
///
/// # Errors
/// [`Refusal::Invalid`] for what is no such workbook.
pub(super) fn read(file: &[u8]) -> Result<Result<Vec<Value>, Vec<RowError>>> {
    let sheets = sheet::read(file, &[SHEET, objects::SHEET])?;
    let [jobs, selected] = sheets.as_slice() else {
        return Err(Refusal::internal("two sheets were asked for"));
    };
    if jobs.is_empty() || jobs.len() > BATCH_JOBS_MAX {
        let allowed = format!("1..={BATCH_JOBS_MAX} rows in the sheet {SHEET}");
        return Err(Refusal::invalid("file", format!("{} rows", jobs.len()), allowed));
    }
    let mut errors = Vec::new();
    let mut infos = infos(jobs, selected, &mut errors);
    let mut read = Vec::with_capacity(jobs.len());
    for (number, row) in jobs {
        let objects = row.get("name").and_then(|name| infos.remove(name));
        match job_of(row, objects.unwrap_or_default()) {
            Ok(job) => read.push(job),
            Err((column, value, allowed)) => {
                errors.push(error(SHEET, *number, &column, &value, &allowed));
            }
        }
    }
    Ok(if errors.is_empty() { Ok(read) } else { Err(errors) })
}

/// `object_info` of each job, by its name.
fn infos(
    jobs: &Rows,
    selected: &Rows,
    errors: &mut Vec<RowError>,
) -> BTreeMap<String, serde_json::Map<String, Value>> {
    let mut infos: BTreeMap<String, serde_json::Map<String, Value>> = BTreeMap::new();
    let is_there = |name: &String| jobs.values().any(|row| row.get("name") == Some(name));
    for (number, row) in selected {
        let Some(name) = row.get(objects::JOB).filter(|name| is_there(name)) else {
            let name = row.get(objects::JOB).map_or("", String::as_str);
            let allowed = "the name of a job of the sheet jobs";
            errors.push(error(objects::SHEET, *number, objects::JOB, name, allowed));
            continue;
        };
        let info = infos.entry(name.clone()).or_default();
        if let Err((column, value, allowed)) = objects::add(info, row) {
            errors.push(error(objects::SHEET, *number, column, &value, allowed));
        }
    }
    infos
}

type Wrong = (String, String, String);

/// The job of a row.
fn job_of(
    row: &BTreeMap<String, String>,
    info: serde_json::Map<String, Value>,
) -> Result<Value, Wrong> {
    let mut job = json!({});
    for column in COLUMNS {
        let Some(text) = row.get(column.name) else { continue };
        columns::put(&mut job, column, text)
            .map_err(|allowed| (column.name.to_owned(), text.clone(), allowed))?;
    }
    if let Some(text) = row.get(MORE) {
        let more = serde_json::from_str(text).ok().filter(Value::is_object);
        let wrong = || (MORE.to_owned(), text.clone(), "a JSON object".to_owned());
        merge_values(&mut job, &more.ok_or_else(wrong)?);
    }
    let engine = row.get("engine_type").map(|name| Engine::parse(name));
    let engine = engine.unwrap_or_else(|| Err(Refusal::Missing { field: String::new() }));
    let named = |refusal| wrong_in("engine_type", row, refusal);
    columns::fill_in(&mut job, engine.map_err(named)?);
    if !info.is_empty() {
        *columns::place(&mut job, "db_object/object_info") = Value::Object(info);
    }
    let typed = json::member::<AsyncJobInput>("", &job);
    typed.map_err(|message| (String::new(), String::new(), message.text(Default::default())))?;
    Ok(job)
}

/// A refusal of a column's value.
fn wrong_in(column: &str, row: &BTreeMap<String, String>, refusal: Refusal) -> Wrong {
    let value = row.get(column).cloned().unwrap_or_default();
    let allowed = match refusal {
        Refusal::Invalid { allowed, .. } => allowed,
        Refusal::Missing { .. } => "a value".to_owned(),
        other => other.to_string(),
    };
    (column.to_owned(), value, allowed)
}

/// A password is not shown.
fn error(sheet: &str, row: u32, column: &str, value: &str, allowed: &str) -> RowError {
    let is_secret = |column: &Column| column.path.contains("password");
    let hidden = COLUMNS.iter().any(|one| one.name == column && is_secret(one)) || column == MORE;
    let shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    RowError {
        sheet_name: sheet.to_owned(),
        row_rum: row.to_string(),
        value: if hidden { column.to_owned() } else { format!("{column}: {shown}") },
        error_message: if column.is_empty() {
            allowed.to_owned()
        } else {
            format!("The value of column {column} is invalid. Allowed: {allowed}.")
        },
    }
}
