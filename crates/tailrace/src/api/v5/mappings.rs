//! `POST …/object-mappings`: what of the source becomes what at the target.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::OptionalV5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
    },
    control::{
        Refusal, Result,
        endpoint::DbType,
        job::{Job, Page},
        objects::{DatabaseChoice, TableMapping},
    },
};

use super::refused;

/// Entries of one answer at most.
const LIMIT_MAX: u64 = 1000;

/// Which mappings are asked for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5QueryUserSelectedObjectInfoReq)]
pub(crate) struct MappingsRequest {
    /// Database at the source; of Oracle none.
    pub db_name: Option<String>,
    /// Schema at the source, of Oracle the owner.
    pub schema_name: Option<String>,
    /// Table at the source.
    pub table_name: Option<String>,
    /// Only tables with columns or rows of their own choice, or only others.
    pub has_column_info: Option<bool>,
    /// Entries to leave out.
    pub offset: Option<u64>,
    /// Entries at most, 1 to 1000; 10 by default.
    pub limit: Option<u64>,
}

/// The mappings of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowObjectMappingResponse)]
pub(crate) struct MappingsAnswer {
    /// Entries in all.
    pub count: usize,
    /// Those of the page.
    pub object_mapping_list: Vec<MappingView>,
}

/// One object at both ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V5DbObjectInfo)]
pub(crate) struct MappingView {
    /// The object's full name at the source.
    pub object_name: String,
    /// Database at the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_db_name: Option<String>,
    /// Schema at the source, where it has schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_schema_name: Option<String>,
    /// Table at the source; absent for a database with all of its tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_table_name: Option<String>,
    /// Database at the target, or in messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_db_name: Option<String>,
    /// Schema at the target, where it has schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_schema_name: Option<String>,
    /// Table at the target, or in messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_table_name: Option<String>,
    /// Whether columns or rows of it are chosen.
    pub has_column_info: bool,
}

/// Lists what the selected objects are at the target.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/object-mappings", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = MappingsRequest,
    responses((status = 200, body = MappingsAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_object_mapping(
    call: JobCall,
    OptionalV5Body(body): OptionalV5Body<MappingsRequest>,
) -> Result<Json<MappingsAnswer>, ApiError> {
    let limit = body.limit.unwrap_or(10);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(refused(Refusal::invalid("limit", limit, format!("1..={LIMIT_MAX}"))));
    }
    let page = Page { offset: body.offset.unwrap_or(0), limit };
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    let wanted = |asked: &Option<String>, has: &Option<String>| {
        let asked = non_empty(asked.clone());
        asked.is_none_or(|asked| has.as_ref() == Some(&asked))
    };
    let all: Vec<MappingView> = mappings(&job)
        .into_iter()
        .filter(|one| {
            wanted(&body.db_name, &one.source_db_name)
                && wanted(&body.schema_name, &one.source_schema_name)
                && wanted(&body.table_name, &one.source_table_name)
                && body.has_column_info.is_none_or(|has| has == one.has_column_info)
        })
        .collect();
    let count = all.len();
    Ok(Json(MappingsAnswer { count, object_mapping_list: page.of(all).collect() }))
}

fn mappings(job: &Job) -> Vec<MappingView> {
    let databases = job.selection.iter().flat_map(|selection| &selection.databases);
    databases.flat_map(|database| of_database(job, database)).collect()
}

fn of_database(job: &Job, database: &DatabaseChoice) -> Vec<MappingView> {
    let Some(selection) = &job.selection else { return Vec::new() };
    let has_schemas = job.engine.target() == DbType::GaussDbV5;
    let root = selection.target_database.clone().or_else(|| job.target.database.clone());
    let mapping = selection.mappings.databases.get(&database.name);
    let of_all = mapping.and_then(|mapping| mapping.target.clone());
    let view = |table: Option<&String>| {
        let own = table.zip(mapping).and_then(|(table, mapping)| mapping.tables.get(table));
        let above = own.and_then(|own| own.database.clone()).or_else(|| of_all.clone());
        let above = Some(above.unwrap_or_else(|| database.name.clone()));
        let target = own.and_then(|own| own.target.clone()).or_else(|| table.cloned());
        let object_name = match table {
            Some(table) => format!("{}.{table}", database.name),
            None => database.name.clone(),
        };
        let source = Some(database.name.clone());
        let (source_db_name, source_schema_name) =
            if has_schemas { (None, source) } else { (source, None) };
        let (target_db_name, target_schema_name) =
            if has_schemas { (root.clone(), above) } else { (above, None) };
        MappingView {
            object_name,
            source_db_name,
            source_schema_name,
            source_table_name: table.cloned(),
            target_db_name,
            target_schema_name,
            target_table_name: target,
            has_column_info: own.is_some_and(chooses),
        }
    };
    match &database.tables {
        None => vec![view(None)],
        Some(tables) => tables.iter().map(|table| view(Some(table))).collect(),
    }
}

/// Whether more than names is chosen of a table.
fn chooses(own: &TableMapping) -> bool {
    let names = TableMapping {
        database: own.database.clone(),
        target: own.target.clone(),
        ..TableMapping::default()
    };
    *own != names
}
