//! `tailrace demo`, once with servers that are named and once with its own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tailrace_testkit::env;
use tailrace_testkit::provision::prefix::{MYSQL, Prefix};
use tailrace_testkit::provision::system;
use tailrace_testkit::wait;

use super::{ended, tailrace, text};
use crate::proof::main_job::shared_ends;

fn shows(command: &mut std::process::Command) -> String {
    let (code, out, err) = ended(&command.output().expect("the command runs"));
    assert_eq!(code, 0, "{out}\n{err}");
    for part in ["0 missing, 0 too many, 0 different", "0 messages came twice", "DELETE /v5/"] {
        assert!(out.contains(part), "{part:?} is not in:\n{out}");
    }
    out
}

/// The server of the tests is not installed; this stands where its program would be.
fn mysqld_of_the_tests(dir: &Path) -> PathBuf {
    let program = dir.join("mysqld");
    let prefix = Prefix::ensure(&MYSQL).unwrap();
    let usr = prefix.root().join("usr").display().to_string();
    let words = prefix.program("mysqld").unwrap();
    let script = format!(
        "#!/bin/sh\nexec '{}' \"$@\" --basedir='{usr}' --lc-messages-dir='{usr}/share/mysql' \
         --character-sets-dir='{usr}/share/mysql/charsets' --plugin-dir='{usr}/lib/mysql/plugin'\n",
        words.join("' '")
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn the_demo_proves_itself_on_real_servers() {
    let _alone = env::alone();
    let ends = shared_ends().unwrap();
    let source = format!("mysql://{}:{}@{}", ends.mysql_user, ends.mysql_password, ends.mysql);
    let mut command = tailrace(&["demo", "--rows", "4000", "--seconds", "4"]);
    command.env("TAILRACE_DEMO_SOURCE", &source).env("TAILRACE_DEMO_KAFKA", &ends.kafka);
    let out = shows(&mut command);
    assert!(!out.contains("emulator") && !out.contains(&source), "{out}");
}

#[test]
fn the_demo_starts_a_source_of_its_own_and_names_the_emulator() {
    let _alone = env::alone();
    let dir = tempfile::tempdir().unwrap();
    let program = mysqld_of_the_tests(dir.path());
    let mut command =
        tailrace(&["demo", "--rows", "2000", "--seconds", "2", "--mysqld", text(&program)]);
    let out = shows(&mut command);
    assert!(out.contains("emulator"), "{out}");
}

#[test]
fn the_demo_starts_a_mariadb_of_its_own() {
    let _alone = env::alone();
    system::ensure(&[system::MYSQL, system::MARIADB]).unwrap();
    let kafka = shared_ends().unwrap().kafka;
    let arguments = ["demo", "--rows", "2000", "--seconds", "2", "--mysqld", "/usr/sbin/mariadbd"];
    let out = shows(tailrace(&arguments).env("TAILRACE_DEMO_KAFKA", kafka));
    assert!(out.contains("/usr/sbin/mariadbd") && !out.contains("emulator"), "{out}");
}

/// A machine may have no other server than MariaDB's.
#[test]
fn the_demo_finds_a_mariadb_by_itself() {
    let _alone = env::alone();
    system::ensure(&[system::MYSQL, system::MARIADB]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    // Nothing else is on this PATH that the demo could start as a source.
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    std::os::unix::fs::symlink("/usr/sbin/mariadbd", dir.path().join("mariadbd")).unwrap();
    let mut command = tailrace(&["demo", "--rows", "1000", "--seconds", "1"]);
    let out = shows(command.env("PATH", path));
    // A machine that has a MySQL too starts that one.
    let programs = ["mariadbd on 127.0.0.1", "mysqld on 127.0.0.1"];
    assert!(programs.iter().any(|program| out.contains(program)), "{out}");
}

/// Its servers end with it, even if it cannot clean up.
#[test]
fn a_demo_that_is_killed_leaves_no_server_behind() {
    let _alone = env::alone();
    let dir = tempfile::tempdir().unwrap();
    let program = mysqld_of_the_tests(dir.path());
    let mut demo = tailrace(&["demo", "--seconds", "600", "--mysqld", text(&program)])
        .env("TMPDIR", dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = wait::until("the demo's MySQL", Duration::from_secs(120), || {
        let of_demo = |entry: &std::fs::DirEntry| entry.path().join("mysql.pid");
        let found = std::fs::read_dir(dir.path())?.filter_map(Result::ok).map(|e| of_demo(&e));
        Ok(found.filter_map(|path| std::fs::read_to_string(path).ok()).find(|p| !p.is_empty()))
    })
    .unwrap();
    demo.kill().unwrap();
    demo.wait().unwrap();
    let process = Path::new("/proc").join(pid.trim());
    wait::until("its end", Duration::from_secs(60), || Ok((!process.exists()).then_some(())))
        .unwrap();
}
