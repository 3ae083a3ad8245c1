//! `PUT …/jobs/batch-select-objects`: the objects of a job as a flat list.

use std::collections::HashMap;

use axum::{http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        refusal::at,
    },
    control::{
        Refusal, Result,
        objects::{
            DatabaseChoice, DatabaseMapping, Mappings, ObjectScope, ObjectSelection, TableMapping,
        },
    },
};

use super::batch::{WholeError, answer_as, check_count, check_ids, refused};

/// Body of `batch-select-objects`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchUpdateDatabaseObjectReq)]
pub(crate) struct BatchSelect {
    /// Selections, one per job, 1..=100.
    #[serde(default)]
    pub jobs: Vec<SelectObjects>,
}

/// The selection of a job.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3UpdateDatabaseObjectReq)]
pub(crate) struct SelectObjects {
    /// Job.
    pub job_id: Option<String>,
    /// False selects everything; true, the default, the objects of `job`.
    pub selected: Option<bool>,
    /// Whole databases are selected: `job` may then name no table.
    pub sync_database: Option<bool>,
    /// The objects.
    #[serde(default)]
    pub job: Vec<ObjectEntry>,
}

/// An object.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3DatabaseInfo)]
pub(crate) struct ObjectEntry {
    /// Of a table `database-*-*-table`, of a database its name.
    pub id: Option<String>,
    /// Of a table the id or name of its database.
    pub parent_id: Option<String>,
    /// `database` or `table`
    pub object_type: Option<String>,
    /// Name.
    pub object_name: Option<String>,
    /// Name in messages.
    pub object_alias_name: Option<String>,
    /// `true`, `false` or, for a database, `partial`
    pub select: Option<String>,
}

/// Answer of `batch-select-objects`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchSetObjectsResponse)]
pub(crate) struct BatchSelected {
    /// Number of results.
    pub all_counts: usize,
    /// A result per job.
    pub results: Vec<Selected>,
}

/// Result of a selection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3DatabaseObjectResp)]
pub(crate) struct Selected {
    /// Job.
    pub job_id: String,
    /// It worked. A boolean here, as in DRS.
    pub status: bool,
    /// Code, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Selects objects.
#[utoipa::path(put, path = "/v3/{project_id}/jobs/batch-select-objects", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchSelect,
    responses((status = 202, body = BatchSelected), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_set_objects(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchSelect>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut items = Vec::with_capacity(body.jobs.len());
    for (i, job) in body.jobs.into_iter().enumerate() {
        let job_id = job.job_id.clone().unwrap_or_default();
        let outcome = match job.into_control() {
            Ok(selection) => control.select_objects(&caller, &job_id, selection).await.map(drop),
            Err(refusal) => Err(refusal),
        };
        let error = outcome.err().map(|r| refused(at(&format!("jobs[{i}]"), r)));
        let body = error.as_ref().map(|e| e.body(caller.language));
        let (error_code, error_msg) = body.map(|b| (b.error_code, b.error_msg)).unzip();
        let item = Selected { job_id, status: error.is_none(), error_code, error_msg };
        items.push((json!(item), error));
    }
    let count = ("all_counts", items.len());
    Ok(answer_as(StatusCode::ACCEPTED, WholeError::BadInput, count, items))
}

impl SelectObjects {
    fn into_control(self) -> Result<ObjectSelection> {
        if self.selected == Some(false) {
            if !self.job.is_empty() {
                let n = self.job.len();
                return Err(Refusal::invalid(
                    "job",
                    format!("{n} objects"),
                    "none, as selected is false",
                ));
            }
            return Ok(ObjectSelection {
                scope: ObjectScope::All,
                databases: Vec::new(),
                mappings: Mappings::default(),
                target_database: None,
            });
        }
        let mut chosen = Chosen::default();
        let mut tables = Vec::new();
        for (i, entry) in self.job.into_iter().enumerate() {
            match entry.read().map_err(|r| at(&format!("job[{i}]"), r))? {
                Entry::Unselected => {}
                Entry::Database { name, whole, alias } => {
                    if let Some(alias) = alias {
                        chosen.mapping(&name).target = Some(alias);
                    }
                    chosen.database(name, (!whole).then(Vec::new));
                }
                Entry::Table { database, name, alias } => {
                    if let Some(alias) = alias {
                        let target = Some(alias);
                        let mapping = TableMapping { target, ..TableMapping::default() };
                        chosen.mapping(&database).tables.insert(name.clone(), mapping);
                    }
                    tables.push((i, database, name));
                }
            }
        }
        if let (Some(true), Some((i, ..))) = (self.sync_database, tables.first()) {
            let allowed = "databases, as sync_database is true";
            return Err(Refusal::invalid(format!("job[{i}].object_type"), "table", allowed));
        }
        for (i, database, name) in tables {
            match chosen.database(database, Some(Vec::new())) {
                Some(list) => list.push(name),
                None => {
                    let field = format!("job[{i}]");
                    let allowed = "no table of a database that is selected whole";
                    return Err(Refusal::invalid(field, name, allowed));
                }
            }
        }
        let whole = chosen.databases.iter().all(|d| d.tables.is_none());
        let scope = if whole { ObjectScope::Database } else { ObjectScope::Table };
        Ok(ObjectSelection {
            scope,
            databases: chosen.databases,
            mappings: chosen.mappings,
            target_database: None,
        })
    }
}

/// Databases in the order of the request, found by name.
#[derive(Default)]
struct Chosen {
    databases: Vec<DatabaseChoice>,
    by_name: HashMap<String, usize>,
    mappings: Mappings,
}

impl Chosen {
    fn mapping(&mut self, database: &str) -> &mut DatabaseMapping {
        self.mappings.databases.entry(database.to_owned()).or_default()
    }

    /// The tables of a database, which is added with `tables` if it is new; `None` if it is whole.
    fn database(&mut self, name: String, tables: Option<Vec<String>>) -> Option<&mut Vec<String>> {
        let next = self.databases.len();
        let at = *self.by_name.entry(name.clone()).or_insert(next);
        if at == next {
            self.databases.push(DatabaseChoice { name, tables });
        }
        self.databases.get_mut(at)?.tables.as_mut()
    }
}

enum Entry {
    Unselected,
    Database { name: String, whole: bool, alias: Option<String> },
    Table { database: String, name: String, alias: Option<String> },
}

impl ObjectEntry {
    fn read(self) -> Result<Entry> {
        let select = self.select.as_deref().unwrap_or("true");
        let table = match self.object_type.as_deref() {
            Some("database") => false,
            Some("table") => true,
            Some(kind @ ("schema" | "view")) => {
                return Err(Refusal::Unsupported {
                    what: format!("object_type {kind}"),
                    instead: "object_type database, table".into(),
                });
            }
            Some(other) => return Err(Refusal::invalid("object_type", other, "database, table")),
            None => return Err(Refusal::Missing { field: "object_type".into() }),
        };
        let whole = match (select, table) {
            ("true", _) => true,
            ("partial", false) => false,
            ("false", _) => return Ok(Entry::Unselected),
            (other, false) => {
                return Err(Refusal::invalid("select", other, "true, false, partial"));
            }
            (other, true) => return Err(Refusal::invalid("select", other, "true, false")),
        };
        let (database, name) = self.names(table)?;
        let alias = non_empty(self.object_alias_name).filter(|alias| *alias != name);
        Ok(match database {
            Some(database) => Entry::Table { database, name, alias },
            None => Entry::Database { name, whole, alias },
        })
    }

    /// Database (of a table) and name: as given, else from the id `database-*-*-table`.
    fn names(&self, table: bool) -> Result<(Option<String>, String)> {
        let missing = |field: &str| Refusal::Missing { field: field.to_owned() };
        let of_id = self.id.as_deref().and_then(|id| id.split_once("-*-*-"));
        let given = non_empty(self.object_name.clone());
        if !table {
            let name = given.or_else(|| non_empty(self.id.clone()));
            return name.map(|n| (None, n)).ok_or_else(|| missing("object_name"));
        }
        let name = given.or_else(|| of_id.map(|(_, table)| table.to_owned()));
        let database =
            of_id.map(|(db, _)| db.to_owned()).or_else(|| non_empty(self.parent_id.clone()));
        Ok((
            Some(database.ok_or_else(|| missing("parent_id"))?),
            name.ok_or_else(|| missing("object_name"))?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::json;

    fn select(text: &str) -> Result<ObjectSelection> {
        json::read::<SelectObjects>(text.as_bytes()).expect("it is read").into_control()
    }

    fn database(name: &str, tables: Option<&[&str]>) -> DatabaseChoice {
        let tables = tables.map(|t| t.iter().map(|t| (*t).to_owned()).collect());
        DatabaseChoice { name: name.into(), tables }
    }

    #[test]
    fn a_flat_list_becomes_databases_and_tables() {
        let selection = select(
            r#"{"selected":true,"job":[
                {"id":"a-*-*-t1","object_type":"table","select":"true"},
                {"id":"a","object_type":"database","object_name":"a","select":"partial"},
                {"parent_id":"a","object_type":"table","object_name":"t2",
                 "object_alias_name":"t2"},
                {"parent_id":"a","object_type":"table","object_name":"t3","select":"false"},
                {"id":"b","object_type":"database","select":"true"}]}"#,
        )
        .expect("valid");
        assert_eq!(selection.scope, ObjectScope::Table);
        assert_eq!(selection.databases, [database("a", Some(&["t1", "t2"])), database("b", None)]);
        assert!(selection.mappings.is_empty());
        let renamed = select(
            r#"{"job":[
                {"object_type":"database","object_name":"a","object_alias_name":"b","select":"partial"},
                {"id":"a-*-*-t","object_type":"table","object_alias_name":"u"}]}"#,
        )
        .expect("valid");
        assert_eq!(renamed.mappings.names("a", "t"), ("b", "u"));
        let whole = select(r#"{"job":[{"object_type":"database","object_name":"a"}]}"#);
        assert_eq!(whole.expect("valid").scope, ObjectScope::Database);
        let all = select(r#"{"selected":false}"#).expect("valid");
        assert_eq!(
            all,
            ObjectSelection {
                scope: ObjectScope::All,
                databases: vec![],
                mappings: Mappings::default(),
                target_database: None
            }
        );
    }

    #[test]
    fn what_cannot_be_selected_is_named() {
        for (text, field) in [
            (r#"{"job":[{"object_name":"a"}]}"#, "job[0].object_type"),
            (r#"{"job":[{"object_type":"index","object_name":"a"}]}"#, "job[0].object_type"),
            (r#"{"job":[{"object_type":"database"}]}"#, "job[0].object_name"),
            (r#"{"job":[{"object_type":"table","object_name":"t"}]}"#, "job[0].parent_id"),
            (
                r#"{"job":[{"id":"a-*-*-t","object_type":"table","select":"partial"}]}"#,
                "job[0].select",
            ),
            (r#"{"selected":false,"job":[{}]}"#, "job"),
            (
                r#"{"sync_database":true,"job":[{"id":"a-*-*-t","object_type":"table"}]}"#,
                "job[0].object_type",
            ),
            (
                r#"{"job":[{"id":"a","object_type":"database"},
                           {"id":"a-*-*-t","object_type":"table"}]}"#,
                "job[1]",
            ),
        ] {
            match select(text) {
                Err(Refusal::Invalid { field: named, .. } | Refusal::Missing { field: named }) => {
                    assert_eq!(named, field, "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        let view = select(r#"{"job":[{"object_type":"view","object_name":"v"}]}"#);
        assert!(matches!(view, Err(Refusal::Unsupported { .. })));
    }
}
