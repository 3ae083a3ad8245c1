//! Brokers that die while messages are under way.

use std::time::{Duration, Instant};

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::{Delivery, JobSpec};
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::sink::kafka::KafkaSink;
use tailrace_pipeline::sink::{Sink, TopicDirectory};
use tailrace_testkit::env;
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions};

use super::{batch, checkpoint, committed, job, open, plain, start, value, wait_durable};
use crate::support::{PATIENCE, unique};

/// Writes one key per commit from `from` on until `to`, recovering after every error as the engine does.
fn deliver(spec: &JobSpec, name: &str, to: u64, mut at: impl FnMut(u64)) {
    let until = Instant::now() + PATIENCE;
    let (mut sink, topics) = open(spec, 1);
    let mut next = None;
    loop {
        assert!(Instant::now() < until, "{to} was not reached");
        let written = (|| {
            let from = match next {
                Some(next) => next,
                None => sink.recover()?.map_or(1, |c| c.next_id),
            };
            let topic = topics.resolve(name, true)?;
            for n in from..=to {
                at(n);
                let key = format!("{n:04}");
                sink.write(batch(topic, [(key.as_str(), value("x"))]))?;
                sink.commit(&checkpoint(1, n + 1))?;
            }
            if spec.policy.delivery == Delivery::AtLeastOnce {
                // Its own error is enough: the loop begins again.
                while sink.durable(Duration::from_millis(50))?.is_none_or(|c| c.next_id <= to) {}
            }
            Ok(())
        })();
        match written {
            Ok(()) => return,
            Err(error) => {
                let error: tailrace_pipeline::Error = error;
                assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}");
                next = None;
            }
        }
    }
}

#[test]
fn a_killed_broker_loses_and_repeats_nothing() {
    let _alone = env::alone();
    let mut cluster = KafkaCluster::start(KafkaOptions::default()).unwrap();
    let endpoint = plain(cluster.bootstrap());
    let spec = job(endpoint.clone(), Delivery::ExactlyOnce);
    let name = unique("killed");
    // In the middle of a transaction, the broker is gone and comes back.
    let (mut sink, topic, _) = start(&spec, 1, &name);
    sink.write(batch(topic, [("0000", value("x"))])).unwrap();
    cluster.kill(1).unwrap();
    let restarting = std::thread::spawn(move || {
        cluster.restart(1).unwrap();
        cluster
    });
    let first = sink.commit(&checkpoint(1, 1));
    let mut cluster = restarting.join().unwrap();
    match &first {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}"),
    }
    let found = sink.recover().unwrap();
    assert_eq!(found.is_some(), !committed(&endpoint, &name).is_empty(), "both or neither");
    if first.is_ok() {
        assert_eq!(found, Some(checkpoint(1, 1)));
    }
    drop(sink);
    // And between and in commits that go on.
    let mut killed = false;
    deliver(&spec, &name, 60, |n| {
        if n == 20 && !killed {
            killed = true;
            cluster.kill(1).unwrap();
            cluster.restart(1).unwrap();
        }
    });
    let mut expected: Vec<String> = (1..=60).map(|n| format!("{n:04}")).collect();
    if found.is_some() {
        expected.insert(0, "0000".into());
    }
    assert_eq!(committed(&endpoint, &name), expected);
}

#[test]
fn three_brokers_go_on_without_the_one_that_leads() {
    let _alone = env::alone();
    let mut cluster =
        KafkaCluster::start(KafkaOptions { brokers: 3, ..KafkaOptions::default() }).unwrap();
    for (delivery, broker) in [(Delivery::ExactlyOnce, 1), (Delivery::AtLeastOnce, 2)] {
        let mut spec = job(plain(cluster.bootstrap()), delivery);
        spec.policy.replication_factor = 3;
        spec.policy.partitions = 3;
        let name = unique("three");
        let mut killed = false;
        deliver(&spec, &name, 60, |n| {
            if n == 20 && !killed {
                killed = true;
                cluster.kill(broker).unwrap();
            }
        });
        let mut seen = committed(&spec.target, &name);
        let expected: Vec<String> = (1..=60).map(|n| format!("{n:04}")).collect();
        if delivery == Delivery::AtLeastOnce {
            seen.dedup();
        }
        assert_eq!(seen, expected, "{delivery:?}");
        cluster.restart(broker).unwrap();
    }
}

#[test]
fn a_stop_does_not_wait_for_a_target_that_is_down() {
    let mut cluster = KafkaCluster::start(KafkaOptions::default()).unwrap();
    let spec = job(plain(cluster.bootstrap()), Delivery::ExactlyOnce);
    let name = unique("stopped");
    let stop = StopSignal::new();
    let (sink, topics) = KafkaSink::open(&spec, 1).unwrap();
    let mut sink = sink.stopped_by(stop.clone());
    sink.recover().unwrap();
    let topic = topics.resolve(&name, true).unwrap();
    sink.write(batch(topic, [("a", value("1"))])).unwrap();
    sink.commit(&checkpoint(1, 2)).unwrap();
    wait_durable(&mut sink, 2);
    sink.write(batch(topic, [("b", value("1"))])).unwrap();
    cluster.kill(1).unwrap();
    stop.stop();
    let begun = Instant::now();
    let error = sink.commit(&checkpoint(1, 3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    drop(sink);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
