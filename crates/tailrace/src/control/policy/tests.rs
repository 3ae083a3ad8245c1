use super::*;

fn text(pairs: &[(&str, &str)]) -> PolicyText {
    let mut text = PolicyText::default();
    for (name, value) in pairs {
        let value = Some((*value).to_owned());
        match *name {
            "topic_policy" => text.topic_policy = value,
            "topic" => text.topic = value,
            "topic_name_format" => text.topic_name_format = value,
            "partition_policy" => text.partition_policy = value,
            "kafka_data_format" => text.kafka_data_format = value,
            "partitions_num" => text.partitions_num = value,
            "replication_factor" => text.replication_factor = value,
            "ddl_topic" => {
                text.ddl_trans = Some(true);
                text.ddl_topic = value;
            }
            "transaction_topic" => text.transaction_topic = value,
            "heartbeat_topic" => text.heartbeat_topic = value,
            "heartbeat_interval_s" => text.heartbeat_interval_s = value,
            "message_headers" => text.message_headers = value,
            "dead_letter_topic" => text.dead_letter_topic = value,
            "debezium_modes" => text.debezium_modes = value,
            "file_and_position" => text.file_and_position = value,
            "gtid_set" => text.gtid_set = value,
            "tombstones" => text.tombstones = value.map(|value| value == "true"),
            "subject_naming" => text.subject_naming = value,
            "compression" => text.compression = value,
            "dml_types" => text.dml_types = value,
            "delivery" => text.delivery = value,
            "progress_topic" => text.progress_topic = value,
            "filter_ddl_policy" => {
                text.attributes.insert(FILTER_DDL.to_owned(), value.into());
            }
            other => panic!("no member {other}"),
        }
    }
    text
}

/// The member that is refused, if one is.
fn refused(pairs: &[(&str, &str)]) -> Option<String> {
    match SyncPolicy::parse_kafka(&text(pairs)) {
        Ok(_) => None,
        Err(Refusal::Invalid { field, .. } | Refusal::Missing { field }) => Some(field),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn an_empty_policy_is_the_default_one() {
    assert_eq!(SyncPolicy::parse_kafka(&text(&[])).unwrap(), SyncPolicy::default_for_unset());
}

#[test]
fn every_member_is_taken_over() {
    let policy = SyncPolicy::parse_kafka(&text(&[
        ("topic_policy", "0"),
        ("topic", "orders"),
        ("partition_policy", "2"),
        ("kafka_data_format", "json_c"),
        ("partitions_num", "12"),
        ("replication_factor", "3"),
        ("ddl_topic", "ddl"),
        ("transaction_topic", "tx"),
        ("heartbeat_topic", "beat"),
        ("heartbeat_interval_s", "3600"),
        ("message_headers", "source"),
        ("dead_letter_topic", "dead"),
        ("gtid_set", "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5"),
        ("subject_naming", "record"),
        ("compression", "zstd"),
        ("dml_types", "d, i"),
        ("delivery", "at_least_once"),
        ("progress_topic", "p"),
    ]))
    .unwrap();
    assert_eq!(
        policy,
        SyncPolicy {
            topic: TopicChoice::One { topic: "orders".to_owned() },
            partition: PartitionChoice::PrimaryKey,
            format: DataFormat::JsonC,
            partitions_num: 12,
            replication_factor: 3,
            ddl_topic: Some("ddl".to_owned()),
            transaction_topic: Some("tx".to_owned()),
            heartbeat: Some(HeartbeatChoice { topic: "beat".to_owned(), interval_s: 3600 }),
            headers: HeaderSet::Source,
            dead_letter_topic: Some("dead".to_owned()),
            debezium: DebeziumModes::default(),
            subjects: SubjectNaming::Record,
            tombstones: false,
            compression: Compression::Zstd,
            changes: ChangeKinds { insert: true, update: false, delete: true },
            delivery: DeliveryPromise::AtLeastOnce,
            progress_topic: "p".to_owned(),
            start_position: Some(StartPosition {
                file_and_position: None,
                gtid_set: Some("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5".to_owned()),
            }),
            database: None,
            attributes: Attributes::new(),
        }
    );
}

#[test]
fn tombstones_need_messages_whose_key_is_their_rows() {
    for (format, partition, fits) in [
        ("json", "2", true),
        ("canal", "2", true),
        ("debezium", "0", true),
        ("maxwell", "1", true),
        ("json", "0", false),
        ("canal", "1", false),
    ] {
        let refused = refused(&[
            ("kafka_data_format", format),
            ("partition_policy", partition),
            ("tombstones", "true"),
        ]);
        assert_eq!(refused, (!fits).then(|| "tombstones".to_owned()), "{format} {partition}");
    }
}

#[test]
fn pairs_of_topic_and_partition_policy() {
    let table = [("0", "0123"), ("1", "012"), ("2", "0123")];
    for (topic, allowed) in table {
        for partition in ["0", "1", "2", "3", "4", "5", "x"] {
            let refused = refused(&[
                ("topic_policy", topic),
                ("topic", "t"),
                ("partition_policy", partition),
            ]);
            let expected = (!allowed.contains(partition)).then(|| "partition_policy".to_owned());
            assert_eq!(refused, expected, "topic {topic} partition {partition}");
        }
    }
}

#[test]
fn bad_members_are_named() {
    let long = "x".repeat(250);
    let gtid = "x".repeat(2049);
    for (pairs, field) in [
        (vec![("topic_policy", "3")], "topic_policy"),
        (vec![("filter_ddl_policy", "drop_table")], "filter_ddl_policy"),
        (vec![("topic_policy", "0")], "topic"),
        (vec![("topic_policy", "0"), ("topic", "a b")], "topic"),
        (vec![("topic_policy", "0"), ("topic", "..")], "topic"),
        (vec![("topic_policy", "0"), ("topic", long.as_str())], "topic"),
        (vec![("topic_name_format", "$schema$-$tablename$")], "topic_name_format"),
        (vec![("topic_name_format", "all")], "topic_name_format"),
        (vec![("topic_policy", "2"), ("topic_name_format", "$tablename$")], "topic_name_format"),
        (vec![("kafka_data_format", "protobuf")], "kafka_data_format"),
        (vec![("partitions_num", "0")], "partitions_num"),
        (vec![("partitions_num", "2147483648")], "partitions_num"),
        (vec![("partitions_num", "many")], "partitions_num"),
        (vec![("replication_factor", "32768")], "replication_factor"),
        (vec![("ddl_topic", "")], "ddl_topic"),
        (vec![("transaction_topic", "a b")], "transaction_topic"),
        (vec![("heartbeat_topic", "a/b")], "heartbeat_topic"),
        (vec![("message_headers", "all")], "message_headers"),
        (vec![("dead_letter_topic", "a/b")], "dead_letter_topic"),
        (vec![("debezium_modes", "decimal.handling.mode=string")], "debezium_modes"),
        (
            vec![("kafka_data_format", "avro"), ("debezium_modes", "decimal.handling.mode=x")],
            "debezium_modes",
        ),
        (vec![("heartbeat_interval_s", "0")], "heartbeat_interval_s"),
        (vec![("heartbeat_topic", "b"), ("heartbeat_interval_s", "3601")], "heartbeat_interval_s"),
        (vec![("compression", "lzo")], "compression"),
        (vec![("subject_naming", "table")], "subject_naming"),
        (vec![("dml_types", "i,x")], "dml_types"),
        (vec![("dml_types", ",")], "dml_types"),
        (vec![("delivery", "at_most_once")], "delivery"),
        (vec![("file_and_position", "mysql-bin:4")], "file_and_position"),
        (vec![("file_and_position", "mysql-bin.01:4")], "file_and_position"),
        (vec![("file_and_position", ".000001:4")], "file_and_position"),
        (vec![("file_and_position", "mysql-bin.000001:")], "file_and_position"),
        (vec![("file_and_position", "mysql-bin.000001:99999999999999999999")], "file_and_position"),
        (vec![("gtid_set", gtid.as_str())], "gtid_set"),
    ] {
        assert_eq!(refused(&pairs).as_deref(), Some(field), "{pairs:?}");
    }
}

#[test]
fn a_file_and_position_is_taken_apart() {
    assert_eq!(
        split_file_and_position("my.host-bin.000277:805").unwrap(),
        ("my.host-bin.000277".to_owned(), 805)
    );
}

#[test]
fn debeziums_modes_are_kept_as_they_were_given() {
    let modes = "binary.handling.mode=hex,time.precision.mode=connect";
    let text = PolicyText {
        kafka_data_format: Some("debezium".to_owned()),
        debezium_modes: Some(format!(" {modes}")),
        ..text(&[])
    };
    assert_eq!(
        SyncPolicy::parse_kafka(&text).expect("valid").debezium_modes().as_deref(),
        Some(modes)
    );
}
