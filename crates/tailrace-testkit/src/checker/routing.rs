//! Where a message has to be, by the policies of the job.

use std::collections::HashMap;

use super::message::{Image, Kind, Message};
use super::murmur2::partition_of;
use super::report::{Fault, Report};

/// Topic policy.
#[derive(Debug, Clone)]
pub enum TopicRule {
    /// All messages in one topic.
    One(String),
    /// Named by a format with `$database$` and `$tablename$`.
    Format(String),
}

/// Partition policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionRule {
    /// Hash of `database.table`.
    Table,
    /// Partition 0.
    Zero,
    /// Hash of the primary key, `database.table` for tables without one.
    PrimaryKey,
    /// Hash of the database.
    Database,
}

/// The policies of a job and how many partitions its topics have.
#[derive(Debug, Clone)]
pub(super) struct Routing {
    /// Topic policy.
    pub(super) topic: TopicRule,
    /// Partition policy.
    pub(super) partition: PartitionRule,
    /// Topic of DDL messages; `None` if there are none.
    pub(super) ddl_topic: Option<String>,
    /// Partitions of each topic, as the broker says.
    pub(super) partitions: HashMap<String, i32>,
}

impl Routing {
    /// The topic of a table's rows.
    fn topic_of(&self, database: &str, table: &str) -> String {
        match &self.topic {
            TopicRule::One(topic) => topic.clone(),
            TopicRule::Format(format) => {
                format.replace("$database$", database).replace("$tablename$", table)
            }
        }
    }

    /// Checks topic, key and partition of a message.
    pub(super) fn check(&self, message: &Message, report: &mut Report) {
        let place = &message.place;
        if message.kind == Kind::Ddl {
            if self.ddl_topic.as_deref() != Some(&*place.topic) {
                let text = format!("DDL messages belong into {:?}", self.ddl_topic);
                report.fault(Fault::WrongTopic, Some(place), text);
            }
            if place.partition != 0 {
                report.fault(
                    Fault::WrongPartition,
                    Some(place),
                    "DDL messages belong into partition 0",
                );
            }
            if message.key.as_deref() != Some(message.database.as_bytes()) {
                let text = format!("the key of a DDL message is {:?}", message.database);
                report.fault(Fault::WrongKey, Some(place), text);
            }
            return;
        }
        if message.kind.is_statement() {
            return;
        }
        let topic = self.topic_of(&message.database, &message.table);
        if *place.topic != *topic {
            report.fault(Fault::WrongTopic, Some(place), format!("it belongs into {topic}"));
        }
        if let Err(text) = self.check_key(message) {
            report.fault(Fault::WrongKey, Some(place), text);
        }
        let partitions = self.partitions.get(&*place.topic).copied().unwrap_or(1);
        let wanted = match (self.partition, &message.key) {
            (PartitionRule::Zero, _) => 0,
            (_, Some(key)) => partition_of(key, partitions),
            (_, None) => return,
        };
        if place.partition != wanted {
            let text = format!("its key hashes to partition {wanted} of {partitions}");
            report.fault(Fault::WrongPartition, Some(place), text);
        }
    }

    fn check_key(&self, message: &Message) -> Result<(), String> {
        let table = message.table_name();
        let pk = &message.shape.primary_key;
        let wanted = match self.partition {
            PartitionRule::Zero if message.key.is_none() => return Ok(()),
            PartitionRule::Zero => return Err("there is a key".into()),
            PartitionRule::Table => table,
            PartitionRule::Database => message.database.to_string(),
            PartitionRule::PrimaryKey if pk.is_empty() => table,
            PartitionRule::PrimaryKey => return check_primary_key(message),
        };
        let found = message.key.as_deref().map(String::from_utf8_lossy);
        if found.as_deref() == Some(wanted.as_str()) {
            return Ok(());
        }
        Err(format!("key is {found:?}, not {wanted:?}"))
    }
}

/// The key is the JSON array of the primary key's texts: those after the change, or before it for
/// a deleted row.
fn check_primary_key(message: &Message) -> Result<(), String> {
    let columns = &message.shape.primary_key;
    let image = message.after.as_ref().or(message.before.as_ref());
    let wanted = image.and_then(|image| key_values(image, columns));
    if let (Some(before), Some(_)) = (&message.before, &message.after)
        && key_values(before, columns) != wanted
    {
        return Err("a change of the key must be a DELETE and an INSERT under this policy".into());
    }
    let found: Option<Vec<Option<String>>> =
        message.key.as_deref().and_then(|key| serde_json::from_slice(key).ok());
    if found.is_some() && found == wanted {
        return Ok(());
    }
    let raw = message.key.as_deref().map(String::from_utf8_lossy);
    Err(format!("key is {raw:?}, not the JSON array of {wanted:?}"))
}

fn key_values(image: &Image, columns: &[String]) -> Option<Vec<Option<String>>> {
    columns.iter().map(|c| image.get(c).map(|v| v.map(str::to_owned))).collect()
}
