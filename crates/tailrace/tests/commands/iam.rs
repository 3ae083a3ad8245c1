//! `tailrace users`, `groups`, `projects`, `roles`, `keys` and `audit`: an administrator lets a user in, who does what was granted.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::{DEMO_SECRET, ended, tailrace, text};
use crate::proof::served::Served;

/// Runs a command against a server as somebody: exit code, output, errors.
fn run(served: &Served, who: &Path, args: &[&str], input: &str) -> (i32, String, String) {
    let endpoint = format!("http://{}", served.address());
    let login = ["--endpoint", &endpoint, "--credentials", text(who)];
    let mut command = tailrace(&[args, &login].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    // A command that reads nothing may have ended already.
    drop(child.stdin.take().expect("a pipe").write_all(input.as_bytes()));
    ended(&child.wait_with_output().expect("it ends"))
}

/// The same; it has to succeed. The JSON that it prints.
fn json(served: &Served, who: &Path, args: &[&str]) -> Value {
    json_with(served, who, args, "")
}

fn json_with(served: &Served, who: &Path, args: &[&str], input: &str) -> Value {
    let (code, out, err) = run(served, who, &[args, &["--output", "json"]].concat(), input);
    assert_eq!(code, 0, "{args:?}: {err}\n{}", served.log_tail());
    serde_json::from_str(&out).expect("JSON")
}

#[test]
fn a_user_is_let_in_by_commands_and_leaves_traces() {
    let served = Served::start().unwrap();
    let administrator = served.credentials();
    let admin = administrator.as_path();
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("anna.json");

    let create = ["users", "create", "anna", "--password-stdin", "--description", "night shift"];
    let made = json_with(&served, admin, &create, &format!("{DEMO_SECRET}-1\n"));
    assert_eq!((&made["name"], &made["enabled"]), (&"anna".into(), &true.into()));
    let (code, out, err) = run(&served, admin, &create, &format!("{DEMO_SECRET}-1\n"));
    assert!(code == 1 && err.contains("anna") && out.is_empty(), "{code} {err}");
    let (code, _, err) = run(&served, admin, &create, "");
    assert!(code == 2 && err.contains("standard input"), "{code} {err}");
    let key = json(&served, admin, &["keys", "create", "--user", "anna", "--write", text(&own)]);
    assert!(key.get("secret").is_none(), "{key}");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, _, err) = run(&served, admin, &["keys", "create", "--write", text(&own)], "");
    assert!(code == 2 && err.contains("anna.json"), "{code} {err}");

    // Nothing is granted yet.
    let (code, _, err) = run(&served, &own, &["jobs", "list"], "");
    assert!(code == 7 && err.contains("DRS.M00102"), "{code} {err}");
    let (code, _, err) = run(&served, &own, &["groups", "create", "mine"], "");
    assert!(code == 7 && err.contains("sufficient permissions"), "{code} {err}");
    json(&served, admin, &["groups", "create", "night"]);
    let members = json(&served, admin, &["groups", "add", "night", "anna"]);
    assert_eq!(members[0]["name"], "anna");
    let policy = dir.path().join("policy.json");
    let statement = r#"{"Effect": "Allow", "Action": ["drs:migrationJob:list"]}"#;
    std::fs::write(&policy, format!(r#"{{"Version": "1.1", "Statement": [{statement}]}}"#))
        .unwrap();
    json(&served, admin, &["roles", "create", "lister", text(&policy)]);
    let granted = ["roles", "grant", "lister", "--group", "night", "--project", "local-1"];
    assert_eq!(json(&served, admin, &granted)[0]["display_name"], "lister");
    assert_eq!(json(&served, &own, &["jobs", "list"]), Value::Array(Vec::new()));
    let (code, _, err) = run(&served, &own, &["jobs", "show", "x"], "");
    assert_eq!(code, 3, "{err}");

    projects_and_roles(&served, admin);
    the_own_password_and_keys(&served, admin, &own);
    assert_eq!(json(&served, admin, &["users", "update", "anna", "--disable"])["enabled"], false);
    assert_eq!(run(&served, &own, &["jobs", "list"], "").0, 7);
    json(&served, admin, &["roles", "delete", "lister"]);
    json(&served, admin, &["groups", "remove", "night", "anna"]);
    json(&served, admin, &["groups", "delete", "night"]);
    json(&served, admin, &["users", "delete", "anna"]);
    let (code, _, err) = run(&served, admin, &["users", "show", "anna"], "");
    assert!(code == 3 && err.contains("anna"), "{code} {err}");
    what_was_done_is_in_the_audit_log(&served, &own);
}

fn projects_and_roles(served: &Served, admin: &Path) {
    let made = json(served, admin, &["projects", "create", "site-2", "--description", "other"]);
    let changed = json(served, admin, &["projects", "update", "site-2", "--name", "site-3"]);
    assert_eq!((&changed["id"], &changed["description"]), (&made["id"], &"other".into()));
    assert_eq!(json(served, admin, &["projects", "list"]).as_array().map(Vec::len), Some(2));
    let (code, out, err) = run(served, admin, &["roles", "list"], "");
    assert!(
        code == 0 && out.contains("DRS ReadOnlyAccess") && out.contains("lister"),
        "{out}{err}"
    );
    let grant = ["roles", "grant", "DRS ReadOnlyAccess", "--user", "anna"];
    assert_eq!(json(served, admin, &grant)[0]["id"], "drs_read_only");
    let granted = json(served, admin, &["roles", "granted", "--user", "anna"]);
    assert_eq!(granted.as_array().map(Vec::len), Some(1));
    let revoke = ["roles", "revoke", "DRS ReadOnlyAccess", "--user", "anna"];
    assert_eq!(json(served, admin, &revoke), Value::Array(Vec::new()));
    for (args, code, wanted) in [
        (["roles", "grant", "no such role", "--user", "anna"].as_slice(), 3, "no such role"),
        (&["roles", "grant", "lister", "--user", "nobody"], 3, "nobody"),
        (&["roles", "grant", "lister"], 2, "--user"),
        (&["roles", "create", "x", "/nowhere/policy.json"], 2, "/nowhere/policy.json"),
        (&["roles", "delete", "te_admin"], 3, "te_admin"),
        (&["users", "update", "anna", "--enable", "--disable"], 2, "--disable"),
        (&["users", "delete", "admin"], 1, "secu_admin"),
    ] {
        let (seen, _, err) = run(served, admin, args, "");
        assert!(seen == code && err.contains(wanted), "{args:?}: {seen} {err}");
    }
}

fn the_own_password_and_keys(served: &Served, admin: &Path, own: &Path) {
    let (old, new) = (format!("{DEMO_SECRET}-1"), format!("{DEMO_SECRET}-2"));
    let (code, out, err) = run(served, own, &["users", "password"], &format!("{new}\n{old}\n"));
    assert_eq!(code, 7, "{err}");
    assert!(!format!("{out}{err}").contains(DEMO_SECRET), "{err}");
    json_with(served, own, &["users", "password"], &format!("{old}\n{new}\n"));
    let second = json(served, own, &["keys", "create", "--description", "second"]);
    assert_eq!(second["secret"].as_str().map(str::len), Some(40));
    let ak = second["access"].as_str().unwrap();
    assert_eq!(json(served, own, &["keys", "disable", ak])["status"], "inactive");
    assert_eq!(json(served, own, &["keys", "enable", ak])["status"], "active");
    json(served, own, &["keys", "delete", ak]);
    let keys = json(served, admin, &["keys", "list", "--user", "anna"]);
    assert_eq!(keys.as_array().map(Vec::len), Some(1), "{keys}");
    assert!(!keys.to_string().contains("secret"));
}

/// The server's audit log by the command, after all of the above.
fn what_was_done_is_in_the_audit_log(served: &Served, own: &Path) {
    let data = served.data();
    let audit = |args: &[&str]| {
        let args = [&["audit", "--data-dir", text(&data), "--output", "json"], args].concat();
        let (code, out, err) = ended(&tailrace(&args).output().unwrap());
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<Value>(&out).unwrap().as_array().unwrap().clone()
    };
    let key: Value = serde_json::from_slice(&std::fs::read(own).unwrap()).unwrap();
    let refused = audit(&["--user", "anna", "--refused"]);
    let first = refused.first().expect("an entry");
    assert_eq!(first["operation"], "keystone_create_group", "{first}");
    assert_eq!((&first["status"], &first["access_key"]), (&403.into(), &key["access_key"]));
    assert_eq!((&first["address"], &first["method"]), (&"127.0.0.1".into(), &"POST".into()));
    let deleted = audit(&["--operation", "keystone_delete_user"]);
    assert_eq!(deleted.len(), 2, "{deleted:?}");
    assert_eq!((&deleted[1]["user_name"], &deleted[1]["status"]), (&"admin".into(), &204.into()));
    let whole = std::fs::read_to_string(data.join("audit.log")).unwrap();
    assert!(!whole.contains(DEMO_SECRET) && !whole.contains(key["secret_key"].as_str().unwrap()));
    let lists = audit(&["--operation", "list_jobs"]);
    assert!(lists.is_empty(), "{lists:?}");
    let (code, _, err) = ended(&tailrace(&["audit", "--data-dir", "/nowhere"]).output().unwrap());
    assert!(code == 2 && err.contains("/nowhere/audit.log"), "{err}");
}
