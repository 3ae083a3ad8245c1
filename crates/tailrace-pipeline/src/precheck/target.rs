//! Items of a Kafka target.

use crate::error::{Error, ErrorKind, Result};
use crate::job::{Delivery, JobSpec, TopicPolicy};
use crate::precheck::{CheckItem, CheckResult};
use crate::sink::kafka::probe::{self, KafkaProbe};

const TARGET: &str = "target";

/// `keeps_history`: the job will keep a schema history in a topic of its own.
pub(super) fn run(spec: &JobSpec, keeps_history: bool) -> Vec<CheckItem> {
    let found = match probe::probe(&spec.target) {
        Ok(found) => found,
        Err(e) => return vec![CheckItem::error("dstDbConnection", TARGET, &e)],
    };
    let mut items = vec![CheckItem::passed("dstDbConnection", TARGET)];
    items.push(listeners(&found));
    items.push(replication(spec, &found));
    items.push(topic(spec, &found));
    if let Some(name) = &spec.policy.ddl_topic {
        items.push(existing(
            spec,
            "kafkaDdlTopicCheck",
            name,
            &found,
            "Create the topic for DDL messages.",
        ));
    }
    let more = [
        (
            "kafkaTransactionTopicCheck",
            spec.policy.transaction_topic.as_ref(),
            "markers of transactions",
        ),
        (
            "kafkaHeartbeatTopicCheck",
            spec.policy.heartbeat.as_ref().map(|one| &one.topic),
            "heartbeats",
        ),
        (
            "kafkaDeadLetterTopicCheck",
            spec.policy.dead_letter_topic.as_ref(),
            "changes that cannot be delivered",
        ),
    ];
    for (item, name, what) in more {
        if let Some(name) = name {
            items.push(existing(
                spec,
                item,
                name,
                &found,
                &format!("Create the topic for {what}."),
            ));
        }
    }
    let check = |item, result: Result<()>| match result {
        Ok(()) => CheckItem::passed(item, TARGET),
        Err(e) => CheckItem::error(item, TARGET, &e),
    };
    items.push(check("kafkaProgressTopicCheck", probe::check_progress_topic(spec)));
    if keeps_history {
        items.push(check("kafkaSchemaHistoryTopicCheck", probe::check_history_topic(spec)));
    }
    if spec.policy.delivery == Delivery::ExactlyOnce {
        items.push(check("kafkaTransactionCheck", probe::check_transactions(spec)));
    }
    items.push(message_size(spec));
    items
}

fn replication(spec: &JobSpec, found: &KafkaProbe) -> CheckItem {
    let brokers = found.brokers.len();
    let factor = usize::try_from(spec.policy.replication_factor).unwrap_or(usize::MAX);
    CheckItem::when(
        "kafkaReplicationFactorCheck",
        TARGET,
        (factor > brokers).then(|| {
            (
                CheckResult::Failed,
                format!("replication_factor is {factor}, the target has {brokers} brokers"),
                "Choose a replication factor of at most the number of brokers.",
            )
        }),
    )
}

fn listeners(found: &KafkaProbe) -> CheckItem {
    let failed = probe::unreachable(&found.brokers);
    let texts: Vec<String> = failed
        .iter()
        .map(|(broker, why)| format!("broker {} at {broker}: {why}", broker.id))
        .collect();
    CheckItem::when(
        "kafkaListenerCheck",
        TARGET,
        (!failed.is_empty()).then(|| {
            (
                CheckResult::Failed,
                format!("advertised addresses that cannot be reached: {}", texts.join("; ")),
                "Correct advertised.listeners of these brokers, or the network between.",
            )
        }),
    )
}

fn existing(
    spec: &JobSpec,
    item: &'static str,
    name: &str,
    found: &KafkaProbe,
    remedy: &str,
) -> CheckItem {
    if found.topics.iter().any(|t| t == name) {
        return match probe::check_topic(spec, name) {
            Ok(()) => CheckItem::passed(item, TARGET),
            Err(e) => CheckItem::error(item, TARGET, &e),
        };
    }
    CheckItem::with(
        item,
        TARGET,
        CheckResult::Failed,
        format!("topic {name} does not exist, or this account may not see it"),
        remedy,
    )
}

fn topic(spec: &JobSpec, found: &KafkaProbe) -> CheckItem {
    const ITEM: &str = "kafkaTopicPolicyCheck";
    match &spec.policy.topic {
        TopicPolicy::One(name) => {
            existing(spec, ITEM, name, found, "Create the topic, or let topics be made per table.")
        }
        TopicPolicy::PerTable(_) | TopicPolicy::PerDatabase(_) => match probe::check_create(spec) {
            Ok(()) => CheckItem::passed(ITEM, TARGET),
            Err(e) => CheckItem::error(ITEM, TARGET, &e),
        },
    }
}

/// Rows may be as large as the source allows; a broker that takes little is worth a warning.
fn message_size(spec: &JobSpec) -> CheckItem {
    const ITEM: &str = "kafkaMaxMessageSizeCheck";
    const ADVISED_BYTES: u64 = 1_000_000;
    let (bytes, setting) = match &spec.policy.topic {
        TopicPolicy::One(name) => (
            probe::topic_message_bytes_max(&spec.target, name),
            format!("max.message.bytes of topic {name}"),
        ),
        TopicPolicy::PerTable(_) | TopicPolicy::PerDatabase(_) => {
            (probe::message_bytes_max(&spec.target), "message.max.bytes of the brokers".to_owned())
        }
    };
    match bytes {
        Ok(Some(bytes)) if bytes < ADVISED_BYTES => CheckItem::with(
            ITEM,
            TARGET,
            CheckResult::Alarm,
            format!("{setting} is {bytes}"),
            "Raise the setting where rows can be larger.",
        ),
        Ok(_) => CheckItem::passed(ITEM, TARGET),
        // Reading settings needs an ACL of its own, which the job does not.
        Err(e) if e.kind() == ErrorKind::TargetPrivilege => CheckItem::with(
            ITEM,
            TARGET,
            CheckResult::Alarm,
            format!("the brokers' settings cannot be read: {}", e.message()),
            "Allow DescribeConfigs on the cluster to see this limit.",
        ),
        Err(e) => CheckItem::error(ITEM, TARGET, &Error::new(e.kind(), e.message())),
    }
}
