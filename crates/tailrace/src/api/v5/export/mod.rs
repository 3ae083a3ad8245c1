//! Files for users to fetch: lists of jobs, and jobs as templates by which others are created.

mod columns;
pub(crate) mod creation;
pub(crate) mod files;
pub(crate) mod jobs;
mod objects;
mod sheet;
mod template;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::control::{Control, Refusal, Result};

pub(super) use files::attachment;
use sheet::Sheet;

/// Answer of an export.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ExportJobListResponse)]
pub(crate) struct ExportStarted {
    /// For `…/export/progress`.
    pub id: String,
    /// Of a template: `success`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
}

/// `20261201T030000Z`
fn stamp(control: &Control) -> String {
    let now = Timestamp::from_millisecond(control.now_ms()).unwrap_or_default();
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The objects of a workbook in the form of `object_info`: a row per database that is selected whole, else per table.
///
/// # Errors
/// [`Refusal::Invalid`] for what is no such workbook, and for a row with its number.
pub(super) fn objects_of_workbook(file: &[u8]) -> Result<Map<String, Value>> {
    let mut info = Map::new();
    for (number, row) in sheet::read(file, &[objects::SHEET])?.iter().flatten() {
        objects::add(&mut info, row).map_err(|(column, value, allowed)| {
            let field = format!("file.{}[{number}].{column}", objects::SHEET);
            Refusal::invalid(field, value, allowed)
        })?;
    }
    Ok(info)
}

/// A workbook of objects.
///
/// # Errors
/// [`Refusal::Unsupported`] for what no cell can hold.
pub(super) fn workbook_of_objects(info: &Value) -> Result<Vec<u8>> {
    let header = objects::HEADER.map(str::to_owned).to_vec();
    sheet::write(&[Sheet { name: objects::SHEET, header, rows: objects::rows(info) }])
}
