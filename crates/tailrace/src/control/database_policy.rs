//! Policy of a job whose target is a database: what is made there, and what happens where rows differ.

use serde::{Deserialize, Serialize};
use tailrace_pipeline::oracle_gaussdb::Conflict;

use super::policy::PolicyText;
use super::refusal::{Refusal, Result};

/// What is done where the target's rows are not what the source's were, by DRS `conflict_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConflictChoice {
    /// The source's row takes the place of the target's.
    #[default]
    Overwrite,
    /// The target's row stays.
    Ignore,
    /// The job stops.
    Stop,
}

impl ConflictChoice {
    /// All of them.
    const ALL: [Self; 3] = [Self::Overwrite, Self::Ignore, Self::Stop];

    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overwrite => "overwrite",
            Self::Ignore => "ignore",
            Self::Stop => "stop",
        }
    }
}

impl From<ConflictChoice> for Conflict {
    fn from(choice: ConflictChoice) -> Self {
        match choice {
            ConflictChoice::Overwrite => Self::Overwrite,
            ConflictChoice::Ignore => Self::Ignore,
            ConflictChoice::Stop => Self::Stop,
        }
    }
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabasePolicy {
    /// `conflict_policy`
    pub conflict: ConflictChoice,
    /// `ddl_trans`: changes of tables' definitions are applied.
    pub apply_ddl: bool,
    /// `tableStructure` of `sync_type_policy`: tables are made.
    pub structure: bool,
    /// `constraintData` of `sync_type_policy` and `index_trans`: their indexes are made.
    pub indexes: bool,
}

impl Default for DatabasePolicy {
    fn default() -> Self {
        let conflict = ConflictChoice::default();
        Self { conflict, apply_ddl: true, structure: true, indexes: true }
    }
}

/// `sync_type_policy` that stands for all kinds of objects.
const ALL_TYPES: &str = "supportAllType";
/// Its parts otherwise: data, without which there is nothing to do, tables, indexes.
const PARTS: [&str; 3] = ["tableData", "tableStructure", "constraintData"];

impl DatabasePolicy {
    /// Reads a policy in DRS's text form; members that are absent get their defaults.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a value that is not one, and for members that belong to Kafka.
    pub fn parse(text: &PolicyText) -> Result<Self> {
        no_kafka(text)?;
        let given = |name: &str| text.attributes.get(name).and_then(|value| value.as_str());
        let conflict = match given("conflict_policy").filter(|name| !name.is_empty()) {
            None => ConflictChoice::default(),
            Some(name) => {
                ConflictChoice::ALL.into_iter().find(|choice| choice.name() == name).ok_or_else(
                    || Refusal::invalid("conflict_policy", name, "overwrite, ignore or stop"),
                )?
            }
        };
        if let Some(mode) =
            given("increment_read_mode").filter(|mode| !matches!(*mode, "" | "logminer"))
        {
            return Err(Refusal::invalid("increment_read_mode", mode, "logminer"));
        }
        let types =
            given("sync_type_policy").filter(|types| !types.is_empty()).unwrap_or(ALL_TYPES);
        let (structure, constraints) = parts(types)?;
        let index = text.attributes.get("index_trans").and_then(|value| value.as_bool());
        Ok(Self {
            conflict,
            apply_ddl: text.ddl_trans.unwrap_or(true),
            structure,
            indexes: constraints && index.unwrap_or(true),
        })
    }

    /// `sync_type_policy`
    pub fn sync_types(&self) -> String {
        match (self.structure, self.indexes) {
            (true, true) => ALL_TYPES.to_owned(),
            (structure, indexes) => {
                let [data, tables, constraints] = PARTS;
                let mut parts = vec![data];
                parts.extend(structure.then_some(tables));
                parts.extend(indexes.then_some(constraints));
                parts.join(",")
            }
        }
    }
}

/// Whether tables and whether indexes are made.
fn parts(types: &str) -> Result<(bool, bool)> {
    if types == ALL_TYPES {
        return Ok((true, true));
    }
    let given: Vec<&str> = types.split(',').map(str::trim).collect();
    let [data, tables, constraints] = PARTS;
    if !given.iter().all(|part| PARTS.contains(part)) || !given.contains(&data) {
        let allowed = "supportAllType, or tableData with tableStructure and constraintData, separated by commas";
        return Err(Refusal::invalid("sync_type_policy", types, allowed));
    }
    Ok((given.contains(&tables), given.contains(&constraints)))
}

/// Members that say how messages are.
fn no_kafka(text: &PolicyText) -> Result<()> {
    let members = [
        ("topic_policy", &text.topic_policy),
        ("topic", &text.topic),
        ("topic_name_format", &text.topic_name_format),
        ("partition_policy", &text.partition_policy),
        ("kafka_data_format", &text.kafka_data_format),
        ("partitions_num", &text.partitions_num),
        ("replication_factor", &text.replication_factor),
        ("ddl_topic", &text.ddl_topic),
        ("transaction_topic", &text.transaction_topic),
        ("heartbeat_topic", &text.heartbeat_topic),
        ("message_headers", &text.message_headers),
        ("dead_letter_topic", &text.dead_letter_topic),
        ("debezium_modes", &text.debezium_modes),
        ("subject_naming", &text.subject_naming),
        ("compression", &text.compression),
        ("dml_types", &text.dml_types),
        ("progress_topic", &text.progress_topic),
        ("file_and_position", &text.file_and_position),
        ("gtid_set", &text.gtid_set),
    ];
    let given = members.into_iter().find_map(|(name, value)| {
        let value = value.as_deref().filter(|value| !value.is_empty())?;
        Some(Refusal::invalid(name, value, "nothing: the target is a database, not Kafka"))
    });
    given.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::control::job::Attributes;

    fn read(members: serde_json::Value) -> Result<DatabasePolicy> {
        let attributes: Attributes = members.as_object().expect("members").clone();
        DatabasePolicy::parse(&PolicyText { attributes, ..PolicyText::default() })
    }

    #[test]
    fn what_is_absent_has_drss_defaults() {
        assert_eq!(read(json!({})).unwrap(), DatabasePolicy::default());
        assert_eq!(DatabasePolicy::default().sync_types(), "supportAllType");
    }

    #[test]
    fn what_is_given_is_read_and_told() {
        let policy = read(
            json!({"conflict_policy": "stop", "sync_type_policy": "tableData,tableStructure"}),
        );
        let policy = policy.unwrap();
        assert_eq!(policy.conflict, ConflictChoice::Stop);
        assert!(policy.structure && !policy.indexes && policy.apply_ddl);
        assert_eq!(policy.sync_types(), "tableData,tableStructure");
        let policy =
            read(json!({"index_trans": false, "increment_read_mode": "logminer"})).unwrap();
        assert!(policy.structure && !policy.indexes);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (members, field) in [
            (json!({"conflict_policy": "replace"}), "conflict_policy"),
            (json!({"increment_read_mode": "xstream"}), "increment_read_mode"),
            (json!({"sync_type_policy": "tableStructure"}), "sync_type_policy"),
            (json!({"sync_type_policy": "tableData,views"}), "sync_type_policy"),
        ] {
            let refusal = read(members.clone()).unwrap_err();
            assert!(
                matches!(&refusal, Refusal::Invalid { field: f, .. } if f == field),
                "{members}"
            );
        }
        let text = PolicyText { topic: Some("t".into()), ..PolicyText::default() };
        let refusal = DatabasePolicy::parse(&text).unwrap_err();
        assert!(matches!(refusal, Refusal::Invalid { field, .. } if field == "topic"));
    }
}
