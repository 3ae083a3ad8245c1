//! Columns of tables: read at the source, chosen and renamed.

use std::collections::BTreeSet;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        query::QueryText,
        v5::{delete::unsupported, missing, refused},
    },
    control::{
        Refusal, Result,
        job::Job,
        objects::TableMapping,
        rules::TableRule,
        source_look::{SourceColumn, TableColumns},
    },
};

use super::{
    Started,
    object_id::ObjectId,
    view::{self, ColumnView},
};

/// Which tables' columns are read.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5QueryColumnReq)]
pub(crate) struct CollectRequest {
    /// Read them anew.
    pub is_force_refresh: Option<bool>,
    /// Tables, 1..=500.
    #[serde(default)]
    pub db_object_infos: Vec<TableInput>,
}

/// A table.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5SelectDbTableObjectInfo)]
pub(crate) struct TableInput {
    /// Database.
    pub db_name: Option<String>,
    /// Of Oracle the schema.
    pub schema_name: Option<String>,
    /// Table.
    pub table_name: Option<String>,
}

impl TableInput {
    fn names(self, i: usize) -> Result<(String, String)> {
        let field = |name: &str| missing(&format!("db_object_infos[{i}].{name}"));
        // Of Oracle both may be given; there the schema has the tables.
        let database = non_empty(self.schema_name).or(non_empty(self.db_name));
        let database = database.ok_or_else(|| field("db_name"))?;
        Ok((database, non_empty(self.table_name).ok_or_else(|| field("table_name"))?))
    }
}

/// Begins to read the columns of tables.
#[utoipa::path(post, path = "/v5/{project_id}/job/{job_id}/columns/collect", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = CollectRequest,
    responses((status = 202, body = Started), (status = 400, body = ErrorBody)))]
pub(crate) async fn collect_columns(
    call: JobCall,
    V5Body(body): V5Body<CollectRequest>,
) -> Result<Response, ApiError> {
    let tables = body.db_object_infos.into_iter().enumerate();
    let tables: Result<Vec<_>> = tables.map(|(i, table)| table.names(i)).collect();
    let refresh = body.is_force_refresh.unwrap_or(false);
    let tables = tables.map_err(refused)?;
    let id = call.control.collect_columns(&call.caller, &call.job_id, refresh, tables).await;
    let id = id.map_err(refused)?;
    let started = Started { id, status: "pending", job_id: call.job_id };
    Ok((StatusCode::ACCEPTED, Json(started)).into_response())
}

/// Answer of `columns`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowColumnInfoResultResponse)]
pub(crate) struct ColumnResults {
    /// Tables of the page.
    pub results: Vec<TableColumnsView>,
    /// Tables in all; 0 while they are read.
    pub total_count: usize,
    /// `pending`, `success`: Tailrace's own.
    pub status: &'static str,
}

/// Columns of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5TableColumns)]
pub(crate) struct TableColumnsView {
    /// Database.
    pub db_name: String,
    /// Always empty; of Oracle the database is the schema.
    pub schema_name: &'static str,
    /// Table.
    pub table_name: String,
    /// Columns in order.
    pub column_infos: Vec<FoundColumnView>,
    /// How many.
    pub total_count: usize,
}

/// A column of the source, with what is chosen of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5FoundColumn)]
pub(crate) struct FoundColumnView {
    /// Type, in the words of the source.
    pub column_type: String,
    /// `PRI`, `UNI`, or empty.
    pub primary_key_or_unique_index: String,
    /// What is chosen of it.
    #[serde(flatten)]
    pub chosen: ColumnView,
}

/// Columns that were read.
#[utoipa::path(get, path = "/v5/{project_id}/job/{job_id}/columns", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("query_id" = String, Query),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = ColumnResults), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_column_info_result(
    call: JobCall,
    query: QueryText,
) -> Result<Json<ColumnResults>, ApiError> {
    results(&call, &query).await.map(Json).map_err(refused)
}

async fn results(call: &JobCall, query: &QueryText) -> Result<ColumnResults> {
    let JobCall { control, caller, job_id } = call;
    let (id, page) = (query.required("query_id")?, query.page()?);
    let (status, tables) = control.collected_columns(caller, job_id, id).await?;
    let job = control.get(caller, job_id).await?;
    let total_count = tables.len();
    let view = |table: TableColumns| {
        let mapping = mapping_of(&job, &table.database, &table.table);
        let infos = table.columns.into_iter().map(|column| FoundColumnView {
            chosen: chosen(&mapping, &column),
            column_type: column.type_name,
            primary_key_or_unique_index: column.key,
        });
        let column_infos: Vec<_> = infos.collect();
        TableColumnsView {
            db_name: table.database,
            schema_name: "",
            table_name: table.table,
            total_count: column_infos.len(),
            column_infos,
        }
    };
    let results = page.of(tables).map(view).collect();
    Ok(ColumnResults { results, total_count, status: status.name() })
}

fn mapping_of(job: &Job, database: &str, table: &str) -> TableMapping {
    let all = view::ruled(job).into_iter();
    let mut of = all.filter(|one| one.database == database && one.table == table);
    of.next().map(|one| one.mapping.clone()).unwrap_or_default()
}

fn chosen(mapping: &TableMapping, column: &SourceColumn) -> ColumnView {
    let name = &column.name;
    ColumnView {
        column_name: name.clone(),
        column_mapped_name: mapping.renamed.get(name).unwrap_or(name).clone(),
        is_filtered: mapping.columns.as_ref().is_some_and(|columns| !columns.contains(name)),
        is_partition_key: mapping.partition_columns.iter().flatten().any(|one| one == name),
    }
}

/// Which tables' columns are shown.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ShowColumnInfoReq)]
pub(crate) struct ShowRequest {
    /// They are always read anew.
    #[expect(dead_code, reason = "for the document: they are always read anew")]
    pub refresh: Option<bool>,
    /// Tables, `database-*-*-table`, 1..=500.
    #[serde(default)]
    pub object_ids: Vec<String>,
}

/// Answer of `column-info`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowColumnInfosResponse)]
pub(crate) struct ColumnInfos {
    /// Columns of the tables.
    pub column_map_infos: Vec<ColumnMapView>,
    /// The tables of the job that have columns of their own choice.
    pub object_with_column_infos: Vec<ObjectView>,
}

/// Columns of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ColumnMappingInfo)]
pub(crate) struct ColumnMapView {
    /// `database-*-*-table`
    pub object_id: String,
    /// Columns.
    pub column_info_lists: Vec<ColumnInfoView>,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ColumnInfo)]
pub(crate) struct ColumnInfoView {
    /// Name.
    pub column_name: String,
    /// Type, in the words of the source.
    pub column_type: String,
    /// `PRI`, `UNI`, or empty.
    pub key_type: String,
    /// Name in messages.
    pub column_mapped_name: String,
    /// It is filtered out.
    pub status: bool,
    /// It decides the partition.
    pub partition: bool,
}

/// An object with columns of its own choice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ObjectWithColumnInfo)]
pub(crate) struct ObjectView {
    /// `database-*-*-table`
    pub id: String,
    /// `database`
    pub parent_id: String,
    /// `table`
    pub r#type: &'static str,
    /// Table.
    pub name: String,
    /// Its name in messages.
    pub alias_name: String,
    /// Always true.
    pub has_column_info: bool,
    /// Always false.
    pub is_support_expand: bool,
    /// Whether it is in force.
    pub is_sent: bool,
}

/// Reads the columns of tables, with what is chosen of them.
#[utoipa::path(post, path = "/v5/{project_id}/job/{job_id}/column-info", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = ShowRequest,
    responses((status = 200, body = ColumnInfos), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_column_infos(
    call: JobCall,
    V5Body(body): V5Body<ShowRequest>,
) -> Result<Json<ColumnInfos>, ApiError> {
    shown(&call, body).await.map(Json).map_err(refused)
}

async fn shown(call: &JobCall, body: ShowRequest) -> Result<ColumnInfos> {
    let JobCall { control, caller, job_id } = call;
    let mut tables = Vec::with_capacity(body.object_ids.len());
    for (i, id) in body.object_ids.iter().enumerate() {
        let ObjectId { database, table } = ObjectId::read(&format!("object_ids[{i}]"), id)?;
        tables.push((database, table));
    }
    if tables.is_empty() {
        return Err(missing("object_ids"));
    }
    let found = control.read_columns(caller, job_id, tables).await?;
    let job = control.get(caller, job_id).await?;
    let view = |table: TableColumns| {
        let mapping = mapping_of(&job, &table.database, &table.table);
        let columns = table.columns.into_iter().map(|column| {
            let ColumnView { column_name, column_mapped_name, is_filtered, is_partition_key } =
                chosen(&mapping, &column);
            ColumnInfoView {
                column_name,
                column_type: column.type_name,
                key_type: column.key,
                column_mapped_name,
                status: is_filtered,
                partition: is_partition_key,
            }
        });
        ColumnMapView {
            object_id: ObjectId::text(&table.database, &table.table),
            column_info_lists: columns.collect(),
        }
    };
    Ok(ColumnInfos {
        column_map_infos: found.into_iter().map(view).collect(),
        object_with_column_infos: with_columns(&job),
    })
}

/// The tables of a job that have columns of their own choice.
fn with_columns(job: &Job) -> Vec<ObjectView> {
    let chooses = |mapping: &TableMapping| {
        mapping.columns.is_some()
            || mapping.partition_columns.is_some()
            || !mapping.renamed.is_empty()
            || !mapping.added.is_empty()
    };
    let all = view::ruled(job).into_iter().filter(|one| chooses(one.mapping));
    all.map(|one| ObjectView {
        id: ObjectId::text(one.database, one.table),
        parent_id: one.database.to_owned(),
        r#type: "table",
        name: one.table.to_owned(),
        alias_name: one.mapping.target.clone().unwrap_or_else(|| one.table.to_owned()),
        has_column_info: true,
        is_support_expand: false,
        is_sent: one.is_sent,
    })
    .collect()
}

/// Answer of `object-column-info`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowObjectColumnInfoResponse)]
pub(crate) struct ObjectList {
    /// Tables of the page.
    pub object_with_column_infos: Vec<ObjectView>,
}

/// Lists the tables that have columns of their own choice.
#[utoipa::path(get, path = "/v5/{project_id}/job/{job_id}/object-column-info", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("object_id" = Option<String>, Query),
        ("is_refresh" = Option<bool>, Query), ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = ObjectList), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_object_column_info(
    call: JobCall,
    query: QueryText,
) -> Result<Json<ObjectList>, ApiError> {
    let page = query.page().map_err(refused)?;
    query.boolean("is_refresh", false).map_err(refused)?;
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    let mut all = with_columns(&job);
    if let Some(id) = query.text("object_id") {
        // A database's id is that of its tables' parent.
        all.retain(|one| one.id == id || one.parent_id == id);
    }
    Ok(Json(ObjectList { object_with_column_infos: page.of(all).collect() }))
}

/// What is chosen of columns.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ModifyColumnInfoReq)]
pub(crate) struct ModifyRequest {
    /// Tables, 1..=500.
    #[serde(default)]
    pub column_map_infos: Vec<ColumnMapInput>,
}

/// What is chosen of a table's columns.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ColumnMappingInput)]
pub(crate) struct ColumnMapInput {
    /// `database-*-*-table`
    pub object_id: Option<String>,
    /// All of its columns; one that is not named is delivered as it is unless another is filtered out.
    #[serde(default)]
    pub column_info_lists: Vec<ColumnInput>,
}

/// What is chosen of a column.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ColumnInfoInput)]
pub(crate) struct ColumnInput {
    /// Name.
    pub column_name: Option<String>,
    /// Name in messages.
    pub column_mapped_name: Option<String>,
    /// It is filtered out.
    pub status: Option<bool>,
    /// It decides the partition.
    pub partition: Option<bool>,
    /// Masking; not offered.
    pub desensitization_algorithm: Option<String>,
}

/// Answer of a change of columns.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ModifyColumnInfosResponse)]
pub(crate) struct Modified {
    /// True.
    pub modify_result: bool,
}

/// Chooses columns of tables that are selected.
#[utoipa::path(post, path = "/v5/{project_id}/job/{job_id}/column-info-modification", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = ModifyRequest,
    responses((status = 200, body = Modified), (status = 400, body = ErrorBody)))]
pub(crate) async fn modify_column_infos(
    call: JobCall,
    V5Body(body): V5Body<ModifyRequest>,
) -> Result<Json<Modified>, ApiError> {
    let rules = body.into_control().map_err(refused)?;
    call.control.set_rules(&call.caller, &call.job_id, &rules).await.map_err(refused)?;
    Ok(Json(Modified { modify_result: true }))
}

impl ModifyRequest {
    fn into_control(self) -> Result<Vec<TableRule>> {
        if self.column_map_infos.is_empty() {
            return Err(missing("column_map_infos"));
        }
        let mut rules = Vec::with_capacity(self.column_map_infos.len());
        for (i, table) in self.column_map_infos.into_iter().enumerate() {
            let path = format!("column_map_infos[{i}]");
            let field = format!("{path}.object_id");
            let id = non_empty(table.object_id).ok_or_else(|| missing(&field))?;
            let ObjectId { database, table: name } = ObjectId::read(&field, &id)?;
            let mut columns = Vec::with_capacity(table.column_info_lists.len());
            for (j, column) in table.column_info_lists.into_iter().enumerate() {
                columns.push(column.rule(&format!("{path}.column_info_lists[{j}]"))?);
            }
            let (columns, partition) =
                super::input::chosen(&format!("{path}.column_info_lists"), columns)?;
            rules.push(TableRule {
                database,
                table: name,
                columns: Some(columns),
                partition_columns: Some(partition),
                ..TableRule::default()
            });
        }
        Ok(rules)
    }
}

impl ColumnInput {
    fn rule(self, path: &str) -> Result<super::input::ColumnRule> {
        if let Some(algorithm) = non_empty(self.desensitization_algorithm) {
            let what = format!("{path}.desensitization_algorithm {algorithm}");
            return Err(unsupported(what, "columns as they are, or none (status true)"));
        }
        Ok(super::input::ColumnRule {
            column_name: self.column_name,
            column_mapped_name: self.column_mapped_name,
            is_filtered: self.status,
            is_partition_key: self.partition,
        })
    }
}

/// Whose choice of columns goes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5DeleteColumnInfoReq)]
pub(crate) struct DeleteRequest {
    /// Tables, `database-*-*-table`
    #[serde(default)]
    pub table_ids: Vec<String>,
    /// Of Oracle: all tables of these schemas.
    #[serde(default)]
    pub schema_ids: Vec<String>,
    /// All tables of these databases.
    #[serde(default)]
    pub db_ids: Vec<String>,
}

/// Answer of a deletion.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DeleteColumnInfosResponse)]
pub(crate) struct Deleted {
    /// True.
    pub delete_result: bool,
}

/// Delivers all columns of tables under their own names again.
#[utoipa::path(delete, path = "/v5/{project_id}/job/{job_id}/column-info", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = DeleteRequest,
    responses((status = 200, body = Deleted), (status = 400, body = ErrorBody)))]
pub(crate) async fn delete_column_infos(
    call: JobCall,
    V5Body(body): V5Body<DeleteRequest>,
) -> Result<Json<Deleted>, ApiError> {
    delete(&call, body).await.map_err(refused)?;
    Ok(Json(Deleted { delete_result: true }))
}

async fn delete(call: &JobCall, body: DeleteRequest) -> Result<()> {
    let JobCall { control, caller, job_id } = call;
    let job = control.get(caller, job_id).await?;
    let there: Vec<_> = with_columns(&job);
    let parents: BTreeSet<&String> = body.schema_ids.iter().chain(&body.db_ids).collect();
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for (i, id) in body.table_ids.iter().enumerate() {
        ObjectId::read(&format!("table_ids[{i}]"), id)?;
        ids.insert(id.clone());
    }
    ids.extend(
        there.iter().filter(|one| parents.contains(&one.parent_id)).map(|one| one.id.clone()),
    );
    if ids.is_empty() && parents.is_empty() {
        return Err(missing("table_ids"));
    }
    let mut rules = Vec::new();
    for id in &ids {
        let ObjectId { database, table } = ObjectId::read("table_ids", id)?;
        rules.push(TableRule {
            database,
            table,
            columns: Some(Default::default()),
            partition_columns: Some(None),
            added: Some(Default::default()),
            ..TableRule::default()
        });
    }
    if rules.is_empty() {
        // Databases whose tables have no choice of columns.
        return Ok(());
    }
    control.set_rules(caller, job_id, &rules).await.map(drop).map_err(|refusal| match refusal {
        Refusal::Invalid { value, allowed, .. } => Refusal::invalid("table_ids", value, allowed),
        other => other,
    })
}
