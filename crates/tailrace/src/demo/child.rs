//! A program that ends with this process, however that ends.

use std::process::{Child, Command, ExitStatus, Stdio};

/// Starts the program behind it, and kills it when its own standard input ends: the other end of that
/// is held by the process that started it, and closes with it even after `kill -9`.
const GUARD: &str = r#"exec 3<&0
"$@" </dev/null & program=$!
(cat <&3 >/dev/null; kill -9 "$program") & guard=$!
wait "$program"; status=$?
kill "$guard"
exit "$status""#;

/// A program that runs.
pub(crate) struct Guarded {
    shell: Child,
}

impl Guarded {
    /// Starts a program with arguments. Its standard output is dropped.
    ///
    /// # Errors
    /// If there is no shell; a program that is not there ends with status 127.
    pub(crate) fn start(command: &Command, log: std::fs::File) -> std::io::Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", GUARD, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Self { shell })
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.shell.try_wait()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn start(script: &str) -> Guarded {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let log = tempfile::tempfile().expect("a file");
        Guarded::start(&command, log).expect("a shell")
    }

    #[test]
    fn its_end_is_seen_with_its_status() {
        let mut program = start("exit 7");
        let status = loop {
            if let Some(status) = program.ended().expect("a look") {
                break status;
            }
            std::thread::yield_now();
        };
        assert_eq!(status.code(), Some(7));
    }

    #[test]
    fn it_ends_with_its_owner() {
        let dir = tempfile::tempdir().expect("a directory");
        let pid = dir.path().join("pid");
        let program = start(&format!(
            "echo $$ > {0}.new; mv {0}.new {0}; exec cat /dev/zero > /dev/null",
            pid.display()
        ));
        let until = Instant::now() + Duration::from_secs(30);
        let pid = loop {
            match std::fs::read_to_string(&pid) {
                Ok(text) => break text.trim().to_owned(),
                // The program has not come that far.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => panic!("{}: {e}", pid.display()),
            }
            assert!(Instant::now() < until, "the program does not begin");
            std::thread::yield_now();
        };
        drop(program);
        let gone = |pid: &str| !std::path::Path::new("/proc").join(pid).exists();
        assert!(gone(&pid), "{pid} is still there");
    }
}
