//! The template's columns: which member of a job's creation each of them stands for.

use serde_json::{Map, Value, json};

use crate::control::job::Engine;

/// What a column's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// `true` or `false`.
    Flag,
    /// `name=value;name=value`, as a list of objects with these two members.
    Pairs(&'static str, &'static str),
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Header.
    pub(super) name: &'static str,
    /// The member, as a JSON pointer without its first slash.
    pub(super) path: &'static str,
    /// What its text is.
    pub(super) kind: Kind,
    /// For people.
    pub(super) note: &'static str,
}

const fn column(name: &'static str, path: &'static str, kind: Kind, note: &'static str) -> Column {
    Column { name, path, kind, note }
}

use Kind::{Flag, Pairs, Text};

/// Header of the column that has all that no other column is for.
pub(super) const MORE: &str = "more";
/// What is said of it.
pub(super) const MORE_NOTE: &str =
    "All other members of the job as JSON, in the form of POST jobs/batch-async-create";

/// The columns of the sheet of jobs, but for `more`.
#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    column("name", "base_info/name", Text, "4 to 50 characters, a letter first; needed"),
    column("description", "base_info/description", Text, "At most 256 characters"),
    column("engine_type", "base_info/engine_type", Text, "mysql-to-kafka, taurus-to-kafka, oracle-to-gaussdbv5; needed"),
    column("task_type", "base_info/task_type", Text, "FULL_TRANS, FULL_INCR_TRANS, INCR_TRANS; needed"),
    column("job_direction", "base_info/job_direction", Text, "up, down, non-dbs; needed"),
    column("net_type", "base_info/net_type", Text, "eip, vpc, vpn; needed"),
    column("node_type", "node_info/spec/node_type", Text, "micro, small, medium, high, xlarge, 2xlarge"),
    column("enterprise_project_id", "base_info/enterprise_project_id", Text, "0 by default"),
    column("expired_days", "base_info/expired_days", Text, "14 to 100"),
    column("tags", "base_info/tags", Pairs("key", "value"), "key=value;key=value"),
    column("source_ip", "source_endpoint/0/endpoint/ip", Text, "Host, or host:port,host:port; needed"),
    column("source_port", "source_endpoint/0/endpoint/db_port", Text, "Port"),
    column("source_user", "source_endpoint/0/endpoint/db_user", Text, "Account; needed"),
    column("source_password", "source_endpoint/0/endpoint/db_password", Text, "Its password; never in an export"),
    column("source_database", "source_endpoint/0/endpoint/db_name", Text, "Of Oracle: serviceName.NAME or sid.NAME"),
    column("target_ip", "target_endpoint/0/endpoint/ip", Text, "host:port,host:port; needed"),
    column("target_port", "target_endpoint/0/endpoint/db_port", Text, "Port, of a database"),
    column("target_user", "target_endpoint/0/endpoint/db_user", Text, "Account"),
    column("target_password", "target_endpoint/0/endpoint/db_password", Text, "Its password; never in an export"),
    column("target_database", "target_endpoint/0/endpoint/db_name", Text, "Database, of GaussDB"),
    column("topic_policy", "policy_config/topic_policy", Text, "Kafka: 0 one topic, 1 a topic per table, 2 a topic per database"),
    column("topic", "policy_config/topic", Text, "Kafka: the topic of policy 0"),
    column("topic_name_format", "policy_config/topic_name_format", Text, "Kafka: as in $database$-$tablename$"),
    column("partition_policy", "policy_config/partition_policy", Text, "Kafka: 0 by table, 1 partition 0, 2 by primary key, 3 by database"),
    column("kafka_data_format", "policy_config/kafka_data_format", Text, "Kafka: json, json_c, and Tailrace's additions"),
    column("partitions_num", "policy_config/partitions_num", Text, "Kafka: partitions of new topics"),
    column("replication_factor", "policy_config/replication_factor", Text, "Kafka: of new topics"),
    column("ddl_trans", "policy_config/ddl_trans", Flag, "true, false"),
    column("ddl_topic", "policy_config/ddl_topic", Text, "Kafka: topic of DDL statements"),
    column("conflict_policy", "policy_config/conflict_policy", Text, "Databases: overwrite, ignore, stop"),
    column("dml_types", "policy_config/dml_types", Text, "Of i, u, d; all by default"),
    column("object_scope", "db_object/object_scope", Text, "all, database, table; needed; the objects are on their own sheet"),
    column("target_root_db", "db_object/target_root_db/db_name", Text, "Database of a target with schemas"),
    column("parameters", "tuning_params/full_sync", Pairs("param_name", "param_value"), "name=value;name=value"),
];

/// Puts a column's text into a job.
///
/// # Errors
/// What is allowed instead.
pub(super) fn put(job: &mut Value, column: &Column, text: &str) -> Result<(), String> {
    let value = match column.kind {
        Text => Value::from(text),
        Flag => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err("true or false".to_owned()),
        },
        Pairs(name, value) => {
            let pairs = text.split(';').filter(|pair| !pair.trim().is_empty());
            let pairs = pairs.map(|pair| match pair.split_once('=') {
                Some((key, text)) => Ok(json!({name: key.trim(), value: text.trim()})),
                None => Err("name=value;name=value".to_owned()),
            });
            Value::Array(pairs.collect::<Result<_, _>>()?)
        }
    };
    *place(job, column.path) = value;
    Ok(())
}

/// A member of a job, which is made if it is not there.
pub(super) fn place<'a>(job: &'a mut Value, path: &str) -> &'a mut Value {
    let mut at = job;
    for part in path.split('/') {
        if part == "0" {
            if !at.is_array() {
                *at = json!([{}]);
            }
            at = &mut at[0];
        } else {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[part];
        }
    }
    at
}

/// Takes a column's text out of a job; empty if it has none.
pub(super) fn take(job: &mut Value, column: &Column) -> String {
    let Some(value) = job.pointer_mut(&format!("/{}", column.path)) else { return String::new() };
    let text = match (column.kind, &*value) {
        (Text, Value::String(text)) => text.clone(),
        (Flag, Value::Bool(flag)) => flag.to_string(),
        (Pairs(name, of), Value::Array(pairs)) => {
            let pair =
                |pair: &Value| Some(format!("{}={}", pair[name].as_str()?, pair[of].as_str()?));
            let texts: Option<Vec<_>> = pairs.iter().map(pair).collect();
            // One that the form cannot hold stays for the last column.
            let texts = texts.filter(|texts| !texts.iter().any(|text| text.contains(';')));
            let Some(texts) = texts else { return String::new() };
            texts.join(";")
        }
        _ => return String::new(),
    };
    *value = Value::Null;
    text
}

/// What an export leaves away: what a creation does not take, and what is so anyway.
pub(super) fn drop_known(job: &mut Value) {
    for path in [
        "id",
        "status",
        "create_time",
        "sync_mode",
        "task_version",
        "master_job_id",
        "failed_reason",
        "base_info/job_type",
        "base_info/multi_write",
        "base_info/charging_mode",
        "base_info/start_time",
        "base_info/is_open_fast_clean",
    ] {
        if let Some(value) = job.pointer_mut(&format!("/{path}")) {
            *value = Value::Null;
        }
    }
    for side in ["source_endpoint", "target_endpoint"] {
        for member in ["db_type", "endpoint_role", "endpoint/id"] {
            if let Some(value) = job.pointer_mut(&format!("/{side}/0/{member}")) {
                *value = Value::Null;
            }
        }
    }
}

/// Takes away what has nothing in it; whether anything is left.
pub(super) fn prune(value: &mut Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => {
            items.retain_mut(prune);
            !items.is_empty()
        }
        Value::Object(members) => {
            members.retain(|_, value| prune(value));
            !members.is_empty()
        }
        _ => true,
    }
}

/// What every job has of its link alone.
pub(super) fn fill_in(job: &mut Value, engine: Engine) {
    let sides =
        [("source_endpoint", engine.source(), "so"), ("target_endpoint", engine.target(), "ta")];
    for (side, kind, role) in sides {
        for (member, value) in [("db_type", kind.name()), ("endpoint_role", role)] {
            let member = place(job, &format!("{side}/0/{member}"));
            if member.is_null() {
                *member = value.into();
            }
        }
    }
    let kind = place(job, "base_info/job_type");
    if kind.is_null() {
        *kind = "sync".into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> &'static Column {
        COLUMNS.iter().find(|column| column.name == name).expect("a column")
    }

    #[test]
    fn texts_go_into_a_job_and_come_out_again() {
        let mut job = json!({});
        let texts = [
            ("name", "job-1"),
            ("tags", "a=1;b=x=y"),
            ("source_ip", "db"),
            ("target_ip", "k:9092"),
            ("ddl_trans", "true"),
            ("parameters", "read_task_num=3"),
        ];
        for (name, text) in texts {
            put(&mut job, of(name), text).expect("a text");
        }
        assert_eq!(job["base_info"]["tags"][1], json!({"key": "b", "value": "x=y"}));
        assert_eq!(job["source_endpoint"], json!([{"endpoint": {"ip": "db"}}]));
        assert_eq!(job["policy_config"]["ddl_trans"], true);
        for (name, text) in texts {
            assert_eq!(take(&mut job, of(name)), text);
        }
        assert!(!prune(&mut job), "{job}");
        assert!(put(&mut job, of("ddl_trans"), "yes").is_err());
        assert!(put(&mut job, of("tags"), "a").is_err());
    }

    #[test]
    fn columns_have_names_and_members_of_their_own() {
        for (i, one) in COLUMNS.iter().enumerate() {
            let same = |other: &Column| other.name == one.name || other.path == one.path;
            assert!(!COLUMNS[i + 1..].iter().any(same) && one.name != MORE, "{}", one.name);
        }
    }
}
