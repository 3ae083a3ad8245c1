//! Row filters by the newer calls: `filter-rules`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        query::QueryText,
        v5::{
            delete::{Empty, unsupported},
            missing, refused,
        },
    },
    control::{
        Refusal, Result,
        job::{Job, Page},
        rules::TableRule,
    },
};

use super::{
    input::short,
    object_id::ObjectId,
    refuse_compare,
    view::{self, Ruled},
};

/// Row filters.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5DataFilterRuleReq)]
pub(crate) struct FiltersRequest {
    /// `common`
    pub data_filter_type: Option<String>,
    /// `job`
    pub source: Option<String>,
    /// Filters with their tables.
    #[serde(default)]
    pub general_filtering_list: Vec<FilterInput>,
    /// Of joined tables; not offered.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub advanced_setting_list: Vec<serde_json::Value>,
}

/// A filter.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5GeneralTransformationReq)]
pub(crate) struct FilterInput {
    /// Its tables.
    #[serde(default)]
    pub filter_object_list: Vec<FilterObject>,
    /// Condition as behind WHERE, at most 512 characters.
    pub source_filter_condition: Option<String>,
}

/// A table.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5DataFilterObjectInfo)]
pub(crate) struct FilterObject {
    /// `database-*-*-table`
    pub id: Option<String>,
    /// `database`; the id tells it too.
    #[expect(dead_code, reason = "for the document: the id tells it too")]
    pub parent_id: Option<String>,
    /// `table`
    pub object_name: Option<String>,
    /// Its name in messages; not changed here.
    #[expect(dead_code, reason = "for the document: a filter does not change it")]
    pub object_alias_name: Option<String>,
    /// `table`
    pub object_type: Option<String>,
}

impl FiltersRequest {
    fn into_control(self) -> Result<Vec<TableRule>> {
        refuse_compare("source", self.source.as_deref())?;
        check_kind("data_filter_type", self.data_filter_type.as_deref())?;
        if !self.advanced_setting_list.is_empty() {
            return Err(unsupported("advanced_setting_list", "general_filtering_list"));
        }
        if self.general_filtering_list.is_empty() {
            return Err(missing("general_filtering_list"));
        }
        let mut rules = Vec::new();
        for (i, filter) in self.general_filtering_list.into_iter().enumerate() {
            let path = format!("general_filtering_list[{i}]");
            let field = format!("{path}.source_filter_condition");
            let condition = short(&field, filter.source_filter_condition)?;
            let condition = condition.ok_or_else(|| missing(&field))?;
            if filter.filter_object_list.is_empty() {
                return Err(missing(&format!("{path}.filter_object_list")));
            }
            for (j, object) in filter.filter_object_list.into_iter().enumerate() {
                let ObjectId { database, table } =
                    object.table(&format!("{path}.filter_object_list[{j}]"))?;
                let filter = Some(Some(condition.clone()));
                rules.push(TableRule { database, table, filter, ..TableRule::default() });
            }
        }
        Ok(rules)
    }
}

impl FilterObject {
    fn table(self, path: &str) -> Result<ObjectId> {
        match self.object_type.as_deref() {
            None | Some("" | "table") => {}
            Some(other) => {
                return Err(Refusal::invalid(format!("{path}.object_type"), other, "table"));
            }
        }
        let field = format!("{path}.id");
        let id = non_empty(self.id).ok_or_else(|| missing(&field))?;
        let table = ObjectId::read(&field, &id)?;
        if let Some(name) = non_empty(self.object_name).filter(|name| *name != table.table) {
            return Err(Refusal::invalid(format!("{path}.object_name"), name, table.table));
        }
        Ok(table)
    }
}

fn check_kind(field: &str, kind: Option<&str>) -> Result<()> {
    match kind {
        None | Some("" | "common") => Ok(()),
        Some("config") => Err(unsupported(format!("{field} config"), "common")),
        Some(other) => Err(Refusal::invalid(field, other, "common")),
    }
}

/// Sets row filters of tables that are selected.
#[utoipa::path(put, path = "/v5/{project_id}/jobs/{job_id}/filter-rules", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = FiltersRequest,
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn save_data_filter_rules(
    call: JobCall,
    V5Body(body): V5Body<FiltersRequest>,
) -> Result<Json<Empty>, ApiError> {
    let rules = body.into_control().map_err(refused)?;
    call.control.set_rules(&call.caller, &call.job_id, &rules).await.map_err(refused)?;
    Ok(Json(Empty {}))
}

/// Answer of what is asked for now and answered later.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5FilterRulesQuery)]
pub(crate) struct Asked {
    /// For the call that tells the result.
    pub id: String,
}

fn asked(id: String) -> Response {
    (StatusCode::ACCEPTED, Json(Asked { id })).into_response()
}

/// Tries row filters at the source; `data-filtering/result` tells what came of it.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/check-filter-rules", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = FiltersRequest,
    responses((status = 202, body = Asked), (status = 400, body = ErrorBody)))]
pub(crate) async fn check_data_filter_rules(
    call: JobCall,
    V5Body(body): V5Body<FiltersRequest>,
) -> Result<Response, ApiError> {
    let rules = body.into_control().map_err(refused)?;
    let id = call.control.check_filters(&call.caller, &call.job_id, rules).await;
    Ok(asked(id.map_err(refused)?))
}

/// Which row filters are asked for.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = V5QueryDataFilterRuleReq)]
pub(crate) struct FiltersQuery {
    /// `common`, `config` (of which there are none)
    pub filter_type: Option<String>,
    /// Those too that are not in force yet; by default they are.
    pub is_all_rules: Option<bool>,
    /// Entries at most, 1..=1000; 10 by default.
    pub limit: Option<u64>,
    /// Entries to leave out.
    pub offset: Option<u64>,
}

/// Asks for row filters.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/filter-rules", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = FiltersQuery,
    responses((status = 202, body = Asked), (status = 400, body = ErrorBody)))]
pub(crate) async fn collect_data_filter_rules(
    call: JobCall,
    V5Body(body): V5Body<FiltersQuery>,
) -> Result<Response, ApiError> {
    check(&body).map_err(refused)?;
    let question = serde_json::to_string(&body).map_err(|e| refused(Refusal::internal(e)))?;
    let id = call.control.ask_rules(&call.caller, &call.job_id, &question).await;
    Ok(asked(id.map_err(refused)?))
}

fn check(query: &FiltersQuery) -> Result<()> {
    match query.filter_type.as_deref() {
        None | Some("") => return Err(missing("filter_type")),
        Some("common" | "config") => {}
        Some(other) => return Err(Refusal::invalid("filter_type", other, "common, config")),
    }
    let max = Page::LIMIT_MAX;
    match query.limit {
        Some(limit) if !(1..=max).contains(&limit) => {
            Err(Refusal::invalid("limit", limit, format!("1..={max}")))
        }
        _ => Ok(()),
    }
}

/// Answer of `filter-rules/result`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5ShowDataFilterRulesResultResponse)]
pub(crate) struct FilterList {
    /// Filters in all.
    pub total_count: usize,
    /// Those of the page.
    pub rules: Vec<FilterView>,
    /// `success`
    pub status: &'static str,
}

/// The filter of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DataFilterRuleResp)]
pub(crate) struct FilterView {
    /// Number of the rule, by which it is deleted.
    pub batch_id: u32,
    /// Its table.
    pub filter_object_list: Vec<FilterObjectView>,
    /// Its condition.
    pub filter_rules_resp: FilterConditionView,
}

/// The table of a filter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DataFilterObjectResp)]
pub(crate) struct FilterObjectView {
    /// Number of the rule.
    pub batch_id: u32,
    /// `database-*-*-table`
    pub id: String,
    /// `database`
    pub parent_id: String,
    /// Table.
    pub object_name: String,
    /// Its name in messages.
    pub object_alias_name: String,
    /// `table`
    pub object_type: &'static str,
    /// Database.
    pub db_name: String,
    /// Always empty.
    pub schema_name: &'static str,
    /// Table.
    pub table_name: String,
    /// `true`
    pub is_data_filter: &'static str,
    /// `common`
    pub data_filter_type: &'static str,
    /// Condition.
    pub filter_condition: String,
    /// Whether it is in force.
    pub is_synchronized: bool,
}

/// The condition of a filter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5GeneralDataFilterResp)]
pub(crate) struct FilterConditionView {
    /// At the source, where rows are filtered.
    pub source_filter_condition: String,
    /// Always empty.
    pub target_filter_condition: &'static str,
    /// `false`
    pub condition_separated: &'static str,
}

/// Row filters that were asked for.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/filter-rules/result", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("query_id" = String, Query)),
    responses((status = 200, body = FilterList), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_data_filter_rules_result(
    call: JobCall,
    query: QueryText,
) -> Result<Json<FilterList>, ApiError> {
    list(&call, &query).await.map(Json).map_err(refused)
}

async fn list(call: &JobCall, query: &QueryText) -> Result<FilterList> {
    let JobCall { control, caller, job_id } = call;
    let question = control.asked_rules(caller, job_id, query.required("query_id")?).await?;
    let asked: FiltersQuery = serde_json::from_str(&question).map_err(Refusal::internal)?;
    let job = control.get(caller, job_id).await?;
    let mut all = filters(&job);
    if asked.is_all_rules == Some(false) {
        all.retain(|one| one.filter_object_list.iter().all(|object| object.is_synchronized));
    }
    if asked.filter_type.as_deref() == Some("config") {
        all.clear();
    }
    let page = Page { offset: asked.offset.unwrap_or(0), limit: asked.limit.unwrap_or(10) };
    let total_count = all.len();
    Ok(FilterList { total_count, rules: page.of(all).collect(), status: "success" })
}

fn filters(job: &Job) -> Vec<FilterView> {
    let with = view::ruled(job).into_iter();
    with.filter_map(|one| Some(filter(&one, one.mapping.filter.as_ref()?))).collect()
}

fn filter(one: &Ruled<'_>, condition: &str) -> FilterView {
    let batch_id = number(one);
    let object = FilterObjectView {
        batch_id,
        id: ObjectId::text(one.database, one.table),
        parent_id: one.database.to_owned(),
        object_name: one.table.to_owned(),
        object_alias_name: one.mapping.target.clone().unwrap_or_else(|| one.table.to_owned()),
        object_type: "table",
        db_name: one.database.to_owned(),
        schema_name: "",
        table_name: one.table.to_owned(),
        is_data_filter: "true",
        data_filter_type: "common",
        filter_condition: condition.to_owned(),
        is_synchronized: one.is_sent,
    };
    let filter_rules_resp = FilterConditionView {
        source_filter_condition: condition.to_owned(),
        target_filter_condition: "",
        condition_separated: "false",
    };
    FilterView { batch_id, filter_object_list: vec![object], filter_rules_resp }
}

/// The number of a table's rule: of its names, so that it stays when others go.
fn number(one: &Ruled<'_>) -> u32 {
    let digest = Sha256::digest(ObjectId::text(one.database, one.table));
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) & 0x7fff_ffff
}

/// Which row filters go.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5DeleteDataFilterRuleReq)]
pub(crate) struct FiltersDeletion {
    /// Their numbers, `batch_id`.
    #[serde(default)]
    pub rule_ids: Vec<i64>,
    /// `common`
    pub r#type: Option<String>,
}

/// Removes row filters that are not in force yet.
#[utoipa::path(delete, path = "/v5/{project_id}/jobs/{job_id}/filter-rules", tag = "v5 rules",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = FiltersDeletion,
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn delete_data_filter_rules(
    call: JobCall,
    V5Body(body): V5Body<FiltersDeletion>,
) -> Result<Json<Empty>, ApiError> {
    delete(&call, body).await.map_err(refused)?;
    Ok(Json(Empty {}))
}

async fn delete(call: &JobCall, body: FiltersDeletion) -> Result<()> {
    let JobCall { control, caller, job_id } = call;
    let kind = non_empty(body.r#type).ok_or_else(|| missing("type"))?;
    check_kind("type", Some(&kind))?;
    if body.rule_ids.is_empty() {
        return Err(missing("rule_ids"));
    }
    let job = control.get(caller, job_id).await?;
    let there = view::ruled(&job);
    let mut rules = Vec::with_capacity(body.rule_ids.len());
    for (i, id) in body.rule_ids.iter().enumerate() {
        let found =
            there.iter().find(|one| one.mapping.filter.is_some() && i64::from(number(one)) == *id);
        let field = format!("rule_ids[{i}]");
        let one = found.ok_or_else(|| Refusal::invalid(field, id, "the batch_id of a rule"))?;
        rules.push(TableRule {
            database: one.database.to_owned(),
            table: one.table.to_owned(),
            filter: Some(None),
            ..TableRule::default()
        });
    }
    control.set_rules(caller, job_id, &rules).await.map(drop)
}
