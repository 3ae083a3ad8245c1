//! The list of jobs: filters, order, page.

use sqlx::{QueryBuilder, Sqlite};

use super::job::{name_key, read_job};
use super::{SqliteStore, from_sql, to_sql};
use crate::control::job::{Job, JobFilter, SortKey};
use crate::store::StoreResult;

impl SqliteStore {
    pub(super) async fn list_jobs(
        &self,
        project_id: &str,
        filter: &JobFilter,
    ) -> StoreResult<(u64, Vec<Job>)> {
        let mut count = QueryBuilder::<Sqlite>::new("SELECT count(*) FROM jobs");
        push_filter(&mut count, project_id, filter);
        let count: i64 = count.build_query_scalar().fetch_one(&self.read).await?;

        let mut rows = QueryBuilder::<Sqlite>::new("SELECT document FROM jobs");
        push_filter(&mut rows, project_id, filter);
        push_order(&mut rows, filter);
        let rows = rows.build().fetch_all(&self.read).await?;
        let jobs = rows.iter().map(read_job).collect::<StoreResult<_>>()?;
        Ok((from_sql("count", count)?, jobs))
    }
}

fn push_filter(sql: &mut QueryBuilder<Sqlite>, project_id: &str, filter: &JobFilter) {
    sql.push(" WHERE project_id = ").push_bind(project_id.to_owned());
    if !filter.with_children {
        sql.push(" AND parent_id IS NULL");
    }
    if !filter.ids.is_empty() {
        sql.push(" AND id IN (");
        let mut ids = sql.separated(", ");
        for id in &filter.ids {
            ids.push_bind(id.clone());
        }
        sql.push(")");
    }
    if let Some(text) = &filter.name_or_id {
        sql.push(" AND (id = ").push_bind(text.clone());
        sql.push(" OR instr(name_key, ").push_bind(name_key(text)).push(") > 0)");
    }
    let equals = [
        ("status", filter.status.map(|s| s.name().to_owned())),
        ("engine", filter.engine.map(|e| e.name().to_owned())),
        ("task", filter.task.map(|t| t.name().to_owned())),
        ("net_type", filter.net_type.clone()),
        ("enterprise_project_id", filter.enterprise_project_id.clone()),
    ];
    for (column, value) in equals {
        if let Some(value) = value {
            sql.push(" AND ").push(column).push(" = ").push_bind(value);
        }
    }
    if let Some((key, value)) = &filter.tag {
        sql.push(" AND EXISTS (SELECT 1 FROM json_each(document, '$.tags') tag");
        sql.push(" WHERE tag.value ->> 'key' = ").push_bind(key.clone());
        if let Some(value) = value {
            sql.push(" AND tag.value ->> 'value' = ").push_bind(value.clone());
        }
        sql.push(")");
    }
}

fn push_order(sql: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    let column = match filter.sort {
        SortKey::Name => "name_key",
        SortKey::Status => "status",
        SortKey::Created => "created_ms",
        SortKey::NetType => "net_type",
        SortKey::Direction => "direction",
    };
    let direction = if filter.ascending { "ASC" } else { "DESC" };
    // The row id makes the order total, so that pages neither overlap nor leave out.
    sql.push(format_args!(" ORDER BY {column} {direction}, rowid {direction} LIMIT "));
    sql.push_bind(to_sql(filter.page.limit)).push(" OFFSET ").push_bind(to_sql(filter.page.offset));
}
