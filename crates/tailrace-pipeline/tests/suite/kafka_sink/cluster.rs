//! Whether a target is fit for a job.

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::{Delivery, KafkaEndpoint, PasswordMechanism, Sasl};
use tailrace_pipeline::sink::kafka::probe::{Broker, probe, unreachable};
use tailrace_pipeline::sink::{Sink, TopicDirectory};
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions, password};

use super::{batch, checkpoint, job, open, plain, shared, value};
use crate::support::unique;

#[test]
fn a_probe_tells_brokers_and_topics() {
    let endpoint = plain(shared());
    let (_, topics) = open(&job(endpoint.clone(), Delivery::ExactlyOnce), 1);
    let name = unique("probe");
    topics.resolve(&name, true).unwrap();
    let found = probe(&endpoint).unwrap();
    assert_eq!(found.brokers.len(), 1);
    assert_eq!(found.brokers[0].to_string(), endpoint.brokers);
    assert!(found.cluster_id.is_some_and(|id| !id.is_empty()));
    assert!(found.topics.contains(&name));
    assert_eq!(unreachable(&found.brokers), []);
    let gone = Broker { id: 9, host: "127.0.0.1".into(), port: 1 };
    let failed = unreachable(&[found.brokers[0].clone(), gone.clone()]);
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0, gone);
    assert!(failed[0].1.contains("refused"), "{failed:?}");
}

/// Each right that is missing is named; with all of them, and with none for the group, the job runs.
#[test]
fn missing_rights_are_named() {
    let cluster =
        KafkaCluster::start(KafkaOptions { sasl: true, acl: true, ..KafkaOptions::default() })
            .unwrap();
    let mut spec = job(
        KafkaEndpoint {
            brokers: cluster.bootstrap_sasl_plaintext(),
            sasl: Some(Sasl::Password {
                mechanism: PasswordMechanism::ScramSha512,
                user: "alice".into(),
                password: password("alice").into(),
            }),
            tls: None,
        },
        Delivery::ExactlyOnce,
    );
    spec.policy.progress_topic = "progress".into();
    let allow = |resource: &[&str], operations: &[&str]| {
        let mut args = vec!["--add", "--allow-principal", "User:alice"];
        args.extend(resource);
        args.extend(operations.iter().flat_map(|o| ["--operation", *o]));
        cluster.tool("acls", &args).unwrap();
    };
    let (mut sink, topics) = open(&spec, 1);
    let refused = |error: tailrace_pipeline::Error, acl: &str| {
        assert_eq!(error.kind(), ErrorKind::TargetPrivilege, "{error}");
        assert!(error.message().contains(acl), "{error}");
    };
    refused(sink.recover().unwrap_err(), "on topic progress");
    allow(&["--topic", "progress"], &["Describe"]);
    refused(sink.recover().unwrap_err(), "Create on topic progress");
    allow(&["--topic", "progress"], &["Create"]);
    let id = format!("tailrace-{}", spec.job_id);
    refused(sink.recover().unwrap_err(), &format!("transactional ids with prefix {id}"));
    let ids = ["--transactional-id", &id, "--resource-pattern-type", "prefixed"];
    allow(&ids, &["Write", "Describe"]);
    // Before there is a record that could not be read.
    refused(sink.recover().unwrap_err(), "Read and Describe on topic progress");
    allow(&["--topic", "progress"], &["Read"]);
    assert_eq!(sink.recover().unwrap(), None);
    refused(sink.commit(&checkpoint(1, 2)).unwrap_err(), "on topic progress");
    allow(&["--topic", "progress"], &["Write"]);
    allow(&["--topic", "data"], &["Describe", "Create"]);
    let topic = topics.resolve("data", true).unwrap();
    sink.recover().unwrap();
    let written =
        sink.write(batch(topic, [("a", value("1"))])).and_then(|()| sink.commit(&checkpoint(1, 2)));
    refused(written.unwrap_err(), "on topic data");
    allow(&["--topic", "data"], &["Write"]);
    sink.recover().unwrap();
    sink.write(batch(topic, [("a", value("1"))])).unwrap();
    sink.commit(&checkpoint(1, 2)).unwrap();
    assert_eq!(sink.recover().unwrap(), Some(checkpoint(1, 2)));
}
