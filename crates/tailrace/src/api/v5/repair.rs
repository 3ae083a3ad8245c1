//! Repairs of what comparisons found: what `start_repair` takes, and how one is shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{call::JobCall, query::QueryText, time},
    control::{
        Refusal, Result,
        compare::RowDifference,
        repair::{Repair, RepairInput, RepairStatus, RepairedTable, RowRepair},
    },
};

use super::missing;

/// What is to be repaired.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ActionParamsRepairInfo)]
pub(crate) struct RepairInfo {
    /// The comparison of contents that found it.
    pub query_id: Option<String>,
    /// Tables; absent: every one with differences.
    #[serde(default)]
    pub objects: Vec<RepairObject>,
}

/// A table to repair.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ActionParamsRepairInfoObjects)]
pub(crate) struct RepairObject {
    /// Database at the source, of Oracle the owner.
    pub database: Option<String>,
    /// The owner too, where it is said apart.
    pub schema: Option<String>,
    /// Table at the source; absent: all of the database.
    pub table: Option<String>,
}

impl RepairInfo {
    /// What the control plane takes.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Invalid`].
    pub(crate) fn into_control(self) -> Result<RepairInput> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let comparison = given(self.query_id).ok_or_else(|| missing("query_id"))?;
        let mut tables: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
        for (number, object) in self.objects.into_iter().enumerate() {
            let database = given(object.schema).or_else(|| given(object.database));
            let database =
                database.ok_or_else(|| missing(&format!("objects[{number}].database")))?;
            match given(object.table) {
                None => {
                    tables.insert(database, None);
                }
                Some(table) => {
                    let named = tables.entry(database).or_insert_with(|| Some(BTreeSet::new()));
                    if let Some(named) = named {
                        named.insert(table);
                    }
                }
            }
        }
        Ok(RepairInput { comparison, tables })
    }
}

/// How far a repair is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5JobDetailRespRepairProgressInfo)]
pub(crate) struct RepairProgressView {
    /// `RUNNING`, `SUCCESSFUL`, `FAILED`, `STOPPED`
    pub status: &'static str,
    /// Per cent of the rows that were looked at.
    pub progress: String,
    /// Why it failed.
    pub error_msg: String,
    /// How many tables it has.
    pub count: usize,
    /// The table that `source_db_name` and `source_table_name` ask for, else the first that is not done, else the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_progress_details: Option<RepairTableView>,
    /// All tables: Tailrace's own.
    pub tables: Vec<RepairTableView>,
}

/// How far a table's repair is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = V5JobDetailRespRepairProgressDetails)]
pub(crate) struct RepairTableView {
    /// The repair.
    pub query_id: String,
    /// Database at the source, of Oracle the owner.
    pub db_name: String,
    /// Schema at the target.
    pub schema_name: String,
    /// Table at the source.
    pub table_name: String,
    /// Rows that are to be repaired.
    pub total_row_count: usize,
    /// Of them that were looked at.
    pub complete_row_count: usize,
    /// Of them that did not differ any more.
    pub filter_row_count: usize,
    /// Of them that are now what they are at the source.
    pub repaired_row_count: usize,
    /// Of them that could not be made so.
    pub failed_row_count: usize,
    /// 0 waits, 1 runs, 2 done, 3 done but for some rows.
    pub repair_status: u8,
    /// When the repair was asked for.
    pub start_time: String,
    /// When its last row was done; empty before the first.
    pub update_time: String,
}

/// Rows of a repair.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5QueryRepairDetailResp)]
pub(crate) struct RepairDetailView {
    /// How many there are in all.
    pub count: usize,
    /// Those of the page.
    pub repair_details: Vec<RepairRowView>,
}

/// A row of a repair.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5QueryRepairDetailRespRepairDetails)]
pub(crate) struct RepairRowView {
    /// The row's key at the source; empty if it was not there when it was compared.
    pub source_meta: String,
    /// The row's key at the target; empty if it was not there then.
    pub target_meta: String,
    /// 0 waits, 1 repaired, 2 failed, 3 does not differ any more.
    pub repair_sql_state: u8,
    /// The statement that the comparison told, or why the row could not be repaired.
    pub repair_sql_info: String,
}

/// A repair as it is shown, and a page of its rows; none if the job has none.
///
/// # Errors
/// [`Refusal::QueryMissing`], [`Refusal::Invalid`].
pub(crate) async fn view(
    JobCall { control, caller, job_id }: &JobCall,
    query: &QueryText,
) -> Result<Option<(RepairProgressView, RepairDetailView)>> {
    let repair = match query.text("query_id") {
        Some(id) => Some(control.repair_by_id(caller, job_id, id).await?),
        None => control.newest_repair(caller, job_id).await?,
    };
    let Some(repair) = repair else { return Ok(None) };
    let page = query.page()?;
    let (database, table) = (query.text("source_db_name"), query.text("source_table_name"));
    let is_meant = |one: &&RepairedTable| {
        database.is_none_or(|name| one.database == name)
            && table.is_none_or(|name| one.table == name)
    };
    let is_asked = database.is_some() || table.is_some();
    let meant: Vec<&RepairedTable> = repair.tables.iter().filter(is_meant).collect();
    if is_asked && meant.is_empty() {
        let name = format!("{}.{}", database.unwrap_or("*"), table.unwrap_or("*"));
        return Err(Refusal::invalid("source_table_name", name, "a table of the repair"));
    }
    let rows: Vec<&(RowDifference, RowRepair)> =
        meant.iter().flat_map(|table| &table.rows).collect();
    let detail = RepairDetailView {
        count: rows.len(),
        repair_details: page.of(&rows).map(|(row, outcome)| row_view(row, outcome)).collect(),
    };
    let tables: Vec<RepairTableView> =
        repair.tables.iter().map(|table| table_view(&repair, table)).collect();
    let shown = match meant.first().filter(|_| is_asked) {
        Some(table) => Some(table_view(&repair, table)),
        None => tables.iter().find(|one| one.repair_status < 2).or(tables.last()).cloned(),
    };
    let sum = |count: fn(&RepairTableView) -> usize| tables.iter().map(count).sum::<usize>();
    let (total, complete) = (sum(|one| one.total_row_count), sum(|one| one.complete_row_count));
    let progress = RepairProgressView {
        status: match repair.status {
            RepairStatus::Running => "RUNNING",
            RepairStatus::Successful => "SUCCESSFUL",
            RepairStatus::Failed => "FAILED",
            RepairStatus::Stopped => "STOPPED",
        },
        progress: (complete * 100).checked_div(total).unwrap_or(0).to_string(),
        error_msg: repair.error.clone().unwrap_or_default(),
        count: tables.len(),
        repair_progress_details: shown,
        tables,
    };
    Ok(Some((progress, detail)))
}

fn table_view(repair: &Repair, table: &RepairedTable) -> RepairTableView {
    let total = table.rows.len();
    let open = table.count(|one| *one == RowRepair::Open);
    let failed = table.count(|one| matches!(one, RowRepair::Failed(_)));
    let is_over = open == 0 || repair.status != RepairStatus::Running;
    RepairTableView {
        query_id: repair.id.clone(),
        db_name: table.database.clone(),
        schema_name: table.target_database.clone(),
        table_name: table.table.clone(),
        total_row_count: total,
        complete_row_count: total - open,
        filter_row_count: table.count(|one| *one == RowRepair::Equal),
        repaired_row_count: table.count(|one| *one == RowRepair::Repaired),
        failed_row_count: failed,
        repair_status: match (is_over, open + failed) {
            (true, 0) => 2,
            (true, _) => 3,
            (false, _) => u8::from(open < total),
        },
        start_time: time::iso(repair.created_ms),
        update_time: table.updated_ms.map(time::iso).unwrap_or_default(),
    }
}

fn row_view(row: &RowDifference, outcome: &RowRepair) -> RepairRowView {
    let key: Vec<String> = row.key.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let key = key.join(", ");
    let side = |is_there: bool| if is_there { key.clone() } else { String::new() };
    let statement = row.statements.as_ref().and_then(|one| one.repair.clone()).unwrap_or_default();
    let (state, info) = match outcome {
        RowRepair::Open => (0, statement),
        RowRepair::Repaired => (1, statement),
        RowRepair::Failed(why) => (2, why.clone()),
        RowRepair::Equal => (3, statement),
    };
    RepairRowView {
        source_meta: side(row.kind != "extra"),
        target_meta: side(row.kind != "missing"),
        repair_sql_state: state,
        repair_sql_info: info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(outcomes: &[RowRepair]) -> RepairedTable {
        let row = |outcome: &RowRepair| {
            let row = RowDifference {
                kind: "missing".into(),
                key: vec![("id".into(), "1".into()), ("area".into(), "a".into())],
                columns: Vec::new(),
                last_message: None,
                statements: None,
            };
            (row, outcome.clone())
        };
        RepairedTable {
            database: "SHOP".into(),
            table: "T".into(),
            target_database: "sales".into(),
            target_table: "t".into(),
            rows: outcomes.iter().map(row).collect(),
            updated_ms: Some(0),
        }
    }

    fn repair(status: RepairStatus) -> Repair {
        Repair {
            id: "r".into(),
            input: RepairInput { comparison: "c".into(), tables: BTreeMap::new() },
            status,
            created_ms: 0,
            ended_ms: None,
            error: None,
            tables: Vec::new(),
        }
    }

    #[test]
    fn rows_are_counted_by_what_came_of_them() {
        use RowRepair::{Equal, Failed, Open, Repaired};
        let failed = Failed("a constraint".into());
        for (status, outcomes, wanted) in [
            (RepairStatus::Running, vec![Open, Open], (0, 0, 0, 0, 0)),
            (RepairStatus::Running, vec![Equal, Open], (1, 1, 0, 0, 1)),
            (RepairStatus::Successful, vec![Equal, Repaired], (2, 1, 1, 0, 2)),
            (RepairStatus::Successful, vec![failed.clone(), Repaired], (2, 0, 1, 1, 3)),
            (RepairStatus::Stopped, vec![Repaired, Open], (1, 0, 1, 0, 3)),
        ] {
            let view = table_view(&repair(status), &table(&outcomes));
            let got = (
                view.complete_row_count,
                view.filter_row_count,
                view.repaired_row_count,
                view.failed_row_count,
                view.repair_status,
            );
            assert_eq!((view.total_row_count, got), (2, wanted), "{outcomes:?}");
        }
        let (row, _) = &table(&[Open]).rows[0];
        let view = row_view(row, &failed);
        assert_eq!((view.source_meta.as_str(), view.target_meta.as_str()), ("id=1, area=a", ""));
        assert_eq!((view.repair_sql_state, view.repair_sql_info.as_str()), (2, "a constraint"));
    }

    #[test]
    fn tables_may_be_named_by_schema_or_database() {
        let object = |database: &str, schema: &str, table: &str| RepairObject {
            database: Some(database.into()),
            schema: Some(schema.into()),
            table: Some(table.into()),
        };
        let info = RepairInfo {
            query_id: Some("c".into()),
            objects: vec![object("S", "", "A"), object("standin", "S", "B"), object("O", "", "")],
        };
        let input = info.into_control().unwrap();
        let of = |name: &str| input.tables[name].as_ref().map(|names| names.len());
        assert_eq!((input.tables.len(), of("S"), of("O")), (2, Some(2), None));
    }
}
