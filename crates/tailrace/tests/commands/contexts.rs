//! Contexts, and logins by key, by password and by token.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use super::{DEMO_SECRET, ended, tailrace, text};
use crate::proof::served::Served;

/// A user's folder, and what is in the environment.
struct User {
    dir: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
}

impl User {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = tailrace(args);
        command.env("TAILRACE_CONFIG_DIR", self.dir.path());
        command.envs(self.env.iter().map(|(name, value)| (*name, value)));
        ended(&command.output().expect("the command runs"))
    }

    #[track_caller]
    fn succeeds(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {err}");
        out
    }

    #[track_caller]
    fn fails(&self, code: i32, args: &[&str], said: &str) {
        let (seen, out, err) = self.run(args);
        assert!(seen == code && err.contains(said), "{args:?}: {seen} {err}");
        assert!(!format!("{out}{err}").contains(DEMO_SECRET), "{err}");
    }
}

#[test]
fn contexts_name_servers_and_logins_and_keep_secrets_apart() {
    let served = Served::start().unwrap();
    let known = served.credentials();
    let known: Value = serde_json::from_slice(&std::fs::read(known).unwrap()).unwrap();
    let member = |name: &str| known[name].as_str().unwrap().to_owned();
    let endpoint = format!("http://{}", served.address());
    let mut user = User::new();

    // The first context is used, for as long as nothing else is said.
    let credentials = served.credentials();
    let add = ["contexts", "add", "file", "--endpoint", &endpoint, "--credentials"];
    user.succeeds(&[add.as_slice(), &[text(&credentials)]].concat());
    assert_eq!(user.succeeds(&["jobs", "list", "-o", "json"]).trim(), "[]");
    user.fails(
        5,
        &["jobs", "list", "--endpoint", "http://127.0.0.1:1", "--credentials", text(&credentials)],
        "127.0.0.1:1",
    );

    // A key whose secret is kept, and one whose secret is not.
    let (project, key) = (member("project_id"), member("access_key"));
    user.env = vec![("TAILRACE_SK", member("secret_key"))];
    let add = [
        "contexts",
        "add",
        "kept",
        "--endpoint",
        &endpoint,
        "--project",
        &project,
        "--access-key",
        &key,
    ];
    user.succeeds(&add);
    user.env = vec![("MY_SK", member("secret_key"))];
    let add = [
        "contexts",
        "add",
        "env",
        "--endpoint",
        &endpoint,
        "--project",
        &project,
        "--access-key",
        &key,
        "--secret-key-env",
        "MY_SK",
    ];
    user.succeeds(&add);
    for name in ["kept", "env"] {
        user.succeeds(&["jobs", "list", "--context", name]);
    }
    user.env.clear();
    user.succeeds(&["quotas", "--context", "kept"]);
    user.fails(2, &["quotas", "--context", "env"], "MY_SK is not set");

    // A user with a password.
    let add = [
        "contexts",
        "add",
        "pw",
        "--endpoint",
        &endpoint,
        "--user",
        "admin",
        "--password-env",
        "MY_PW",
    ];
    user.succeeds(&add);
    user.fails(7, &["jobs", "list", "--context", "pw"], "tailrace login --context pw");
    user.env = vec![("MY_PW", DEMO_SECRET.to_owned())];
    user.fails(7, &["login", "--context", "pw"], "username or password is wrong");
    user.env = vec![("MY_PW", member("password"))];
    user.succeeds(&["jobs", "list", "--context", "pw"]);
    let done = user.succeeds(&["login", "--context", "pw", "-o", "json"]);
    let done: Value = serde_json::from_str(&done).unwrap();
    assert_eq!(done["project_id"], project.as_str());
    user.env.clear();
    user.succeeds(&["contexts", "use", "pw"]);
    user.succeeds(&["jobs", "list"]);
    user.succeeds(&["logout"]);
    user.fails(7, &["jobs", "list"], "nobody is logged in");

    what_is_kept_tells_nothing(&user, &member("secret_key"));

    user.fails(2, &["contexts", "use", "nowhere"], "env, file, kept, pw");
    user.fails(2, &["jobs", "list", "--context", "nowhere"], "env, file, kept, pw");
    user.fails(2, &["jobs", "list", "--context", "pw", "--endpoint", "http://h"], "--endpoint");
    user.fails(2, &["contexts", "add", "../x", "--user", "u"], "letters, digits");
    user.fails(2, &["contexts", "add", "x"], "--access-key AK");
    user.fails(2, &["login", "--context", "kept"], "no user");
    user.succeeds(&["contexts", "remove", "kept"]);
    assert!(!user.dir.path().join("kept.credentials.json").exists());
    user.fails(2, &["contexts", "remove", "kept"], "env, file, pw");
}

/// Every file is its owner's, and the one that names the contexts holds no secret.
fn what_is_kept_tells_nothing(user: &User, secret: &str) {
    let list = user.succeeds(&["contexts", "list", "-o", "yaml"]);
    let contexts = std::fs::read_to_string(user.dir.path().join("contexts.toml")).unwrap();
    assert!(!list.contains(secret) && !contexts.contains(secret), "{contexts}");
    assert!(list.contains("login: user admin") && list.contains("current: true"), "{list}");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(user.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    seen.sort();
    // The token went with `logout`.
    assert_eq!(seen, ["contexts.toml", "kept.credentials.json"]);
}

#[test]
fn a_login_comes_from_the_environment_too() {
    let served = Served::start().unwrap();
    let known: Value =
        serde_json::from_slice(&std::fs::read(served.credentials()).unwrap()).unwrap();
    let member = |name: &str| known[name].as_str().unwrap().to_owned();
    let mut user = User::new();
    let base = ("TAILRACE_ENDPOINT", format!("http://{}", served.address()));
    user.env = vec![
        base.clone(),
        ("TAILRACE_USER", "admin".to_owned()),
        ("TAILRACE_PASSWORD", member("password")),
    ];
    user.succeeds(&["jobs", "list"]);
    user.env.push(("TAILRACE_PROJECT_ID", "nowhere".to_owned()));
    user.fails(2, &["jobs", "list"], "local-1");
    user.env = vec![
        base,
        ("TAILRACE_PROJECT_ID", member("project_id")),
        ("TAILRACE_TOKEN", DEMO_SECRET.to_owned()),
    ];
    user.fails(7, &["jobs", "list"], "access is refused");
}
