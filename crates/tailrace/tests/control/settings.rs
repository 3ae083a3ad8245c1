//! Settings, secrets, probes.

use secrecy::SecretString;
use tailrace::control::endpoint::{DbType, EndpointSecrets, KafkaSecurity, SecurityProtocol, Side};
use tailrace::control::job::{
    Description, JobFilter, Page, SpeedWindow, StartPosition, Tag, TaskMode,
};
use tailrace::control::policy::PolicyText;
use tailrace::control::query::QueryStatus;
use tailrace::control::{JobStatus, Refusal};
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::run::Rate;
use tailrace_pipeline::{Error, ErrorKind};

use crate::scripted_runner::PATIENCE;
use crate::world::{PASSWORD, World, caller, new_job, source, target};

#[tokio::test]
async fn a_connection_is_tested_with_the_stored_password_where_none_is_given() {
    let world = World::new().await;
    let id = world.configured("probed", TaskMode::Full).await;
    let mut input = source();
    input.secrets = EndpointSecrets::default();
    let outcome =
        world.control.connect_now(&caller(), &id, Side::Source, input.clone()).await.unwrap();
    assert!(outcome.success, "{outcome:?}");
    input.secrets.password = Some(SecretString::from("other"));
    world.runner.script(|script| {
        assert_eq!(script.probed_passwords, [PASSWORD]);
        let error = Error::new(ErrorKind::SourceAuthentication, "access denied for drs");
        script.source_errors.push_back(error);
    });
    let query = world
        .control
        .test_connection(&caller(), &id, vec![(Side::Source, input), (Side::Target, target())])
        .await
        .unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let test = loop {
        let test = world.control.connection_result(&caller(), &id, &query).await.unwrap();
        if test.status != QueryStatus::Pending {
            break test;
        }
        assert!(tokio::time::Instant::now() < deadline, "the test takes too long");
        crate::world::next_look().await;
    };
    assert_eq!(test.outcomes.len(), 2);
    assert_eq!(test.outcomes[0].error_kind.as_deref(), Some("source_authentication"));
    assert!(test.outcomes[0].error_message.as_ref().unwrap().contains("access denied"));
    assert!(test.outcomes[1].success);
    world.runner.script(|script| assert_eq!(script.probed_passwords, [PASSWORD, "other"]));
    let missing = world.control.connection_result(&caller(), &id, "nope").await;
    assert_eq!(missing, Err(Refusal::QueryMissing { query_id: "nope".to_owned() }));
}

#[tokio::test]
async fn objects_are_collected_and_kept() {
    let world = World::new().await;
    world.runner.script(|script| {
        script.databases = vec![("shop".to_owned(), vec!["orders".to_owned()])];
    });
    let id = world.configured("collected", TaskMode::Full).await;
    let none = world.control.last_collected(&caller(), &id).await;
    assert_eq!(none, Err(Refusal::NotCollected));
    let caller = caller();
    let collect = |refresh| world.control.collect_objects(&caller, &id, refresh, None);
    let query = collect(false).await.unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while world.control.collected(&caller, &id, &query).await.unwrap().status
        == QueryStatus::Pending
    {
        assert!(tokio::time::Instant::now() < deadline, "the collection takes too long");
        crate::world::next_look().await;
    }
    let found = world.control.last_collected(&caller, &id).await.unwrap();
    assert_eq!(found.query_id, query);
    assert_eq!(found.databases[0].tables[0].name, "orders");
    assert_eq!(collect(false).await.unwrap(), query);
    assert_ne!(collect(true).await.unwrap(), query);
}

#[tokio::test]
async fn no_secret_is_on_disk_in_clear_or_in_what_is_shown() {
    let world = World::new().await;
    let id = world.created("sealed", TaskMode::Full).await;
    let mut kafka = target();
    kafka.endpoint.user = Some("producer".to_owned());
    kafka.endpoint.kafka = Some(KafkaSecurity {
        protocol: SecurityProtocol::SaslPlaintext,
        sasl_mechanism: Some("PLAIN".to_owned()),
        ..Default::default()
    });
    kafka.secrets.password = Some(SecretString::from("kafka-secret-2"));
    kafka.secrets.key_store = Some(SecretString::from("a2V5LXN0b3JlLXNlY3JldC0z"));
    let shown = format!("{kafka:?}");
    world.control.set_endpoints(&caller(), &id, Some(source()), Some(kafka)).await.unwrap();
    let job = format!("{:?}", world.job(&id).await);
    let sealed = world.store.secrets(&id).await.unwrap();
    assert_eq!(sealed.len(), 3);
    world.store.close().await.unwrap();
    for secret in [PASSWORD, "kafka-secret-2", "a2V5LXN0b3JlLXNlY3JldC0z"] {
        assert!(!job.contains(secret) && !shown.contains(secret));
        for file in std::fs::read_dir(world.dir.path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

#[tokio::test]
async fn endpoints_that_cannot_be_are_refused_when_they_are_saved() {
    let world = World::new().await;
    let id = world.created("bad-ends", TaskMode::Full).await;
    let mut wrong_kind = source();
    wrong_kind.endpoint.db_type = DbType::Taurus;
    let mut no_port = target();
    no_port.endpoint.address = "kafka.example".to_owned();
    let mut unknown = target();
    unknown.endpoint.user = Some("u".to_owned());
    unknown.endpoint.kafka = Some(KafkaSecurity {
        protocol: SecurityProtocol::SaslPlaintext,
        sasl_mechanism: Some("DIGEST-MD5".to_owned()),
        ..Default::default()
    });
    unknown.secrets.password = Some(SecretString::from("p"));
    let mut bad_certificate = source();
    bad_certificate.endpoint.tls.enabled = true;
    bad_certificate.endpoint.tls.certificate = Some("not a certificate".to_owned());
    for (side, input, expected) in [
        (Side::Source, wrong_kind, "db_type"),
        (Side::Target, no_port, "ip"),
        (Side::Target, unknown, "kafka_security_config.sasl_mechanism"),
        (Side::Source, bad_certificate, "ssl_cert_key"),
    ] {
        let (source, target) = match side {
            Side::Source => (Some(input), None),
            Side::Target => (None, Some(input)),
        };
        let saved = world.control.set_endpoints(&caller(), &id, source, target).await;
        let Err(Refusal::Invalid { field, .. }) = &saved else { panic!("{expected}: {saved:?}") };
        assert_eq!(field, expected);
    }
    // Nothing was saved by halves.
    assert_eq!(world.job(&id).await.source.address, "");
}

#[tokio::test]
async fn notes_and_tags_change_and_lists_find_them() {
    let world = World::new().await;
    let id = world.created("noted", TaskMode::Full).await;
    world.created("another", TaskMode::Full).await;
    let to = Description {
        name: Some("renamed".to_owned()),
        description: Some("what it is for".to_owned()),
        ..Default::default()
    };
    world.control.describe(&caller(), &id, to).await.unwrap();
    let taken = Description { name: Some("ANOTHER".to_owned()), ..Default::default() };
    let taken = world.control.describe(&caller(), &id, taken).await;
    assert!(matches!(taken, Err(Refusal::NameTaken { .. })), "{taken:?}");
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    let set = vec![tag("env", "test"), tag("team", "a")];
    world.control.set_tags(&caller(), &id, set, &[]).await.unwrap();
    let set = vec![tag("env", "live")];
    world.control.set_tags(&caller(), &id, set, &["team".to_owned()]).await.unwrap();
    let job = world.job(&id).await;
    assert_eq!((job.name.as_str(), job.tags), ("renamed", vec![tag("env", "live")]));
    for (filter, found) in [
        (JobFilter { name_or_id: Some("NAMED".to_owned()), ..Default::default() }, 1),
        (JobFilter { name_or_id: Some(id.clone()), ..Default::default() }, 1),
        (JobFilter { tag: Some(("env".to_owned(), None)), ..Default::default() }, 1),
        (
            JobFilter {
                tag: Some(("env".to_owned(), Some("test".to_owned()))),
                ..Default::default()
            },
            0,
        ),
        (JobFilter { status: Some(JobStatus::Configuration), ..Default::default() }, 2),
        (JobFilter { status: Some(JobStatus::Pausing), ..Default::default() }, 0),
    ] {
        let (count, jobs) = world.control.list(&caller(), &filter).await.unwrap();
        assert_eq!((count, jobs.len()), (found, found as usize), "{filter:?}");
    }
    let page = JobFilter { page: Page { offset: 0, limit: 1001 }, ..Default::default() };
    world.control.list(&caller(), &page).await.unwrap_err();
}

#[tokio::test]
async fn policy_and_start_position_reach_the_data_path() {
    use tailrace_pipeline::job::{MessageFormat, PartitionPolicy, TopicPolicy};
    let world = World::new().await;
    let id = world.configured("positioned", TaskMode::Incremental).await;
    let position = StartPosition {
        file_and_position: Some("mysql-bin.000277:805".to_owned()),
        gtid_set: None,
    };
    world.control.set_start_position(&caller(), &id, position).await.unwrap();
    let policy = PolicyText {
        topic_policy: Some("0".to_owned()),
        topic: Some("all".to_owned()),
        partition_policy: Some("2".to_owned()),
        kafka_data_format: Some("json_c".to_owned()),
        ..Default::default()
    };
    world.control.set_policy(&caller(), &id, &policy).await.unwrap();
    world.precheck(&id, tailrace::control::query::PrecheckMode::Start).await;
    world.control.start(&caller(), &id, None).await.unwrap();
    let run = world.runner.run(0).await;
    let start = run.spec.start.as_ref().unwrap();
    assert_eq!((start.file.as_str(), start.offset), ("mysql-bin.000277", 805));
    assert_eq!(run.spec.policy.topic, TopicPolicy::One("all".to_owned()));
    assert_eq!(run.spec.policy.partition, PartitionPolicy::PrimaryKey);
    assert_eq!(run.spec.policy.format, MessageFormat::JsonC);

    let full = world.created("not-positioned", TaskMode::Full).await;
    let position = StartPosition { gtid_set: Some("a:1".to_owned()), ..Default::default() };
    let refused = world.control.set_start_position(&caller(), &full, position).await;
    assert!(matches!(refused, Err(Refusal::Unsupported { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_speed_limit_holds_in_both_phases_until_it_is_lifted() {
    let world = World::new().await;
    let (id, run) = world.started("limited", TaskMode::FullIncremental).await;
    run.enter(Phase::Full);
    world.until(&id, JobStatus::FullTransferStarted).await;
    let windows = vec![SpeedWindow {
        begin: "00:00".to_owned(),
        end: "23:59".to_owned(),
        megabytes_per_second: 2,
    }];
    world.control.set_speed_limit(&caller(), &id, windows).await.unwrap();
    run.rate(Rate { rows_per_second: None, bytes_per_second: Some(2_000_000) }).await;
    run.enter(Phase::Incremental);
    world.until(&id, JobStatus::IncreTransferStarted).await;
    run.rate(Rate { rows_per_second: None, bytes_per_second: Some(2_000_000) }).await;
    world.control.set_speed_limit(&caller(), &id, vec![]).await.unwrap();
    run.rate(Rate::default()).await;
}

#[tokio::test]
async fn parameters_hold_from_the_next_start_and_their_changes_are_kept() {
    let world = World::new().await;
    let (id, run) = world.streaming("tuned").await;
    assert_eq!(run.spec.limits.snapshot_readers, 2);
    let values = [("read_task_num".to_owned(), "7".to_owned())];
    world.control.set_parameters(&caller(), &id, &values).await.unwrap();
    world.control.set_parameters(&caller(), &id, &values).await.unwrap();
    let (count, history) =
        world.control.parameter_history(&caller(), &id, Page::FIRST).await.unwrap();
    assert_eq!(count, 1);
    assert_eq!((history[0].old_value.as_str(), history[0].new_value.as_str()), ("2", "7"));
    // Restart of a running job.
    world.control.resume(&caller(), &id, false).await.unwrap();
    run.asked_to_stop().await;
    assert_eq!(world.runner.run(1).await.spec.limits.snapshot_readers, 7);
    let bad = [("read_task_num".to_owned(), "0".to_owned())];
    world.control.set_parameters(&caller(), &id, &bad).await.unwrap_err();
}

#[tokio::test]
async fn a_clone_has_the_settings_and_no_password() {
    let world = World::new().await;
    let (id, _) = world.streaming("original").await;
    let copy = world.control.clone_job(&caller(), &id, "copy-1").await.unwrap();
    let copy = world.until(&copy.id, JobStatus::Configuration).await;
    assert_eq!(copy.selection, world.job(&id).await.selection);
    assert_eq!(world.store.secrets(&copy.id).await.unwrap(), []);
    let fresh = world.created("fresh", TaskMode::Full).await;
    let refused = world.control.clone_job(&caller(), &fresh, "copy-2").await;
    assert!(matches!(refused, Err(Refusal::WrongState { .. })), "{refused:?}");
}

#[tokio::test]
async fn bad_new_jobs_are_refused() {
    let world = World::new().await;
    let mut bad = Vec::new();
    for (field, change) in [
        ("name", (|job| job.name = "x".to_owned()) as fn(&mut tailrace::control::job::NewJob)),
        ("description", |job| job.description = "<b>".to_owned()),
        ("expired_days", |job| job.expired_days = 13),
        ("job_direction", |job| job.direction = "sideways".to_owned()),
        ("net_type", |job| job.net_type = "lan".to_owned()),
        ("db_type", |job| job.source = Some(target())),
    ] {
        let mut job = new_job("good-name", TaskMode::Full);
        change(&mut job);
        match world.control.create(&caller(), job).await {
            Err(Refusal::Invalid { field: named, .. }) if named == field => {}
            other => bad.push((field, other)),
        }
    }
    assert!(bad.is_empty(), "{bad:?}");
}
