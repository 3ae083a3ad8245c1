//! One job of a batch: what a single job is created, configured and started with, in one body.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        job_input::{SpeedLimit, speed_windows},
        json,
        kept::{keep, non_empty},
        refusal::at,
        text_or_integer::TextOrInteger,
        v3::policy::PolicyInput,
        v5::{
            create::{BaseInfo, CreateJob},
            delete::unsupported,
            endpoint::JobEndpointInput,
            missing,
            object_tree::DbObjectInput,
        },
    },
    control::{Refusal, Result, batch::JobDraft},
};

/// A job with all that it needs up to its start.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5AsyncCreateJobReq)]
pub(crate) struct AsyncJobInput {
    /// Of a change: the job.
    #[expect(
        dead_code,
        reason = "for the document: a change takes it off before the rest is read"
    )]
    pub job_id: Option<String>,
    /// Name, link, phases.
    pub base_info: Option<BaseInfo>,
    /// Source: a list of one.
    #[serde(default)]
    pub source_endpoint: Vec<JobEndpointInput>,
    /// Target: a list of one.
    #[serde(default)]
    pub target_endpoint: Vec<JobEndpointInput>,
    /// Node; kept.
    #[schema(value_type = Option<Object>)]
    pub node_info: Option<Value>,
    /// Kept.
    #[schema(value_type = Option<Object>)]
    pub public_ip_list: Option<Value>,
    /// Policy.
    pub policy_config: Option<PolicyInput>,
    /// Objects.
    pub db_object: Option<DbObjectInput>,
    /// Windows of the speed limit.
    #[serde(default)]
    pub speed_limit: Vec<SpeedLimit>,
    /// Alarms; kept.
    #[schema(value_type = Option<Object>)]
    pub alarm_notify: Option<Value>,
    /// Parameters.
    pub tuning_params: Option<TuningInput>,
    /// Parameters of the databases; not offered.
    #[schema(value_type = Option<Object>)]
    pub db_param: Option<Value>,
    /// Accounts; not offered.
    pub user_migration: Option<AccountsInput>,
    /// Prepaid; not offered.
    #[schema(value_type = Option<Object>)]
    pub period_order: Option<Value>,
}

/// Parameters by phase.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5TuningParamInfo)]
pub(crate) struct TuningInput {
    /// Of the full phase.
    #[serde(default)]
    pub full_sync: Vec<ParameterInput>,
    /// Of what reads the log.
    #[serde(default)]
    pub incre_capture: Vec<ParameterInput>,
    /// Of what writes to the target.
    #[serde(default)]
    pub incre_apply: Vec<ParameterInput>,
    /// Of what is between them.
    #[serde(default)]
    pub incre_relay: Vec<ParameterInput>,
}

/// A parameter.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5TuningParameterInput)]
pub(crate) struct ParameterInput {
    /// Name.
    pub param_name: Option<String>,
    /// Value.
    pub param_value: Option<TextOrInteger>,
    /// Whether it counts; it does by default.
    pub availability: Option<bool>,
}

/// Accounts of the source.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5UserMigrationInfo)]
pub(crate) struct AccountsInput {
    /// Must be false.
    pub is_migrate_user: Option<bool>,
}

/// Reads a job of a batch as it was sent.
pub(super) fn read(text: &str) -> Result<JobDraft> {
    // It was read before, when it was sent.
    let damaged = |_| Refusal::internal("a job of a batch cannot be read any more");
    json::read::<AsyncJobInput>(text.as_bytes()).map_err(damaged)?.into_control()
}

impl AsyncJobInput {
    fn into_control(self) -> Result<JobDraft> {
        self.refuse_what_is_not_offered()?;
        let parameters = self.tuning_params.map(TuningInput::into_control).transpose()?;
        let policy = self.policy_config.map(PolicyInput::into_control);
        let objects = self.db_object.ok_or_else(|| missing("db_object"))?;
        let selection = objects.into_control().map_err(|r| at("db_object", r))?;
        let create = CreateJob {
            base_info: self.base_info,
            source_endpoint: self.source_endpoint,
            target_endpoint: self.target_endpoint,
            node_info: self.node_info,
            public_ip_list: self.public_ip_list,
        };
        let mut new = create.into_control()?;
        keep(&mut new.attributes, "alarm_notify", self.alarm_notify);
        Ok(JobDraft {
            new,
            policy: policy.unwrap_or_default(),
            selection,
            speed: speed_windows(self.speed_limit)?,
            parameters: parameters.unwrap_or_default(),
        })
    }

    /// What would change what is delivered is not passed over.
    fn refuse_what_is_not_offered(&self) -> Result<()> {
        let moves = self.user_migration.as_ref().and_then(|m| m.is_migrate_user);
        if moves == Some(true) {
            return Err(unsupported("user_migration.is_migrate_user true", "false"));
        }
        if self.db_param.as_ref().is_some_and(|value| !is_nothing(value)) {
            return Err(unsupported("db_param", "tuning_params, for parameters of the job"));
        }
        if self.period_order.as_ref().is_some_and(|value| !is_nothing(value)) {
            return Err(unsupported("period_order", "charging_mode on_demand"));
        }
        Ok(())
    }
}

/// Whether a value has nothing in it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_nothing),
        Value::Object(members) => members.values().all(is_nothing),
        _ => false,
    }
}

impl TuningInput {
    fn into_control(self) -> Result<Vec<(String, String)>> {
        let groups = [
            ("full_sync", self.full_sync),
            ("incre_capture", self.incre_capture),
            ("incre_apply", self.incre_apply),
            ("incre_relay", self.incre_relay),
        ];
        let mut values = Vec::new();
        for (group, parameters) in groups {
            for (i, parameter) in parameters.into_iter().enumerate() {
                if parameter.availability == Some(false) {
                    continue;
                }
                let field = |name: &str| missing(&format!("tuning_params.{group}[{i}].{name}"));
                let name = non_empty(parameter.param_name).ok_or_else(|| field("param_name"))?;
                let value = parameter.param_value.ok_or_else(|| field("param_value"))?;
                values.push((name, value.0));
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(change: impl FnOnce(&mut Value)) -> Result<JobDraft> {
        let mut job = json!({
            "base_info": {"name": "job-1", "job_type": "sync", "engine_type": "mysql-to-kafka",
                "job_direction": "up", "task_type": "FULL_INCR_TRANS", "net_type": "vpc"},
            "source_endpoint": [{"db_type": "mysql", "endpoint": {"ip": "db", "db_port": "3306",
                "db_user": "u", "db_password": "p"}}],
            "target_endpoint": [{"db_type": "kafka", "endpoint": {"ip": "k:9092"}}],
            "node_info": {"spec": {"node_type": "high"}},
            "policy_config": {"topic_policy": "0", "topic": "t"},
            "db_object": {"object_scope": "database", "object_info": {"shop": {"all": true}}},
            "user_migration": {"is_migrate_user": false}, "db_param": {"common": []},
            "tuning_params": {"full_sync": [
                {"param_name": "read_task_num", "param_value": "4", "availability": true},
                {"param_name": "other", "param_value": "5", "availability": false}],
                "incre_capture": [], "incre_apply": [], "incre_relay": []}
        });
        change(&mut job);
        json::member::<AsyncJobInput>("jobs[0]", &job).expect("its types").into_control()
    }

    #[test]
    fn a_whole_job_is_read() {
        let draft = draft(|_| {}).expect("valid");
        assert_eq!(draft.new.name, "job-1");
        assert_eq!(draft.policy.topic.as_deref(), Some("t"));
        assert_eq!(draft.parameters, [("read_task_num".to_owned(), "4".to_owned())]);
        assert_eq!(draft.selection.databases.len(), 1);
    }

    #[test]
    fn what_is_not_offered_is_refused_and_what_is_missing_named() {
        let refusals = [
            ("/user_migration/is_migrate_user", json!(true), "is_migrate_user"),
            ("/db_param/common", json!([{"key": "k", "target_value": "v"}]), "db_param"),
            ("/db_object", Value::Null, "db_object"),
            ("/db_object/object_scope", json!("some"), "db_object.object_scope"),
            ("/tuning_params/full_sync/0/param_name", json!(""), "full_sync[0].param_name"),
            ("/base_info/name", json!(""), "base_info.name"),
        ];
        for (pointer, value, said) in refusals {
            let refusal = draft(|job| *job.pointer_mut(pointer).expect("a member") = value);
            let text = refusal.expect_err(pointer).to_string();
            assert!(text.contains(said), "{pointer}: {text}");
        }
    }
}
