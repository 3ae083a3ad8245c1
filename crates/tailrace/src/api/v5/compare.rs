//! Comparisons in DRS's form: what a task is asked to do, and its results by table, database and row.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        call::JobCall, compare_input::comparison, job_input::start_time, kept::non_empty,
        query::QueryText, text_or_integer::TextOrInteger, time,
    },
    control::{
        Refusal, Result,
        compare::{
            CompareInput, CompareKind, CompareStatus, ComparedTable, Comparison, RowDifference,
            TableOutcome,
        },
        job::Page,
    },
};

use super::{delete::unsupported, missing, object_tree::DatabaseInput};

const COMPARE_TYPES: &str = "object_compare, line_compare, content_compare, data_compare";
const QUERY_TYPES: &str = "overview, list, detail, diff";

/// What is compared.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5CompareTaskParams)]
pub(crate) struct CompareTaskInput {
    /// The task, for `cancel_compare`.
    pub compare_task_id: Option<String>,
    /// `object`, `lines`, `contents`, or Tailrace's own `random`: contents of a sample
    pub r#type: Option<String>,
    /// Tailrace's own, with `random`: percent of the rows.
    pub proportion_value: Option<f64>,
    /// When, milliseconds of the Unix epoch as text; absent is now.
    pub start_time: Option<TextOrInteger>,
    /// `comparePolicy: normal`, `contentCompareType: dynamic` or `static`, `lobCompare: ignore`
    #[serde(default)]
    pub option: BTreeMap<String, String>,
    /// Databases with their tables; absent is all that the job has.
    #[serde(default)]
    pub db_object: BTreeMap<String, DatabaseInput>,
    /// Filters of a comparison are not offered: those of the job are in force.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub data_process_info: Vec<Value>,
}

impl CompareTaskInput {
    /// The task that is meant.
    pub(crate) fn id(self) -> Result<String> {
        non_empty(self.compare_task_id).ok_or_else(|| missing("compare_task_id"))
    }

    /// What control needs to know.
    pub(crate) fn into_control(self) -> Result<CompareInput> {
        let name = non_empty(self.r#type).ok_or_else(|| missing("type"))?;
        if !self.data_process_info.is_empty() {
            return Err(unsupported("data_process_info of a comparison".to_owned(), "none"));
        }
        let asked = comparison("type", &name, &self.option, self.proportion_value)?;
        let mut tables = BTreeMap::new();
        for (database, input) in self.db_object {
            let whole = input.all.unwrap_or(input.tables.is_empty());
            let named: BTreeSet<String> = input.tables.into_keys().collect();
            if !whole && named.is_empty() {
                let field = format!("db_object.{database}.tables");
                return Err(Refusal::invalid(field, "none", "tables, or all: true"));
            }
            tables.insert(database, (!whole).then_some(named));
        }
        let start_ms = start_time("start_time", self.start_time)?;
        Ok(CompareInput { tables, start_ms, ..asked })
    }
}

/// Comparisons; which members are filled depends on `compare_type` and `query_type`.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5CompareResultInfo)]
pub(crate) struct CompareView {
    /// `object_compare`: the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects_compare_overview_info: Option<ObjectsView>,
    /// `object_compare`, `detail`: databases or tables.
    pub objects_compare_detail_infos: Vec<ObjectDetailView>,
    /// Tasks.
    pub data_compare_task_list: Vec<TaskView>,
    /// `line_compare`, `overview`: databases.
    pub line_compare_overview_infos: Vec<LineOverviewView>,
    /// `line_compare`, `detail`: tables.
    pub line_compare_detail_infos: Vec<LineDetailView>,
    /// `content_compare`, `overview`: databases.
    pub content_compare_overview_infos: Vec<ContentOverviewView>,
    /// `content_compare`, `detail`: tables.
    pub content_compare_detail_infos: Vec<ContentDetailView>,
    /// `content_compare`, `diff`: rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_diff_detail_info: Option<DiffView>,
}

/// A comparison of rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5CompareJobInfo)]
pub(crate) struct TaskView {
    /// Id.
    pub id: String,
    /// `object`, `lines` or `contents`
    pub r#type: &'static str,
    /// When it began, or is to begin.
    pub start_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// `WAITING_FOR_RUNNING`, `RUNNING`, `SUCCESSFUL`, `FAILED` or `CANCELLED`
    pub status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
    /// Tailrace's own: rows of the source read so far.
    pub rows_read: u64,
    /// Tailrace's own: messages read so far.
    pub messages_read: u64,
    /// Tailrace's own: it rests until it is told to go on.
    pub is_paused: bool,
}

/// A comparison of objects.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ObjectsCompareTaskInfo)]
pub(crate) struct ObjectsView {
    /// Id.
    pub compare_job_id: String,
    /// When it was asked for.
    pub create_time: String,
    /// When it began.
    pub start_time: Option<String>,
    /// As that of other tasks.
    pub status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
    /// Databases and tables by number.
    pub compare_results: Vec<ObjectCountView>,
}

/// How many objects there are of a kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ObjectsCompareOverviewInfo)]
pub(crate) struct ObjectCountView {
    /// `DB` or `TABLE`
    pub r#type: &'static str,
    /// At the source.
    pub source_count: usize,
    /// Of those, with topics.
    pub target_count: usize,
    /// `CONSISTENT` or `INCONSISTENT`
    pub status: &'static str,
}

/// An object and its topic.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ObjectsCompareDetailInfo)]
pub(crate) struct ObjectDetailView {
    /// Name at the source.
    pub source_db_value: String,
    /// Name in messages; absent if its topic is missing.
    pub target_db_value: Option<String>,
    /// Database at the source.
    pub source_db_name: String,
    /// Database in messages.
    pub target_db_name: String,
    /// What is wrong.
    pub error_message: Option<String>,
}

/// Numbers of rows in a database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5LineCompareOverviewInfo)]
pub(crate) struct LineOverviewView {
    /// Database at the source.
    pub source_db_name: String,
    /// Database in messages.
    pub target_db_name: String,
    /// The worst of its tables.
    pub status: &'static str,
}

/// Numbers of rows of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5TableLineCompareDetailInfo)]
pub(crate) struct LineDetailView {
    /// Table at the source.
    pub source_table_name: String,
    /// Its rows.
    pub source_row_num: String,
    /// Table in messages.
    pub target_table_name: String,
    /// Rows that a consumer ends with.
    pub target_row_num: String,
    /// The difference between the two.
    pub difference_row_num: String,
    /// `CONSISTENT`, `INCONSISTENT`, `FAILED_TO_COMPARE`, `TARGET_DB_NOT_EXIST` or `CAN_NOT_COMPARE`
    pub status: &'static str,
    /// What a reader should know.
    pub message: String,
}

/// Rows of a database.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ContentCompareOverviewInfo)]
pub(crate) struct ContentOverviewView {
    /// Database at the source.
    pub source_db: String,
    /// Database in messages.
    pub target_db: String,
    /// The worst of its tables.
    pub status: &'static str,
    /// All of them are equal.
    pub compare_result: bool,
}

/// Rows of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ContentCompareDetailInfo)]
pub(crate) struct ContentDetailView {
    /// Database at the source.
    pub source_db: String,
    /// Database in messages.
    pub target_db: String,
    /// Table at the source.
    pub source_table_name: String,
    /// Table in messages.
    pub target_table_name: String,
    /// Rows of the source.
    pub source_row_num: u64,
    /// Rows that a consumer ends with.
    pub target_row_num: u64,
    /// Rows that differ, or are on one side only.
    pub difference_row_num: u64,
    /// There are as many.
    pub line_compare_result: bool,
    /// They are the same.
    pub content_compare_result: bool,
    /// What a reader should know.
    pub message: String,
    /// Tailrace's own: topic.
    pub topic: String,
    /// Tailrace's own: rows that only the source has.
    pub missing_row_num: u64,
    /// Tailrace's own: rows that only the topic has.
    pub extra_row_num: u64,
    /// Tailrace's own: place of the source's log up to which everything was compared.
    pub position: Option<String>,
    /// As with numbers of rows.
    pub status: &'static str,
}

/// Rows that differ.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5ContentDiffDetailInfo)]
pub(crate) struct DiffView {
    /// How many are listed in all.
    pub count: usize,
    /// Of those, rows that only the source has.
    pub target_meta_is_null: usize,
    /// Of those, rows that only the topic has.
    pub source_meta_is_null: usize,
    /// Of those, rows with other content.
    pub source_target_meta_not_null: usize,
    /// This page.
    pub contents_infos: Vec<DiffRowView>,
}

/// A row that differs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ContentDiffDetailVO)]
pub(crate) struct DiffRowView {
    /// Key at the source, as messages write it; empty if it is not there.
    pub source_key_value: Vec<String>,
    /// Key in the topic; empty if it is not there.
    pub target_key_value: Vec<String>,
    /// How to look at it at the source.
    pub source_select_sql: String,
    /// Where its last message is.
    pub target_select_sql: String,
    /// Statement that would repair the target's row, of a target that is a database: Tailrace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_sql: Option<String>,
    /// Tailrace's own: table at the source.
    pub source_table_name: String,
    /// Tailrace's own: columns that differ.
    pub columns: Vec<String>,
}

/// What `GET …/jobs/{job_id}?type=compare` shows.
pub(crate) async fn view(call: &JobCall, query: &QueryText) -> Result<CompareView> {
    let compare_type = query.text("compare_type").unwrap_or("data_compare");
    let kind = match compare_type {
        "data_compare" => return tasks(call, query).await,
        "object_compare" => CompareKind::Object,
        "line_compare" => CompareKind::Lines,
        "content_compare" => CompareKind::Contents,
        other => return Err(Refusal::invalid("compare_type", other, COMPARE_TYPES)),
    };
    let Some(mut task) = task(call, query, kind).await? else { return Ok(CompareView::default()) };
    if query.text("query_type") == Some("diff") {
        let JobCall { control, caller, job_id } = call;
        task = control.comparison_with_rows(caller, job_id, &task.id).await?;
    }
    let (database, target) = (query.text("source_db_name"), query.text("target_db_name"));
    let of_database = |table: &&ComparedTable| {
        database.is_none_or(|name| table.database == name)
            && target.is_none_or(|name| table.target_database == name)
    };
    let tables: Vec<&ComparedTable> =
        task.tables.iter().filter(of_database).filter(detail_filter(query)?).collect();
    let page = query.page()?;
    let mut view = CompareView::default();
    match (kind, query.text("query_type").unwrap_or("overview")) {
        (_, "list") => return tasks(call, query).await,
        (CompareKind::Object, "overview") => {
            view.objects_compare_overview_info = Some(objects(&task));
        }
        (CompareKind::Object, "detail") => {
            let databases = query.text("object_type") == Some("DB");
            let all = object_details(&tables, databases);
            view.objects_compare_detail_infos = page.of(all).collect();
        }
        (CompareKind::Lines, "overview") => {
            view.line_compare_overview_infos = overview(&tables, CompareKind::Lines)
                .into_iter()
                .map(|(source_db_name, target_db_name, status)| LineOverviewView {
                    source_db_name,
                    target_db_name,
                    status,
                })
                .collect();
        }
        (CompareKind::Lines, "detail") => {
            view.line_compare_detail_infos = page.of(tables).map(line_detail).collect();
        }
        (CompareKind::Contents, "overview") => {
            view.content_compare_overview_infos = overview(&tables, CompareKind::Contents)
                .into_iter()
                .map(|(source_db, target_db, status)| ContentOverviewView {
                    source_db,
                    target_db,
                    status,
                    compare_result: status == CONSISTENT,
                })
                .collect();
        }
        (CompareKind::Contents, "detail") => {
            view.content_compare_detail_infos = page.of(tables).map(content_detail).collect();
        }
        (CompareKind::Contents, "diff") => {
            let name = query.text("source_table_name");
            let tables = tables.into_iter().filter(|one| name.is_none_or(|name| one.table == name));
            view.content_diff_detail_info = Some(diff(tables, page));
        }
        (_, other) => return Err(Refusal::invalid("query_type", other, QUERY_TYPES)),
    }
    Ok(view)
}

/// `compare_detail_type`: tables that were compared, or those that could not be.
fn detail_filter(query: &QueryText) -> Result<impl Fn(&&ComparedTable) -> bool> {
    let wanted = match query.text("compare_detail_type") {
        None => None,
        Some("compare") => Some(true),
        Some("uncompare") => Some(false),
        Some(other) => {
            return Err(Refusal::invalid("compare_detail_type", other, "compare, uncompare"));
        }
    };
    Ok(move |table: &&ComparedTable| {
        let compared =
            matches!(table.outcome, TableOutcome::Consistent | TableOutcome::Inconsistent);
        wanted.is_none_or(|wanted| compared == wanted)
    })
}

/// The tasks of a job.
async fn tasks(call: &JobCall, query: &QueryText) -> Result<CompareView> {
    let JobCall { control, caller, job_id } = call;
    let page = query.page()?;
    let all = match query.text("compare_task_id") {
        Some(id) => vec![control.comparison(caller, job_id, id).await?],
        None => control.comparisons(caller, job_id).await?,
    };
    Ok(CompareView {
        data_compare_task_list: page.of(all).map(task_view).collect(),
        ..CompareView::default()
    })
}

/// The task that is asked for, or the newest one of the kind.
async fn task(call: &JobCall, query: &QueryText, kind: CompareKind) -> Result<Option<Comparison>> {
    let JobCall { control, caller, job_id } = call;
    let Some(id) = query.text("compare_task_id") else {
        let all = control.comparisons(caller, job_id).await?;
        return Ok(all.into_iter().find(|task| task.input.kind == kind));
    };
    let task = control.comparison(caller, job_id, id).await?;
    // Rows that were compared are counted too.
    let fits = task.input.kind == kind
        || (task.input.kind, kind) == (CompareKind::Contents, CompareKind::Lines);
    if fits {
        return Ok(Some(task));
    }
    let allowed = format!("a task of type {}", kind.name());
    Err(Refusal::invalid("compare_task_id", id, allowed))
}

pub(crate) fn status(status: CompareStatus) -> &'static str {
    match status {
        CompareStatus::Waiting => "WAITING_FOR_RUNNING",
        CompareStatus::Running => "RUNNING",
        CompareStatus::Successful => "SUCCESSFUL",
        CompareStatus::Failed => "FAILED",
        CompareStatus::Cancelled => "CANCELLED",
    }
}

fn task_view(task: Comparison) -> TaskView {
    TaskView {
        id: task.id,
        r#type: task.input.kind.name(),
        start_time: task.started_ms.or(task.input.start_ms).map(time::iso),
        end_time: task.ended_ms.map(time::iso),
        status: status(task.status),
        error_msg: task.error,
        rows_read: task.rows_read,
        messages_read: task.messages_read,
        is_paused: task.is_paused,
    }
}

const CONSISTENT: &str = "CONSISTENT";
const INCONSISTENT: &str = "INCONSISTENT";

/// Names of results from the best to the worst.
const RESULTS: [&str; 5] =
    [CONSISTENT, "CAN_NOT_COMPARE", "FAILED_TO_COMPARE", "TARGET_DB_NOT_EXIST", INCONSISTENT];

pub(crate) fn result(table: &ComparedTable, kind: CompareKind) -> &'static str {
    match table.outcome {
        TableOutcome::TopicMissing => "TARGET_DB_NOT_EXIST",
        TableOutcome::Impossible => "CAN_NOT_COMPARE",
        _ if kind == CompareKind::Lines && table.source_rows == table.target_rows => CONSISTENT,
        TableOutcome::Consistent => CONSISTENT,
        TableOutcome::Inconsistent => INCONSISTENT,
        TableOutcome::Undecided => "FAILED_TO_COMPARE",
    }
}

/// Databases at the source and in messages, each with the worst result of its tables.
pub(crate) fn overview(
    tables: &[&ComparedTable],
    kind: CompareKind,
) -> Vec<(String, String, &'static str)> {
    let mut worst: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for table in tables {
        let names = (table.database.as_str(), table.target_database.as_str());
        let result = result(table, kind);
        let rank = RESULTS.iter().position(|name| *name == result).unwrap_or(0);
        let place = worst.entry(names).or_default();
        *place = (*place).max(rank);
    }
    let named = worst.into_iter().map(|((source, target), rank)| {
        let result = RESULTS.get(rank).copied().unwrap_or(INCONSISTENT);
        (source.to_owned(), target.to_owned(), result)
    });
    named.collect()
}

fn has_topic(table: &ComparedTable) -> bool {
    !matches!(table.outcome, TableOutcome::TopicMissing | TableOutcome::Impossible)
}

pub(crate) fn objects(task: &Comparison) -> ObjectsView {
    let databases = |tables: &mut dyn Iterator<Item = &ComparedTable>| {
        tables.map(|table| table.database.as_str()).collect::<BTreeSet<_>>().len()
    };
    let count = |r#type, source_count: usize, target_count: usize| ObjectCountView {
        r#type,
        source_count,
        target_count,
        status: if source_count == target_count { CONSISTENT } else { INCONSISTENT },
    };
    let there = || task.tables.iter().filter(|table| has_topic(table));
    ObjectsView {
        compare_job_id: task.id.clone(),
        create_time: time::iso(task.created_ms),
        start_time: task.started_ms.map(time::iso),
        status: status(task.status),
        error_msg: task.error.clone(),
        compare_results: vec![
            count("DB", databases(&mut task.tables.iter()), databases(&mut there())),
            count("TABLE", task.tables.len(), there().count()),
        ],
    }
}

pub(crate) fn object_details(tables: &[&ComparedTable], databases: bool) -> Vec<ObjectDetailView> {
    if databases {
        let all = overview(tables, CompareKind::Object).into_iter();
        return all
            .map(|(source, target, result)| ObjectDetailView {
                source_db_value: source.clone(),
                target_db_value: (result == CONSISTENT).then(|| target.clone()),
                error_message: (result != CONSISTENT).then(|| result.to_owned()),
                source_db_name: source,
                target_db_name: target,
            })
            .collect();
    }
    let detail = |table: &&ComparedTable| ObjectDetailView {
        source_db_value: table.table.clone(),
        target_db_value: has_topic(table).then(|| table.target_table.clone()),
        source_db_name: table.database.clone(),
        target_db_name: table.target_database.clone(),
        error_message: (!table.notes.is_empty()).then(|| table.notes.join("; ")),
    };
    tables.iter().map(detail).collect()
}

fn line_detail(table: &ComparedTable) -> LineDetailView {
    LineDetailView {
        source_table_name: table.table.clone(),
        source_row_num: table.source_rows.to_string(),
        target_table_name: table.target_table.clone(),
        target_row_num: table.target_rows.to_string(),
        difference_row_num: table.source_rows.abs_diff(table.target_rows).to_string(),
        status: result(table, CompareKind::Lines),
        message: table.notes.join("; "),
    }
}

fn content_detail(table: &ComparedTable) -> ContentDetailView {
    let result = result(table, CompareKind::Contents);
    ContentDetailView {
        source_db: table.database.clone(),
        target_db: table.target_database.clone(),
        source_table_name: table.table.clone(),
        target_table_name: table.target_table.clone(),
        source_row_num: table.source_rows,
        target_row_num: table.target_rows,
        difference_row_num: table.difference_rows(),
        line_compare_result: result != "CAN_NOT_COMPARE" && table.source_rows == table.target_rows,
        content_compare_result: result == CONSISTENT,
        message: table.notes.join("; "),
        topic: table.topic.clone(),
        missing_row_num: table.missing,
        extra_row_num: table.extra,
        position: table.position.clone(),
        status: result,
    }
}

pub(crate) fn diff<'t>(tables: impl Iterator<Item = &'t ComparedTable>, page: Page) -> DiffView {
    let rows: Vec<(&ComparedTable, &RowDifference)> = tables
        .flat_map(|table| table.differences.iter().map(move |difference| (table, difference)))
        .collect();
    let of_kind = |kind: &str| rows.iter().filter(|(_, one)| one.kind == kind).count();
    DiffView {
        count: rows.len(),
        target_meta_is_null: of_kind("missing"),
        source_meta_is_null: of_kind("extra"),
        source_target_meta_not_null: of_kind("content"),
        contents_infos: page.of(&rows).map(|(table, one)| diff_row(table, one)).collect(),
    }
}

fn diff_row(table: &ComparedTable, difference: &RowDifference) -> DiffRowView {
    let key: Vec<String> = difference.key.iter().map(|(_, value)| plain(value)).collect();
    let side = |is_there: bool| if is_there { key.clone() } else { Vec::new() };
    let terms: Vec<String> = difference
        .key
        .iter()
        .map(|(name, value)| format!("`{}` = '{}'", name, plain(value).replace('\'', "''")))
        .collect();
    let select = format!(
        "SELECT * FROM `{}`.`{}` WHERE {}",
        table.database,
        table.table,
        terms.join(" AND ")
    );
    let message = difference.last_message.map(|(partition, offset)| {
        format!("topic {}, partition {partition}, offset {offset}", table.topic)
    });
    let (source_select, target_select, repair) = match &difference.statements {
        Some(statements) => (
            statements.source_select.clone(),
            statements.target_select.clone(),
            statements.repair.clone(),
        ),
        None if terms.is_empty() => (String::new(), message.unwrap_or_default(), None),
        None => (select, message.unwrap_or_default(), None),
    };
    DiffRowView {
        source_key_value: side(difference.kind != "extra"),
        target_key_value: side(difference.kind != "missing"),
        source_select_sql: source_select,
        target_select_sql: target_select,
        repair_sql: repair,
        source_table_name: table.table.clone(),
        columns: difference.columns.clone(),
    }
}

/// A value without the quotes of JSON.
fn plain(value: &str) -> String {
    serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned())
}
