//! Which topic and partition a message goes to, and which key it carries.

use std::borrow::Cow;
use std::sync::Arc;

use tailrace_codec::TableSchema;
use tailrace_codec::encode::{AvroIds, AvroSchemas, kafka_partition};

use crate::batch::Topic;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{KafkaPolicy, PartitionPolicy, TopicPolicy};
use crate::mapping::Mappings;
use crate::sink::TopicDirectory;
use crate::sink::registry::SchemaRegistry;
use crate::transform::dead_letter::DeadLetterTopics;

/// Where the messages of one table go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableRoute {
    /// Topic.
    pub(crate) topic: Topic,
    /// Partition and key.
    pub(crate) spread: Spread,
}

/// How the messages of a table are spread over partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spread {
    /// All to one partition with one key; an empty key means none.
    Fixed {
        /// Partition.
        partition: i32,
        /// Key of every message.
        key: Vec<u8>,
    },
    /// By the primary key, which is also the message's key.
    PrimaryKey,
}

/// The job's routing rules.
pub(crate) struct Router {
    policy: KafkaPolicy,
    mappings: Mappings,
    topics: Arc<dyn TopicDirectory>,
    registry: Option<Arc<dyn SchemaRegistry>>,
}

impl Router {
    pub(crate) fn new(
        policy: KafkaPolicy,
        mappings: Mappings,
        topics: Arc<dyn TopicDirectory>,
        registry: Option<Arc<dyn SchemaRegistry>>,
    ) -> Self {
        Self { policy, mappings, topics, registry }
    }

    /// The topic of schema histories.
    ///
    /// # Errors
    /// The topic directory's errors.
    pub(crate) fn schema_history(&self) -> Result<Topic> {
        self.topics.schema_history()
    }

    /// The route of a table, as messages name it; makes its topic if the policy says so.
    ///
    /// # Errors
    /// The topic directory's errors.
    pub(crate) fn table(&self, schema: &TableSchema) -> Result<TableRoute> {
        let makes = !matches!(self.policy.topic, TopicPolicy::One(_));
        let topic = self.topics.resolve(&self.topic_name(schema), makes)?;
        let fixed = |key: String| Spread::Fixed {
            partition: kafka_partition(key.as_bytes(), topic.partitions),
            key: key.into_bytes(),
        };
        let spread = match self.policy.partition {
            PartitionPolicy::Zero => Spread::Fixed { partition: 0, key: Vec::new() },
            PartitionPolicy::Database => fixed(schema.database.clone()),
            PartitionPolicy::PrimaryKey if !schema.primary_key.is_empty() => Spread::PrimaryKey,
            PartitionPolicy::Table | PartitionPolicy::PrimaryKey => fixed(schema.full_name()),
        };
        Ok(TableRoute { topic, spread })
    }

    /// The topic of a table, as messages name it.
    fn topic_name(&self, schema: &TableSchema) -> Cow<'_, str> {
        self.topic_of(&schema.database, &schema.table)
    }

    /// The same by its names.
    pub(crate) fn topic_of(&self, database: &str, table: &str) -> Cow<'_, str> {
        match &self.policy.topic {
            TopicPolicy::One(name) => name.into(),
            TopicPolicy::PerTable(format) => fill(format, database, table).into(),
            TopicPolicy::PerDatabase(format) => fill(format, database, "").into(),
        }
    }

    /// The ids of the schemas of a table's messages, the table as messages name it.
    ///
    /// # Errors
    /// The registry's errors.
    pub(crate) fn schema_ids(&self, table: &TableSchema, schemas: &AvroSchemas) -> Result<AvroIds> {
        let Some(registry) = &self.registry else {
            return Err(Error::new(ErrorKind::Bug, "a schema without a registry"));
        };
        let topic = self.topic_name(table);
        let subject = |part: &str, record: &str| self.policy.subjects.subject(&topic, part, record);
        let key = match &schemas.key {
            None => 0,
            Some(key) => registry.id(&subject("key", &schemas.key_record), key)?,
        };
        let value = registry.id(&subject("value", &schemas.value_record), &schemas.value)?;
        Ok(AvroIds { key, value })
    }

    /// Where changes of a table go that its topic cannot have, if there is such a place; the table as messages name it.
    ///
    /// # Errors
    /// The topic directory's errors.
    pub(crate) fn dead_letters(&self, table: &TableSchema) -> Result<Option<DeadLetterTopics>> {
        let Some(name) = &self.policy.dead_letter_topic else { return Ok(None) };
        let meant_for = self.topic_name(table).into_owned();
        Ok(Some(DeadLetterTopics {
            topic: self.topics.resolve(name, false)?,
            letter_bytes_max: self.topics.message_bytes_max(name)?,
            message_bytes_max: self.topics.message_bytes_max(&meant_for)?,
            meant_for,
        }))
    }

    /// Whether every table has a topic of its own.
    pub(crate) fn has_topic_per_table(&self) -> bool {
        matches!(self.policy.topic, TopicPolicy::PerTable(_))
    }

    /// Whether a table of the source has a topic of its own that has still to be asked for.
    pub(crate) fn has_unknown_topic(&self, database: &str, table: &str) -> bool {
        match &self.policy.topic {
            TopicPolicy::PerTable(format) => {
                let (database, table) = self.mappings.names(database, table);
                !self.topics.knows(&fill(format, database, table))
            }
            TopicPolicy::PerDatabase(_) | TopicPolicy::One(_) => false,
        }
    }

    /// Makes the topics of tables of the source (database and table) together, where each has one of its own.
    pub(crate) fn prepare(&self, tables: &[(String, String)]) {
        if let TopicPolicy::PerTable(format) = &self.policy.topic {
            let names: Vec<String> = tables
                .iter()
                .map(|(database, table)| self.mappings.names(database, table))
                .map(|(database, table)| fill(format, database, table))
                .collect();
            self.topics.prepare(&names);
        }
    }

    /// The topic of DDL messages, if they are sent.
    ///
    /// # Errors
    /// The topic directory's errors.
    pub(crate) fn ddl(&self) -> Result<Option<Topic>> {
        self.policy.ddl_topic.as_ref().map(|name| self.topics.resolve(name, false)).transpose()
    }

    /// The topic of markers of transactions, if they are sent.
    ///
    /// # Errors
    /// The topic directory's errors.
    pub(crate) fn transactions(&self) -> Result<Option<Topic>> {
        let name = self.policy.transaction_topic.as_ref();
        name.map(|name| self.topics.resolve(name, false)).transpose()
    }

    /// The topic of signs of life, if they are sent.
    ///
    /// # Errors
    /// The topic directory's errors.
    pub(crate) fn heartbeats(&self) -> Result<Option<Topic>> {
        let heartbeat = self.policy.heartbeat.as_ref();
        heartbeat.map(|heartbeat| self.topics.resolve(&heartbeat.topic, false)).transpose()
    }
}

/// Fills a topic name format. MySQL has no schema between database and table, so `$schema$` is empty.
fn fill(format: &str, database: &str, table: &str) -> String {
    let name = format
        .replace("$database$", database)
        .replace("-$schema$", "")
        .replace("$schema$", "")
        .replace("$tablename$", table);
    // A statement that names no table leaves the separator of the format behind.
    if table.is_empty() { name.trim_end_matches(['-', '_', '.']).to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn topic_names_follow_the_format() {
        assert_eq!(fill("$database$-$tablename$", "shop", "orders"), "shop-orders");
        assert_eq!(fill("$database$-$schema$-$tablename$", "shop", "orders"), "shop-orders");
        assert_eq!(fill("cdc.$database$.$tablename$", "shop", ""), "cdc.shop");
        assert_eq!(fill("$database$", "shop", ""), "shop");
    }
}
