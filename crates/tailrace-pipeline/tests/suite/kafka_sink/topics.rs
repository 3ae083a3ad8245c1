//! Topics: found, made, refused.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::Compression;
use tailrace_pipeline::sink::{Sink, TopicDirectory};

use super::{batch, checkpoint, committed, open, shared_job, start};
use crate::support::unique;

/// Makes a topic with settings of its own.
fn make(brokers: &str, name: &str, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let mut topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let made = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
    assert_eq!(made, [Ok(name.to_owned())]);
}

#[test]
fn topics_are_made_as_the_policy_says_and_only_if_wanted() {
    let mut spec = shared_job();
    spec.policy.partitions = 3;
    let (_, topics) = open(&spec, 1);
    let name = unique("topic");
    // The shared broker would make the topic by itself if a look-up let it.
    let error = topics.resolve(&name, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TargetTopic);
    assert!(error.message().contains(&name), "{error}");
    let made = topics.resolve(&name, true).unwrap();
    assert_eq!(made.partitions, 3);
    assert_eq!(topics.resolve(&name, false).unwrap(), made);
    let (_, others) = open(&spec, 1);
    assert_eq!(others.resolve(&name, false).unwrap().partitions, 3);
}

#[test]
fn two_encoders_that_make_the_same_topic_get_the_same() {
    let spec = shared_job();
    let (_, topics) = open(&spec, 1);
    let name = unique("topic");
    let found: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> =
            (0..4).map(|_| scope.spawn(|| topics.resolve(&name, true).unwrap())).collect();
        tries.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(found.iter().all(|topic| *topic == found[0]), "{found:?}");
}

/// Those that exist keep what they have, and a name that is not possible hinders no other.
#[test]
fn many_topics_are_made_together() {
    let mut spec = shared_job();
    spec.policy.partitions = 2;
    let (_, topics) = open(&spec, 1);
    let first = unique("many");
    assert_eq!(topics.resolve(&first, true).unwrap().partitions, 2);
    spec.policy.partitions = 3;
    let (_, topics) = open(&spec, 1);
    let mut names: Vec<String> = (0..60).map(|n| format!("{first}-{n}")).collect();
    names.extend([first, "not/possible".to_owned()]);
    topics.prepare(&names);
    let found: Vec<i32> =
        names.iter().take(61).map(|name| topics.resolve(name, false).unwrap().partitions).collect();
    assert!(found[..60].iter().all(|partitions| *partitions == 3), "{found:?}");
    assert_eq!(found[60], 2);
    let error = topics.resolve("not/possible", true).unwrap_err();
    assert!(error.message().contains("'/'"), "{error}");
}

/// A job that goes on has thousands of topics that exist: they are not asked for one by one.
#[test]
fn many_topics_that_exist_are_found_together() {
    let mut spec = shared_job();
    spec.policy.partitions = 2;
    let first = unique("many");
    let names: Vec<String> = (0..20).map(|n| format!("{first}-{n}")).collect();
    let (_, topics) = open(&spec, 1);
    assert!(names.iter().all(|name| !topics.knows(name)));
    topics.prepare(&names);
    assert!(names.iter().all(|name| topics.knows(name)));
    // One that its broker does not know yet is waited for by whoever wants to make it.
    let (_, patient) = open(&spec, 1);
    names.iter().for_each(|name| assert_eq!(patient.resolve(name, true).unwrap().partitions, 2));
    spec.policy.partitions = 3;
    let (_, topics) = open(&spec, 1);
    topics.prepare(&names);
    assert!(names.iter().all(|name| topics.knows(name)));
    for name in &names {
        assert_eq!(topics.resolve(name, false).unwrap().partitions, 2);
    }
}

#[test]
fn a_topic_that_cannot_be_made_says_why() {
    let mut spec = shared_job();
    spec.policy.replication_factor = 3;
    let (_, topics) = open(&spec, 1);
    let error = topics.resolve(&unique("topic"), true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TargetTopic, "{error}");
    assert!(error.message().contains("replication factor 3"), "{error}");
    assert!(error.message().contains("the cluster has 1 brokers"), "{error}");
    let error = topics.resolve("shop/item", true).unwrap_err();
    assert!(error.message().contains("'/'"), "{error}");
}

#[test]
fn a_progress_topic_that_is_not_compacted_is_refused() {
    let mut spec = shared_job();
    spec.policy.progress_topic = unique("progress");
    make(&spec.target.brokers, &spec.policy.progress_topic, &[("cleanup.policy", "delete")]);
    let error = open(&spec, 1).0.recover().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TargetTopic, "{error}");
    assert!(error.message().contains("cleanup.policy=delete"), "{error}");
}

#[test]
fn a_message_that_is_too_large_is_named_and_the_transaction_is_gone() {
    let spec = shared_job();
    let name = unique("small");
    make(&spec.target.brokers, &name, &[("max.message.bytes", "100000")]);
    let (mut sink, topic, _) = start(&spec, 1, &name);
    // Random bytes do not compress.
    let noise: String = (0..150_000).map(|_| format!("{:x}", rand::random::<u8>() & 15)).collect();
    let large = super::value(&noise);
    let mut attempts = 0;
    let error = loop {
        sink.write(batch(topic, [("small", super::value("1"))])).unwrap();
        let failed = sink
            .write(batch(topic, [("large", large.clone())]))
            .and_then(|()| sink.commit(&checkpoint(1, 2)))
            .unwrap_err();
        attempts += 1;
        // It may go with others at first, and alone after that.
        if failed.kind() != ErrorKind::Target || attempts > 5 {
            break failed;
        }
        sink.recover().unwrap();
    };
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge, "{error}");
    for part in [
        "shop.item",
        "\"large\"",
        name.as_str(),
        "max.message.bytes, which is 100000",
        "message.max.bytes",
    ] {
        assert!(error.message().contains(part), "{part}: {error}");
    }
    assert_eq!(committed(&spec.target, &name), [""; 0]);
    assert_eq!(sink.recover().unwrap(), None);
}

#[test]
fn many_small_messages_for_a_topic_that_takes_only_small_batches_arrive() {
    let spec = shared_job();
    let name = unique("small");
    make(&spec.target.brokers, &name, &[("max.message.bytes", "20000")]);
    let (mut sink, topic, _) = start(&spec, 1, &name);
    let noise =
        |n: usize| -> Vec<u8> { (0..n).map(|_| b'a' + rand::random::<u8>() % 26).collect() };
    let keys: Vec<String> = (0..300).map(|n| format!("{n:03}")).collect();
    let mut attempts = 0;
    loop {
        let messages: Vec<_> = keys.iter().map(|k| (k.as_str(), noise(1000))).collect();
        let written =
            sink.write(batch(topic, messages)).and_then(|()| sink.commit(&checkpoint(1, 2)));
        let Err(error) = written else { break };
        assert_eq!(error.kind(), ErrorKind::Target, "{error}");
        attempts += 1;
        assert!(attempts <= 2, "{error}");
        sink.recover().unwrap();
    }
    assert_eq!(committed(&spec.target, &name), keys);
}

#[test]
fn a_message_larger_than_the_bound_on_what_is_under_way_goes_alone() {
    let spec = shared_job();
    let name = unique("huge");
    make(&spec.target.brokers, &name, &[("max.message.bytes", "60000000")]);
    let (mut sink, topic, _) = start(&spec, 1, &name);
    let huge = vec![b'x'; 48 << 20];
    sink.write(batch(topic, [("a", vec![b'y'; 1000]), ("huge", huge), ("z", vec![b'y'; 1000])]))
        .unwrap();
    sink.commit(&checkpoint(1, 2)).unwrap();
    let count = super::keys(&spec.target, &name, "read_committed");
    assert_eq!(count[&0], ["a", "huge", "z"]);
}

/// Every kind of compression that a job may ask for is one that the client can do and a consumer can read.
#[test]
fn messages_arrive_with_every_compression() {
    for compression in Compression::ALL {
        let mut spec = shared_job();
        spec.policy.compression = compression;
        let name = unique("compressed");
        let (mut sink, topic, _) = start(&spec, 1, &name);
        sink.write(batch(topic, [("a", vec![b'x'; 100_000]), ("b", vec![b'y'; 10])])).unwrap();
        sink.commit(&checkpoint(1, 2)).unwrap();
        assert_eq!(committed(&spec.target, &name), ["a", "b"], "{compression:?}");
    }
}
