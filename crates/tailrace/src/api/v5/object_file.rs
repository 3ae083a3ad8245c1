//! Objects from a file and into one: `…/db-object/template`. For links to Kafka DRS takes the JSON of the objects' PUT, as it
//! is or in a zip, for links to databases a workbook; here each link takes all of them.

use std::io::{Cursor, Read as _};

use axum::{Json, response::Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    api::{
        call::JobCall,
        error::{ApiError, Dialect, ErrorBody},
        file_body::FileBody,
        json,
        query::QueryText,
    },
    control::{Refusal, Result, endpoint::DbType, objects::ObjectScope},
};

use super::{
    delete::unsupported,
    export,
    object_tree::{DbObjectInput, DbObjectsView},
    refused,
};

/// Bytes of a JSON or text file.
const TEXT_BYTES_MAX: usize = 5 << 20;
/// Bytes of a zip.
const ZIP_BYTES_MAX: usize = 1 << 20;
/// Bytes of what is in it.
const UNPACKED_BYTES_MAX: u64 = 20 << 20;
/// Files that are taken.
const ALLOWED: &str = "a file .json or .txt of at most 5 MB, a .zip of at most 1 MB with one such file of at most 20 MB, or an .xlsx of at most 5 MB";

/// How an import went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5UploadDbObjectTemplateResponse)]
pub(crate) struct Imported {
    /// The file was taken.
    pub send_success: bool,
    /// `success`: it is read before it is answered.
    pub process_status: &'static str,
    /// Objects of the asked level in it, as text.
    pub parsed_success_number: String,
}

/// A file with objects.
#[derive(Debug, ToSchema)]
#[schema(as = V5UploadDbObjectTemplateRequestBody)]
#[expect(dead_code, reason = "it is a form, which is read part by part")]
pub(crate) struct ImportForm {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}

/// Selects the objects that a file names.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/db-object/template", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("file_import_db_level" = Option<String>, Query, description = "database, table")),
    request_body(content = ImportForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Imported), (status = 400, body = ErrorBody)))]
pub(crate) async fn upload_db_object_template(
    call: JobCall,
    query: QueryText,
    file: FileBody,
) -> Result<Json<Imported>, ApiError> {
    let level = level(&query).map_err(refused)?;
    let text = if is_workbook(&file.name) {
        let info = export::objects_of_workbook(&file.content).map_err(refused)?;
        json!({"object_scope": level.name(), "object_info": info}).to_string().into_bytes()
    } else {
        content(&file).map_err(refused)?
    };
    let objects = objects_of(&text)?;
    let selection = objects.into_control().map_err(refused)?;
    if selection.scope != level {
        let (scope, allowed) = (selection.scope.name(), level.name());
        return Err(refused(Refusal::invalid("file.object_scope", scope, allowed)));
    }
    let count = match level {
        ObjectScope::Table => {
            selection.databases.iter().map(|one| one.tables.as_ref().map_or(0, Vec::len)).sum()
        }
        ObjectScope::Database | ObjectScope::All => selection.databases.len(),
    };
    let JobCall { control, caller, job_id } = call;
    control.select_objects(&caller, &job_id, selection).await.map_err(refused)?;
    Ok(Json(imported(count)))
}

/// Links to databases have their objects in workbooks in DRS.
fn is_workbook(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, kind)| kind.eq_ignore_ascii_case("xlsx"))
}

fn imported(count: usize) -> Imported {
    Imported {
        send_success: true,
        process_status: "success",
        parsed_success_number: count.to_string(),
    }
}

/// How the import of the objects that are selected now went: files are read before they are answered.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/db-object/template/progress",
    tag = "v5 objects", params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = Imported), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_db_object_template_progress(
    call: JobCall,
) -> Result<Json<Imported>, ApiError> {
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    let selection = job.edited_selection.as_ref().or(job.selection.as_ref());
    let count = selection.map_or(0, |selection| {
        let tables = selection.databases.iter().map(|one| one.tables.as_ref().map_or(1, Vec::len));
        tables.sum()
    });
    Ok(Json(imported(count)))
}

/// A file to begin with.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/db-object/template", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("file_import_db_level" = Option<String>, Query, description = "database, table")),
    responses((status = 200, content_type = "application/octet-stream"), (status = 400, body = ErrorBody)))]
pub(crate) async fn download_db_object_template(
    call: JobCall,
    query: QueryText,
) -> Result<Response, ApiError> {
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    let example = match level(&query).map_err(refused)? {
        ObjectScope::Table => json!({
            "object_scope": "table",
            "object_info": {"database_1": {"name": "database_1", "all": false, "tables": {
                "table_1": {"name": "table_1", "type": "table", "all": true},
                "table_2": {"name": "other_name", "type": "table", "all": true}}}},
        }),
        ObjectScope::Database | ObjectScope::All => json!({
            "object_scope": "database",
            "object_info": {"database_1": {"name": "database_1", "all": true}},
        }),
    };
    if job.engine.target() == DbType::GaussDbV5 {
        let file = export::workbook_of_objects(&example["object_info"]).map_err(refused)?;
        return Ok(export::attachment("objects-template.xlsx", file));
    }
    Ok(attachment("objects-template.json", &example))
}

/// The objects of a job as a file, in the form in which they are imported.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/db-object/template/result",
    tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("type" = String, Query, description = "detail, change (what is selected), synchronized (what is in force)")),
    responses((status = 200, content_type = "application/octet-stream"), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_db_object_template_result(
    call: JobCall,
    query: QueryText,
) -> Result<Response, ApiError> {
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    let selection = match query.required("type").map_err(refused)? {
        "synchronized" => job.selection.as_ref(),
        "detail" | "change" => job.edited_selection.as_ref().or(job.selection.as_ref()),
        other => {
            let allowed = "detail, synchronized, change";
            return Err(refused(Refusal::invalid("type", other, allowed)));
        }
    };
    let view = serde_json::to_value(DbObjectsView::of_selection(selection))
        .map_err(|e| refused(Refusal::internal(e)))?;
    let file = json!({"object_scope": view["object_scope"], "object_info": view["object_info"]});
    Ok(attachment("objects.json", &file))
}

fn attachment(name: &str, content: &Value) -> Response {
    export::attachment(name, format!("{content:#}\n").into_bytes())
}

/// `file_import_db_level`, tables by default.
fn level(query: &QueryText) -> Result<ObjectScope> {
    match query.text("file_import_db_level") {
        None | Some("table") => Ok(ObjectScope::Table),
        Some("database") => Ok(ObjectScope::Database),
        Some(other @ ("column" | "partition" | "compare_key")) => {
            Err(unsupported(format!("file_import_db_level {other}"), "database, table"))
        }
        Some(other) => Err(Refusal::invalid("file_import_db_level", other, "database, table")),
    }
}

/// The text of a file, unpacked if it is a zip.
fn content(file: &FileBody) -> Result<Vec<u8>> {
    let wrong = |what: String| Err(Refusal::invalid("file", what, ALLOWED));
    let size = file.content.len();
    match file.name.rsplit_once('.').map(|(_, kind)| kind.to_ascii_lowercase()).as_deref() {
        Some("json" | "txt") if size > TEXT_BYTES_MAX => wrong(format!("{size} bytes")),
        Some("json" | "txt") => Ok(file.content.to_vec()),
        Some("zip") if size > ZIP_BYTES_MAX => wrong(format!("{size} bytes")),
        Some("zip") => unpacked(&file.content),
        _ => wrong(file.name.clone()),
    }
}

/// The only file of a zip.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>> {
    let wrong = |what: String| Refusal::invalid("file", what, ALLOWED);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))
        .map_err(|e| wrong(format!("it is no zip: {e}")))?;
    if archive.len() != 1 {
        return Err(wrong(format!("a zip of {} files", archive.len())));
    }
    let packed = archive.by_index(0).map_err(|e| wrong(format!("it cannot be unpacked: {e}")))?;
    let mut text = Vec::new();
    // What it says of its own size is not believed.
    let read = packed.take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|e| wrong(format!("it cannot be unpacked: {e}")))?;
    if text.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(wrong(format!("more than {UNPACKED_BYTES_MAX} bytes unpacked")));
    }
    Ok(text)
}

/// The objects of a file: alone, or as `db_object`, or in the whole body of the objects' PUT.
fn objects_of(text: &[u8]) -> Result<DbObjectInput, ApiError> {
    let malformed = |message| ApiError::bad_request(Dialect::V5, message);
    let mut value = json::parse(text).map_err(malformed)?;
    for path in ["/job/params/db_object", "/params/db_object", "/db_object"] {
        if let Some(inner) = value.pointer_mut(path) {
            value = inner.take();
            break;
        }
    }
    json::read(value.to_string().as_bytes()).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(name: &str, content: &[u8]) -> FileBody {
        FileBody { name: name.to_owned(), content: content.to_vec().into() }
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a file");
            zip.write_all(content).expect("its content");
        }
        zip.finish().expect("a zip").into_inner()
    }

    #[test]
    fn files_are_taken_as_they_are_or_unpacked() {
        assert_eq!(content(&file("a.JSON", b"{}")).expect("a file"), b"{}");
        let zip = zipped(&[("x/objects.txt", b"{\"a\":1}")]);
        assert_eq!(content(&file("a.zip", &zip)).expect("a zip"), b"{\"a\":1}");
    }

    #[test]
    fn files_that_are_too_large_or_of_another_kind_are_refused() {
        let large = vec![b' '; TEXT_BYTES_MAX + 1];
        // It packs to little.
        let bomb = zipped(&[("a.json", &vec![b' '; 21 << 20])]);
        let two = zipped(&[("a.json", b"{}"), ("b.json", b"{}")]);
        for (name, bytes, wanted) in [
            ("a.xlsx", b"{}".as_slice(), "a.xlsx"),
            ("a", b"{}", "\"a\""),
            ("a.json", &large, "5242881 bytes"),
            ("a.zip", &large, "5242881 bytes"),
            ("a.zip", b"PK", "no zip"),
            ("a.zip", &bomb, "more than"),
            ("a.zip", &two, "2 files"),
        ] {
            let refusal = content(&file(name, bytes)).expect_err(wanted).to_string();
            assert!(refusal.contains(wanted) && refusal.contains("5 MB"), "{refusal}");
        }
    }

    #[test]
    fn objects_are_found_in_every_wrapping() {
        let objects = r#"{"object_scope":"database","object_info":{"d":{"all":true}}}"#;
        for text in [
            objects.to_owned(),
            format!(r#"{{"db_object":{objects}}}"#),
            format!(r#"{{"job":{{"type":"db_object","params":{{"db_object":{objects}}}}}}}"#),
        ] {
            let found = objects_of(text.as_bytes()).expect("objects");
            assert_eq!(found.object_scope.as_deref(), Some("database"));
            assert!(found.object_info.contains_key("d"));
        }
        assert!(objects_of(b"[1]").is_err());
        assert!(objects_of(b"{").is_err());
    }
}
