//! TLS and SASL: what lets in, and how quickly a refusal shows.

use std::fs;
use std::time::{Duration, Instant};

use tailrace_pipeline::job::{Delivery, KafkaEndpoint, KafkaTls, PasswordMechanism, Sasl};
use tailrace_pipeline::sink::Sink;
use tailrace_pipeline::sink::kafka::probe::probe;
use tailrace_pipeline::{Error, ErrorKind};
use tailrace_testkit::env::{self, SharedKafka};
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions, password};

use super::{batch, checkpoint, job, open, start, value};
use crate::support::unique;

/// Longest time until a refusal shows: a person waits for it.
const SECONDS: Duration = Duration::from_secs(12);

fn kafka() -> SharedKafka {
    env::kafka().expect("the shared Kafka")
}

fn tls(kafka: &SharedKafka) -> KafkaTls {
    let ca = fs::read_to_string(kafka.tls_dir.join("ca.pem")).unwrap();
    KafkaTls { ca_pem: Some(ca), verify_host: true, ..KafkaTls::default() }
}

fn sasl(mechanism: PasswordMechanism, password: &str) -> Option<Sasl> {
    Some(Sasl::Password { mechanism, user: "alice".into(), password: password.to_owned().into() })
}

/// Delivers one message and recovers the checkpoint behind it.
fn round_trip(endpoint: KafkaEndpoint) {
    let spec = job(endpoint, Delivery::ExactlyOnce);
    let name = unique("login");
    let (mut sink, topic, _) = start(&spec, 1, &name);
    sink.write(batch(topic, [("a", value("1"))])).unwrap();
    sink.commit(&checkpoint(1, 2)).unwrap();
    assert_eq!(sink.recover().unwrap(), Some(checkpoint(1, 2)));
}

/// The error of a recovery and of a probe, both of which must come soon.
fn refusals(endpoint: KafkaEndpoint) -> Vec<Error> {
    let spec = job(endpoint, Delivery::ExactlyOnce);
    let begun = Instant::now();
    let probed = probe(&spec.target).unwrap_err();
    assert!(begun.elapsed() < SECONDS, "{probed} after {:?}", begun.elapsed());
    let begun = Instant::now();
    let recovered = open(&spec, 1).0.recover().unwrap_err();
    assert!(begun.elapsed() < SECONDS, "{recovered} after {:?}", begun.elapsed());
    vec![probed, recovered]
}

#[test]
fn every_mechanism_lets_in_with_and_without_tls() {
    use PasswordMechanism as M;
    let kafka = kafka();
    for mechanism in [M::Plain, M::ScramSha256, M::ScramSha512] {
        let sasl = sasl(mechanism, &password("alice"));
        round_trip(KafkaEndpoint {
            brokers: kafka.sasl_plaintext.clone(),
            sasl: sasl.clone(),
            tls: None,
        });
        round_trip(KafkaEndpoint { brokers: kafka.sasl_ssl.clone(), sasl, tls: Some(tls(&kafka)) });
    }
}

#[test]
fn tls_without_a_login_works_and_checks_the_name_if_asked() {
    let kafka = kafka();
    let endpoint = |brokers: String, tls| KafkaEndpoint { brokers, sasl: None, tls: Some(tls) };
    round_trip(endpoint(kafka.ssl.clone(), tls(&kafka)));
    round_trip(endpoint(kafka.ssl.clone(), KafkaTls { verify_host: false, ..tls(&kafka) }));
}

#[test]
fn a_wrong_password_is_refused_within_seconds() {
    let kafka = kafka();
    for mechanism in
        [PasswordMechanism::Plain, PasswordMechanism::ScramSha256, PasswordMechanism::ScramSha512]
    {
        let endpoint = KafkaEndpoint {
            brokers: kafka.sasl_ssl.clone(),
            sasl: sasl(mechanism, "no-such-password"),
            tls: Some(tls(&kafka)),
        };
        for error in refusals(endpoint) {
            assert_eq!(error.kind(), ErrorKind::TargetAuthentication, "{error}");
            assert!(!format!("{error:?}").contains("no-such-password"), "{error:?}");
        }
    }
}

#[test]
fn a_broker_whose_certificate_nobody_vouches_for_is_refused_within_seconds() {
    let kafka = kafka();
    // A certificate that is no CA of the broker's.
    let other = fs::read_to_string(kafka.tls_dir.join("client.pem")).unwrap();
    let endpoint = KafkaEndpoint {
        brokers: kafka.ssl,
        sasl: None,
        tls: Some(KafkaTls { ca_pem: Some(other), verify_host: true, ..KafkaTls::default() }),
    };
    for error in refusals(endpoint) {
        assert_eq!(error.kind(), ErrorKind::TargetAuthentication, "{error}");
        assert!(error.message().contains("certificate"), "{error}");
    }
}

#[test]
fn a_listener_of_another_protocol_is_told_from_a_broker_that_is_down() {
    let kafka = kafka();
    let plain = KafkaEndpoint { brokers: kafka.ssl, sasl: None, tls: None };
    let error = probe(&plain).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}");
    assert!(error.message().contains("check TLS and SASL"), "{error}");
    let nobody = KafkaEndpoint { brokers: "127.0.0.1:1".into(), sasl: None, tls: None };
    let error = probe(&nobody).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}");
    assert!(error.message().contains("Connection refused"), "{error}");
}

#[test]
fn mutual_tls_wants_the_clients_certificate() {
    let cluster = KafkaCluster::start(KafkaOptions {
        tls: true,
        mutual_tls: true,
        ..KafkaOptions::default()
    })
    .unwrap();
    let read = |name: &str| fs::read_to_string(cluster.tls_dir().join(name)).unwrap();
    let mut tls = KafkaTls {
        ca_pem: Some(read("ca.pem")),
        certificate_pem: Some(read("client.pem")),
        key_pem: Some(read("client.key").into()),
        verify_host: true,
    };
    let endpoint = |tls: &KafkaTls| KafkaEndpoint {
        brokers: cluster.bootstrap_ssl(),
        sasl: None,
        tls: Some(tls.clone()),
    };
    round_trip(endpoint(&tls));
    (tls.certificate_pem, tls.key_pem) = (None, None);
    for error in refusals(endpoint(&tls)) {
        assert_eq!(error.kind(), ErrorKind::TargetAuthentication, "{error}");
    }
}
