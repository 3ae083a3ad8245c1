//! Data and progress become visible together, once, and only by the newest worker.

use std::time::Duration;

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::sink::{Sink, TopicDirectory};

use super::{batch, checkpoint, committed, keys, open, shared_job, start, value, wait_durable};
use crate::support::unique;

#[test]
fn what_is_committed_is_visible_and_recovered() {
    let spec = shared_job();
    let name = unique("eo");
    let (mut sink, topic, found) = start(&spec, 1, &name);
    assert_eq!(found, None);
    sink.write(batch(topic, [("a", value("1")), ("b", value("2"))])).unwrap();
    sink.write(batch(topic, [("a2", value("3"))])).unwrap();
    assert_eq!(committed(&spec.target, &name), [""; 0], "nothing before the commit");
    sink.commit(&checkpoint(1, 4)).unwrap();
    assert_eq!(sink.durable(Duration::ZERO).unwrap(), Some(checkpoint(1, 4)));
    assert_eq!(sink.durable(Duration::ZERO).unwrap(), None, "it is told once");
    // Progress alone.
    sink.commit(&checkpoint(1, 5)).unwrap();
    drop(sink);

    let (mut sink, _, found) = start(&spec, 2, &name);
    assert_eq!(found, Some(checkpoint(1, 5)));
    assert_eq!(committed(&spec.target, &name), ["a", "a2", "b"]);
    let order = keys(&spec.target, &name, "read_committed");
    assert_eq!(order[&(i32::from(b'a') % 2)], ["a", "a2"]);
    // A recovery begins anew at any time.
    assert_eq!(sink.recover().unwrap(), Some(checkpoint(1, 5)));
}

#[test]
fn what_is_not_committed_is_never_visible() {
    let spec = shared_job();
    let name = unique("eo");
    let (mut sink, topic, _) = start(&spec, 1, &name);
    sink.write(batch(topic, [("kept", value("1"))])).unwrap();
    sink.commit(&checkpoint(1, 2)).unwrap();
    sink.write(batch(topic, [("lost", value("2"))])).unwrap();
    // Recovery stands for a new start after a crash.
    assert_eq!(sink.recover().unwrap(), Some(checkpoint(1, 2)));
    sink.write(batch(topic, [("later", value("3"))])).unwrap();
    sink.commit(&checkpoint(1, 3)).unwrap();
    assert_eq!(committed(&spec.target, &name), ["kept", "later"]);
}

#[test]
fn a_newer_worker_fences_the_older_one() {
    let spec = shared_job();
    let name = unique("eo");
    let (mut old, topic, _) = start(&spec, 1, &name);
    old.write(batch(topic, [("a", value("1"))])).unwrap();
    old.commit(&checkpoint(1, 2)).unwrap();
    old.write(batch(topic, [("zombie", value("2"))])).unwrap();

    let (mut new, topic, found) = start(&spec, 2, &name);
    assert_eq!(found, Some(checkpoint(1, 2)));
    new.write(batch(topic, [("b", value("3"))])).unwrap();
    new.commit(&checkpoint(2, 3)).unwrap();

    let error = old.commit(&checkpoint(1, 3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    assert_eq!(committed(&spec.target, &name), ["a", "b"]);
    // The older worker cannot come back either, nor does its attempt disturb the newer one.
    let error = old.recover().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    new.write(batch(topic, [("c", value("4"))])).unwrap();
    new.commit(&checkpoint(2, 4)).unwrap();
    assert_eq!(committed(&spec.target, &name), ["a", "b", "c"]);
}

#[test]
fn forgetting_removes_the_record_and_fences() {
    let spec = shared_job();
    let name = unique("eo");
    let (mut sink, topic, _) = start(&spec, 1, &name);
    sink.write(batch(topic, [("a", value("1"))])).unwrap();
    sink.commit(&checkpoint(1, 2)).unwrap();
    let (mut other, _) = open(&spec, 2);
    other.forget().unwrap();
    assert_eq!(sink.commit(&checkpoint(1, 3)).unwrap_err().kind(), ErrorKind::Fenced);
    let (mut fresh, _) = open(&spec, 3);
    assert_eq!(fresh.recover().unwrap(), None);
}

#[test]
fn a_sink_that_has_not_recovered_takes_nothing() {
    let spec = shared_job();
    let (mut sink, topics) = open(&spec, 1);
    let topic = topics.resolve(&unique("eo"), true).unwrap();
    let error = sink.write(batch(topic, [("a", value("1"))])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bug, "{error}");
    assert_eq!(sink.commit(&checkpoint(1, 2)).unwrap_err().kind(), ErrorKind::Bug);
}

#[test]
fn records_of_other_jobs_are_passed_over() {
    let spec = shared_job();
    let name = unique("eo");
    let (mut sink, _, _) = start(&spec, 1, &name);
    sink.commit(&checkpoint(1, 7)).unwrap();
    let other = shared_job();
    let (mut noisy, _, _) = start(&other, 1, &name);
    for n in 0..200 {
        noisy.commit(&checkpoint(1, n)).unwrap();
    }
    assert_eq!(start(&spec, 2, &name).2, Some(checkpoint(1, 7)));
    assert_eq!(wait_durable(&mut noisy, 199), checkpoint(1, 199));
}

/// A worker that is killed in the middle of a commit leaves its transaction open, with the progress
/// record in it; only the next worker can end it.
#[test]
fn a_transaction_that_a_dead_worker_left_open_is_dropped_at_once() {
    for lane in ["", "-2"] {
        left_open_by_a_dead_worker(lane);
    }
}

fn left_open_by_a_dead_worker(lane: &str) {
    use rdkafka::config::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    let mut spec = shared_job();
    spec.policy.progress_topic = unique("progress");
    let name = unique("eo");
    let (mut sink, topic, _) = start(&spec, 1, &name);
    sink.write(batch(topic, [("kept", value("1"))])).unwrap();
    sink.commit(&checkpoint(1, 2)).unwrap();
    drop(sink);
    let dead: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &spec.target.brokers)
        .set("transactional.id", format!("tailrace-{}{lane}", spec.job_id))
        .create()
        .unwrap();
    dead.init_transactions(Duration::from_secs(30)).unwrap();
    dead.begin_transaction().unwrap();
    let progress = checkpoint(1, 3).to_bytes().unwrap();
    dead.send(BaseRecord::to(&name).partition(0).key("lost").payload("x")).unwrap();
    let record = BaseRecord::to(&spec.policy.progress_topic).partition(0).key(&spec.job_id);
    dead.send(record.payload(&progress)).unwrap();
    while dead.in_flight_count() > 0 {
        dead.poll(Duration::from_millis(1));
    }
    let begun = std::time::Instant::now();
    let (mut sink, topic, found) = start(&spec, 2, &name);
    assert_eq!(found, Some(checkpoint(1, 2)));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    sink.write(batch(topic, [("later", value("1"))])).unwrap();
    sink.commit(&checkpoint(2, 3)).unwrap();
    assert_eq!(committed(&spec.target, &name), ["kept", "later"]);
}

/// A job whose worker died in the middle of a commit leaves a transaction open in the partition of
/// progress records.
#[test]
fn an_open_transaction_of_another_job_hides_nothing_that_matters() {
    use rdkafka::config::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    let mut spec = shared_job();
    // Own topic, so that no other test waits.
    spec.policy.progress_topic = unique("progress");
    let name = unique("eo");
    let (mut sink, _, _) = start(&spec, 1, &name);
    sink.commit(&checkpoint(1, 2)).unwrap();

    let dead: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &spec.target.brokers)
        .set("transactional.id", unique("dead"))
        .create()
        .unwrap();
    dead.init_transactions(Duration::from_secs(30)).unwrap();
    dead.begin_transaction().unwrap();
    let record = BaseRecord::to(&spec.policy.progress_topic).partition(0).key("x").payload("{}");
    dead.send(record).unwrap();
    while dead.in_flight_count() > 0 {
        dead.poll(Duration::from_millis(1));
    }
    // This job's record lies in front of the open transaction: no wait.
    let begun = std::time::Instant::now();
    assert_eq!(start(&spec, 2, &name).2, Some(checkpoint(1, 2)));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());

    // Now one lies behind it: the start waits until the transaction has an outcome.
    sink = start(&spec, 3, &name).0;
    sink.commit(&checkpoint(3, 3)).unwrap();
    drop(sink);
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let waiting = {
        let (spec, name) = (spec.clone(), name);
        std::thread::spawn(move || {
            let found = start(&spec, 4, &name).2;
            sender.send(()).unwrap();
            found
        })
    };
    let early = receiver.recv_timeout(Duration::from_secs(3));
    assert!(early.is_err(), "the outcome was not known yet");
    dead.abort_transaction(Duration::from_secs(30)).unwrap();
    assert_eq!(waiting.join().unwrap(), Some(checkpoint(3, 3)));
}
