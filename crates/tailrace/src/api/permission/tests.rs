use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::api::openapi_json;
use crate::control::iam::predefined;

/// Names of all operations of the document, with their methods and whether they are open.
fn documented() -> BTreeMap<String, (String, bool)> {
    let document: Value = serde_json::from_str(&openapi_json().expect("a document")).expect("JSON");
    let mut names = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name").to_owned();
            let is_open = operation["security"] == serde_json::json!([{}]);
            let before = names.insert(name.clone(), (method.clone(), is_open));
            assert!(before.is_none(), "{name} ({path}) is the name of two operations");
        }
    }
    names
}

#[test]
fn every_operation_has_its_right_and_no_right_is_for_nothing() {
    let documented = documented();
    let names: BTreeSet<&str> = OPERATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), OPERATIONS.len(), "an operation is in the table twice");
    let wanted: BTreeSet<&str> = documented.keys().map(String::as_str).collect();
    let missing: Vec<_> = wanted.difference(&names).collect();
    let unknown: Vec<_> = names.difference(&wanted).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
    for (name, needs) in OPERATIONS {
        assert_eq!(documented[*name].1, *needs == Needs::Open, "{name}");
    }
}

fn rights(role: &str) -> Rights {
    let role = predefined().into_iter().find(|one| one.display_name == role).expect("a role");
    Rights::of([&role.policy])
}

/// Operations of DRS that a role may.
fn allowed(role: &str) -> BTreeSet<&'static str> {
    let rights = rights(role);
    let is_drs = |needs: Needs| match needs {
        Needs::Open | Needs::Own(_) => false,
        Needs::Right(right) => right.iter().all(|name| name.starts_with("drs:")),
        Needs::ByValue(_) => true,
    };
    let of_drs = OPERATIONS.iter().filter(|(_, needs)| is_drs(*needs));
    of_drs.filter(|(_, needs)| check(*needs, &rights).is_ok()).map(|(name, _)| *name).collect()
}

#[test]
fn a_reader_may_what_changes_nothing() {
    let documented = documented();
    let reader = allowed("DRS ReadOnlyAccess");
    for name in &reader {
        let is_reading = documented[*name].0 == "get" || READ_BY_POST.contains(name);
        assert!(is_reading, "{name} changes something");
    }
    for name in allowed("DRS FullAccess") {
        let is_reading = documented[name].0 == "get" || READ_BY_POST.contains(&name);
        assert_eq!(reader.contains(name), is_reading, "{name}");
    }
}

#[test]
fn who_may_everything_with_jobs_manages_no_users() {
    let documented = documented();
    let all = allowed("DRS FullAccess");
    assert_eq!(all, allowed("DRS Administrator"));
    assert_eq!(all, allowed("Tenant Administrator"));
    assert!(allowed("Security Administrator").is_empty());
    assert!(all.len() > 90 && all.len() < documented.len());
    for role in ["DRS FullAccess", "DRS Administrator", "Tenant Administrator"] {
        assert!(!rights(role).allow(&["iam:users:createUser"]), "{role}");
    }
    assert!(rights("Security Administrator").allow(&["iam:users:createUser"]));
}

#[test]
fn a_value_decides_where_the_table_says_so() {
    let caller = |actions: &[&str]| {
        let statement = crate::control::iam::Statement {
            effect: crate::control::iam::Effect::Allow,
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        };
        let policy =
            crate::control::iam::Policy { version: "1.1".into(), statements: vec![statement] };
        Caller {
            domain_id: "d".into(),
            project_id: "p".into(),
            user_id: "u".into(),
            user_name: "u".into(),
            rights: Rights::of([&policy]),
            language: crate::control::Language::English,
        }
    };
    let operator = caller(&["drs:migrationJob:action"]);
    let ask = |value| require(&operator, "execute_job_action", value);
    assert_eq!((ask("start"), ask("terminate")), (Ok(()), Err(Refusal::Forbidden)));
    assert_eq!(ask("create_compare"), Err(Refusal::Forbidden));
    assert_eq!(ask("no_such_action"), Ok(()));
    assert!(matches!(require(&operator, "list_jobs", "x"), Err(Refusal::Internal(_))));
}

#[test]
fn the_values_of_the_table_are_those_of_the_handlers() {
    use crate::api::v5::{action, detail, update};
    assert_eq!(values("execute_job_action"), action::ACTIONS);
    assert_eq!(values("batch_execute_job_actions"), action::ACTIONS);
    assert_eq!(values("update_job"), update::TYPES);
    assert_eq!(values("show_job_detail"), detail::TYPES);
}
