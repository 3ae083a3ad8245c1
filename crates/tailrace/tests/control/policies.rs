//! Policies of jobs that have run.

use tailrace::control::policy::PolicyText;
use tailrace::control::{JobStatus, PauseMode, Refusal};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::MessageFormat;
use tailrace_pipeline::observe::Phase;

use crate::world::{World, caller};

fn text(members: &[(&str, &str)]) -> PolicyText {
    let mut text = PolicyText {
        topic_policy: Some("1".to_owned()),
        partition_policy: Some("0".to_owned()),
        ..PolicyText::default()
    };
    for (name, value) in members {
        let value = Some((*value).to_owned());
        match *name {
            "topic_name_format" => text.topic_name_format = value,
            "kafka_data_format" => text.kafka_data_format = value,
            "dead_letter_topic" => text.dead_letter_topic = value,
            "progress_topic" => text.progress_topic = value,
            "delivery" => text.delivery = value,
            other => panic!("{other}"),
        }
    }
    text
}

async fn set(world: &World, id: &str, members: &[(&str, &str)]) -> Result<(), Refusal> {
    world.control.set_policy(&caller(), id, &text(members)).await
}

#[tokio::test]
async fn a_running_job_takes_another_policy_up_at_its_next_checkpoint() {
    let world = World::new().await;
    let (id, run) = world.streaming("other-policy").await;
    set(&world, &id, &[("kafka_data_format", "debezium"), ("dead_letter_topic", "dead")])
        .await
        .expect("another policy");
    assert_eq!(world.job(&id).await.status(), JobStatus::IncreTransferStarted);
    run.asked_to_stop().await;
    let again = world.runner.run(1).await;
    assert_eq!(again.spec.policy.format, MessageFormat::Debezium);
    assert_eq!(again.spec.policy.dead_letter_topic.as_deref(), Some("dead"));
    again.enter(Phase::Incremental);
    // Where the job stands is kept by these.
    for (member, value) in [("progress_topic", "other"), ("delivery", "at_least_once")] {
        match set(&world, &id, &[(member, value)]).await {
            Err(Refusal::Unsupported { what, .. }) => assert!(what.contains(member), "{what}"),
            other => panic!("{member}: {other:?}"),
        }
    }
    assert_eq!(
        world.job(&id).await.policy.unwrap().progress_topic,
        again.spec.policy.progress_topic
    );
}

#[tokio::test]
async fn a_job_that_a_message_has_stopped_goes_on_with_a_dead_letter_topic() {
    let world = World::new().await;
    let (id, run) = world.streaming("too-large").await;
    run.fail(ErrorKind::MessageTooLarge, "a change of shop.items");
    world.until(&id, JobStatus::IncreTransferFailed).await;
    set(&world, &id, &[("dead_letter_topic", "dead")]).await.expect("a dead-letter topic");
    assert_eq!(world.job(&id).await.status(), JobStatus::IncreTransferFailed);
    world.control.resume(&caller(), &id, false).await.expect("a retry");
    let again = world.runner.run(1).await;
    assert_eq!(again.spec.policy.dead_letter_topic.as_deref(), Some("dead"));
}

#[tokio::test]
async fn what_rows_were_delivered_by_stays_during_the_full_phase() {
    let world = World::new().await;
    let (id, run) =
        world.started("in-full", tailrace::control::job::TaskMode::FullIncremental).await;
    run.enter(Phase::Starting);
    run.enter(Phase::Full);
    world.until(&id, JobStatus::FullTransferStarted).await;
    let refused = set(&world, &id, &[("dead_letter_topic", "dead")]).await;
    assert!(matches!(refused, Err(Refusal::WrongState { .. })), "{refused:?}");
    run.fail(ErrorKind::MessageTooLarge, "a row of shop.items");
    world.until(&id, JobStatus::FullTransferFailed).await;
    for (member, value) in [("topic_name_format", "x-$tablename$"), ("kafka_data_format", "json_c")]
    {
        match set(&world, &id, &[(member, value)]).await {
            Err(Refusal::Unsupported { what, .. }) => assert!(what.contains(member), "{what}"),
            other => panic!("{member}: {other:?}"),
        }
    }
    set(&world, &id, &[("dead_letter_topic", "dead")]).await.expect("a dead-letter topic");
}

#[tokio::test]
async fn a_paused_job_takes_another_policy() {
    let world = World::new().await;
    let (id, run) = world.streaming("paused").await;
    world.control.pause(&caller(), &id, PauseMode::All).await.expect("a pause");
    run.asked_to_stop().await;
    run.finish();
    world.until(&id, JobStatus::Pausing).await;
    set(&world, &id, &[("topic_name_format", "x-$tablename$")]).await.expect("other topics");
    world.control.resume(&caller(), &id, false).await.expect("a start");
    let again = world.runner.run(1).await;
    assert_eq!(format!("{:?}", again.spec.policy.topic), "PerTable(\"x-$tablename$\")");
}
