//! Progress follows the acknowledgements.

use std::time::Duration;

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::Delivery;
use tailrace_pipeline::sink::Sink;

use super::{batch, checkpoint, committed, job, open, plain, shared, start, value, wait_durable};
use crate::support::unique;

#[test]
fn checkpoints_become_durable_behind_their_messages() {
    let spec = job(plain(shared()), Delivery::AtLeastOnce);
    let name = unique("alo");
    let (mut sink, topic, found) = start(&spec, 1, &name);
    assert_eq!(found, None);
    let mut told = Vec::new();
    for n in 1..=300_u64 {
        let key = format!("{n:03}");
        sink.write(batch(topic, [(key.as_str(), value("x"))])).unwrap();
        sink.commit(&checkpoint(1, n)).unwrap();
        told.extend(sink.durable(Duration::ZERO).unwrap().map(|c| c.next_id));
    }
    told.push(wait_durable(&mut sink, 300).next_id);
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&300));
    assert_eq!(sink.durable(Duration::ZERO).unwrap(), None);
    drop(sink);
    let expected: Vec<String> = (1..=300).map(|n| format!("{n:03}")).collect();
    assert_eq!(committed(&spec.target, &name), expected);
    let (_, _, found) = start(&spec, 2, &name);
    assert_eq!(found, Some(checkpoint(1, 300)));
}

#[test]
fn progress_alone_becomes_durable_and_can_be_forgotten() {
    let spec = job(plain(shared()), Delivery::AtLeastOnce);
    let (mut sink, _) = open(&spec, 1);
    sink.recover().unwrap();
    sink.commit(&checkpoint(1, 2)).unwrap();
    sink.commit(&checkpoint(1, 3)).unwrap();
    wait_durable(&mut sink, 3);
    assert_eq!(sink.recover().unwrap(), Some(checkpoint(1, 3)));
    sink.forget().unwrap();
    assert_eq!(sink.recover().unwrap(), None);
}

#[test]
fn a_worker_of_an_older_epoch_does_not_start() {
    let spec = job(plain(shared()), Delivery::AtLeastOnce);
    let (mut sink, _) = open(&spec, 5);
    sink.recover().unwrap();
    sink.commit(&checkpoint(5, 2)).unwrap();
    wait_durable(&mut sink, 2);
    let error = open(&spec, 4).0.recover().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    assert!(error.message().contains("lease epoch 5"), "{error}");
}
