//! Corrections of jobs of a batch: new values over those that were sent.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{
    api::{json, message::Message, refusal::at},
    control::{Refusal, Result},
};

use super::{super::missing, AsyncJobInput, JobChange};

/// What a type of change is about.
const TYPES: [(&str, &[&str]); 5] = [
    ("network", &["source_endpoint", "target_endpoint", "node_info", "public_ip_list"]),
    ("policy", &["policy_config", "speed_limit", "tuning_params", "db_param", "user_migration"]),
    ("db_object", &["db_object"]),
    ("precheck", &[]),
    (
        "all",
        &[
            "base_info",
            "source_endpoint",
            "target_endpoint",
            "node_info",
            "public_ip_list",
            "policy_config",
            "db_object",
            "speed_limit",
            "alarm_notify",
            "tuning_params",
            "db_param",
            "user_migration",
            "period_order",
        ],
    ),
];
/// Members whose parts stay where they are not given anew; all others are replaced as a whole.
const MERGED: [&str; 4] = ["base_info", "source_endpoint", "target_endpoint", "policy_config"];

/// A change of one job.
#[derive(Debug)]
pub(super) struct Change {
    /// The job.
    pub(super) job_id: String,
    /// New values.
    values: Map<String, Value>,
}

/// Checks changes as far as they can be checked alone.
///
/// # Errors
/// [`Refusal::Missing`] and [`Refusal::Invalid`] with the path of the member.
pub(super) fn changes(jobs: Vec<JobChange>) -> Result<Vec<Change>> {
    if jobs.is_empty() {
        return Err(missing("jobs"));
    }
    let mut seen = HashSet::new();
    let mut changes = Vec::with_capacity(jobs.len());
    for (i, job) in jobs.into_iter().enumerate() {
        let change = change(job).map_err(|r| at(&format!("jobs[{i}]"), r))?;
        if !seen.insert(change.job_id.clone()) {
            let field = format!("jobs[{i}].params.job_id");
            return Err(Refusal::invalid(field, change.job_id, "each job once"));
        }
        changes.push(change);
    }
    Ok(changes)
}

fn change(job: JobChange) -> Result<Change> {
    let kind = job.r#type.filter(|kind| !kind.is_empty()).ok_or_else(|| missing("type"))?;
    let known = TYPES.iter().find(|(name, _)| *name == kind);
    let (_, members) = known
        .ok_or_else(|| Refusal::invalid("type", &kind, TYPES.map(|(name, _)| name).join(", ")))?;
    let Some(Value::Object(mut values)) = job.params else { return Err(missing("params")) };
    let job_id = match values.remove("job_id") {
        Some(Value::String(id)) if !id.is_empty() => id,
        _ => return Err(missing("params.job_id")),
    };
    // As for a single job: only those of the type are looked at.
    values.retain(|name, _| members.contains(&name.as_str()));
    if values.is_empty() && !members.is_empty() {
        return Err(missing(&format!("params.{}", members.join(" or params."))));
    }
    Ok(Change { job_id, values })
}

impl Change {
    /// What is asked for with this change.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a member of a wrong type.
    pub(super) fn over(&self, path: &str, asked: &str) -> Result<String> {
        let mut job: Value = serde_json::from_str(asked).map_err(Refusal::internal)?;
        let damaged = || Refusal::internal("a job of a batch is no object");
        let members = job.as_object_mut().ok_or_else(damaged)?;
        for (name, value) in &self.values {
            match members.get_mut(name) {
                Some(old) if MERGED.contains(&name.as_str()) => merge(old, value),
                _ => drop(members.insert(name.clone(), value.clone())),
            }
        }
        json::member::<AsyncJobInput>(path, &job).map_err(wrong_type)?;
        Ok(job.to_string())
    }
}

fn wrong_type(message: Message) -> Refusal {
    match message {
        Message::Malformed { field, detail } => {
            Refusal::invalid(field, detail, "a value of the documented type")
        }
        other => Refusal::internal(format!("{other:?}")),
    }
}

/// Members of objects one by one, also of those that are alone in a list.
pub(in crate::api::v5) fn merge(old: &mut Value, new: &Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in new {
                match old.get_mut(name) {
                    Some(before) => merge(before, value),
                    None => drop(old.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(old), Value::Array(new))
            if old.len() == 1 && new.len() == 1 && new[0].is_object() =>
        {
            merge(&mut old[0], &new[0]);
        }
        (old, new) => old.clone_from(new),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(kind: &str, params: Value) -> Result<Change> {
        changes(vec![JobChange { r#type: Some(kind.to_owned()), params: Some(params) }])
            .map(|mut changes| changes.remove(0))
    }

    #[test]
    fn new_values_go_over_old_ones() {
        let asked = json!({
            "base_info": {"name": "job-1", "description": "old"},
            "source_endpoint": [{"db_type": "mysql", "endpoint": {"ip": "a", "db_password": "p"}}],
            "db_object": {"object_scope": "database", "object_info": {"one": {"all": true}}}
        });
        let over = |kind: &str, params: Value| -> Value {
            let text = one(kind, params).expect("a change").over("p", &asked.to_string());
            serde_json::from_str(&text.expect("it fits")).expect("JSON")
        };
        let network = json!({"job_id": "j", "base_info": {"name": "not of the type"},
            "source_endpoint": [{"endpoint": {"ip": "b"}}]});
        let job = over("network", network);
        assert_eq!(job["base_info"]["name"], "job-1");
        let endpoint = json!({"ip": "b", "db_password": "p"});
        assert_eq!(job["source_endpoint"][0]["endpoint"], endpoint);
        let objects = json!({"object_scope": "database", "object_info": {"two": {"all": true}}});
        let job = over("db_object", json!({"job_id": "j", "db_object": objects}));
        assert_eq!(job["db_object"], objects);
        assert_eq!(over("precheck", json!({"job_id": "j"})), asked);
        let job = over("all", json!({"job_id": "j", "base_info": {"name": "job-2"}}));
        assert_eq!(job["base_info"], json!({"name": "job-2", "description": "old"}));
    }

    #[test]
    fn what_is_wrong_with_a_change_is_named() {
        let said = |kind: &str, params: Value| one(kind, params).expect_err("wrong").to_string();
        assert!(said("some", json!({})).contains("jobs[0].type"));
        assert!(said("all", json!({})).contains("jobs[0].params.job_id"));
        let nothing = said("policy", json!({"job_id": "j", "base_info": {}}));
        assert!(nothing.contains("policy_config"), "{nothing}");
        let twice =
            || JobChange { r#type: Some("precheck".into()), params: Some(json!({"job_id": "j"})) };
        let refusal = changes(vec![twice(), twice()]).expect_err("twice").to_string();
        assert!(refusal.contains("jobs[1].params.job_id"), "{refusal}");
        assert!(changes(Vec::new()).is_err());
        let change = one("all", json!({"job_id": "j", "base_info": 7})).expect("a change");
        let refusal = change.over("jobs[0].params", "{}").expect_err("a number").to_string();
        assert!(refusal.contains("jobs[0].params.base_info"), "{refusal}");
    }
}
