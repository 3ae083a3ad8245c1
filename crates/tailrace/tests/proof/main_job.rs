//! The main job by the official SDK: full phase and increment under load, a pause in the middle, the
//! end, and the delete that the whole product begins with.

use std::time::Duration;

use anyhow::Result;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowMetadata};
use tailrace_testkit::workload::{Plan, Workload, seed};
use tailrace_testkit::{env, wait};

use super::policy::Policy;
use super::scene::{Scene, url};
use super::served::Ends;

/// Time for a part of the load.
const LOAD_LIMIT: Duration = Duration::from_secs(180);

/// The shared servers.
pub(crate) fn shared_ends() -> Result<Ends> {
    let login = env::mysql()?;
    Ok(Ends {
        mysql: login.address(),
        mysql_user: login.user,
        mysql_password: login.password,
        kafka: env::kafka()?.bootstrap,
    })
}

fn run(policy: Policy, prefix: &str, ends: Ends) -> Result<()> {
    let seed = seed();
    // Topics of an earlier run on the same broker must not be taken for this one's.
    let plan =
        Plan { rows_initial: 2000, ..Plan::new(seed, &format!("{prefix}_{:x}", seed & 0xff_ffff)) };
    let load = Workload::start(&url(&ends), plan.clone())?;
    let mut scene = Scene::set_up(ends, plan, policy)?;
    scene.drive(&["start", "@", "--", "wait", "@", "INCRE_TRANSFER_STARTED"])?;
    load.allow_ddl();
    let more = |transactions: u64, statements: usize| {
        let (from, ddl) = (load.committed(), load.statements());
        wait::until("more of the load", LOAD_LIMIT, || {
            let enough =
                load.committed() >= from + transactions && load.statements() >= ddl + statements;
            Ok(enough.then_some(()))
        })
    };
    more(300, 8)?;
    scene.drive(&["pause", "@", "--", "wait", "@", "PAUSING"])?;
    more(200, 4)?;
    scene.drive(&["resume", "@", "--", "wait", "@", "INCRE_TRANSFER_STARTED"])?;
    more(500, 12)?;
    let summary = scene.catch_up(load)?;
    scene.drive(&["pause", "@", "--", "wait", "@", "PAUSING"])?;
    let report = scene.judge(&summary)?;
    for kind in ["INIT", "INSERT", "UPDATE", "DELETE", "DDL"] {
        assert!(
            report.messages.contains_key(kind),
            "no {kind} message, so it proves little: {report}"
        );
    }
    scene.end_and_delete()
}

fn proves(policy: Policy, prefix: &str) {
    let _alone = env::alone();
    if let Err(error) = shared_ends().and_then(|ends| run(policy, prefix, ends)) {
        panic!("{error:#}");
    }
}

/// Names, members and keys come from the schema history, through DDL, a pause and a restart.
#[test]
fn a_log_that_does_not_name_columns() {
    let _alone = env::alone();
    let done = (|| {
        let options =
            MySqlOptions { row_metadata: RowMetadata::Minimal, ..MySqlOptions::default() };
        let server = MySqlServer::start(options)?;
        let login = server.login();
        let ends = Ends {
            mysql: login.address(),
            mysql_user: login.user,
            mysql_password: login.password,
            ..shared_ends()?
        };
        run(Policy::TopicPerTableByKey, "minimal", ends)
    })();
    if let Err(error) = done {
        panic!("{error:#}");
    }
}

#[test]
fn one_topic_by_table() {
    proves(Policy::OneTopicByTable, "one");
}

#[test]
fn a_topic_per_table_by_key_in_json_c() {
    proves(Policy::TopicPerTableByKey, "per");
}

#[test]
fn one_topic_in_the_order_of_transactions() {
    proves(Policy::OneTopicInOrder, "zero");
}
