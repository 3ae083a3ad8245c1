//! One server process: started with its output in a log file, watched until it is ready, stopped
//! by its process id, and never left behind when the process that started it dies.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::account::Account;
use crate::wait;

/// What happens to a server when the process that started it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifetime {
    /// It is killed: by the drop of its value, or by the kernel if this process dies first.
    #[default]
    WithCaller,
    /// It goes on. Whoever starts it keeps its process id and stops it later.
    Detached,
}

/// Lines of a log that are shown when something went wrong.
const TAIL_LINES: usize = 40;
/// Time that a server has for a clean stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How to start a server.
#[derive(Debug)]
pub struct Launch {
    name: String,
    log: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    lifetime: Lifetime,
    account: Option<Account>,
}

impl Launch {
    /// A program whose output goes to the file `log`; `name` is for messages.
    pub fn new(name: impl Into<String>, program: impl AsRef<OsStr>, log: PathBuf) -> Self {
        Self {
            name: name.into(),
            log,
            args: vec![program.as_ref().to_owned()],
            envs: Vec::new(),
            lifetime: Lifetime::default(),
            account: None,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((key.into(), value.as_ref().to_owned()));
        self
    }

    /// What happens when this process ends.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The account to run as, when this process may choose (it runs as root).
    #[must_use]
    pub fn account(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    /// Starts the program. The log of an earlier start is kept beside the new one as `*.old`.
    pub fn start(self) -> Result<ServerProcess> {
        if self.log.exists() {
            fs::rename(&self.log, self.log.with_extension("log.old"))
                .with_context(|| format!("moving the old log {}", self.log.display()))?;
        }
        let log = File::create(&self.log)
            .with_context(|| format!("making the log {}", self.log.display()))?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own, so that Ctrl-C in a terminal reaches the caller only.
        command.process_group(0);
        let child = spawn(command).with_context(|| format!("starting {}", self.name))?;
        let pid = child.id();
        Ok(ServerProcess {
            name: self.name,
            log: self.log,
            pid,
            child,
            lifetime: self.lifetime,
            was_ready: false,
        })
    }

    /// `setpriv` changes the user and asks the kernel to kill the server when the thread that
    /// started it ends; it then becomes the program, so the process id is the program's own.
    fn command(&self) -> Command {
        let mut options: Vec<OsString> = Vec::new();
        if self.lifetime == Lifetime::WithCaller {
            options.push("--pdeathsig=KILL".into());
        }
        if let Some(Account { uid, gid }) = self.account {
            options.push(format!("--reuid={uid}").into());
            options.push(format!("--regid={gid}").into());
            options.push("--clear-groups".into());
        }
        let mut command = Command::new("setpriv");
        command.args(options).arg("--").args(&self.args);
        command.envs(self.envs.iter().map(|(key, value)| (key, value)));
        command
    }
}

/// Starts a command from a thread that lives as long as this process. The kernel's parent-death
/// signal follows the starting *thread*, and the threads of a test runner end with each test.
fn spawn(command: Command) -> Result<Child> {
    type Order = (Command, SyncSender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<SyncSender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = sync_channel::<Order>(0);
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                // The caller waits for the reply; if it is gone, the server is stopped at once.
                if let Err(unsent) = reply.send(command.spawn())
                    && let Ok(mut child) = unsent.0
                {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        });
        orders
    });
    let (reply, result) = sync_channel(1);
    let gone = "the thread that starts servers is gone";
    spawner.send((command, reply)).ok().context(gone)?;
    Ok(result.recv().context(gone)??)
}

/// A running server. Dropping it stops it, unless it is detached.
#[derive(Debug)]
pub struct ServerProcess {
    name: String,
    log: PathBuf,
    pid: u32,
    child: Child,
    lifetime: Lifetime,
    was_ready: bool,
}

impl ServerProcess {
    /// The process id, which is also the id of the process group.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file with the server's output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The exit status if the server has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("asking for a server's exit status")
    }

    /// Waits until the log contains `line`. An error, with the end of the log, when the server
    /// ends before or `limit` passes.
    pub fn wait_for_log(&mut self, line: &str, limit: Duration) -> Result<()> {
        let log = self.log.clone();
        self.wait_ready(limit, || {
            let text = fs::read(&log).with_context(|| format!("reading {}", log.display()))?;
            Ok(String::from_utf8_lossy(&text).contains(line))
        })
    }

    /// Waits until `ready` says true, as [`wait_for_log`](Self::wait_for_log) does for a line.
    pub fn wait_ready(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let what = format!("{} to be ready", self.name);
        let outcome = wait::until(&what, limit, || {
            if let Some(status) = self.ended()? {
                bail!("{} ended with {status} before it was ready", self.name);
            }
            Ok(ready()?.then_some(()))
        });
        outcome.with_context(|| format!("its log ends:\n{}", self.log_tail()))?;
        self.was_ready = true;
        Ok(())
    }

    /// Waits until the program ends by itself; an error, with the end of its log, when it fails.
    pub fn wait_for_success(&mut self, limit: Duration) -> Result<()> {
        let status = wait::until(&format!("the end of {}", self.name), limit, || self.ended())?;
        if !status.success() {
            bail!("{} ended with {status}; its log ends:\n{}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// The last lines of the log.
    pub fn log_tail(&self) -> String {
        tail(&self.log, TAIL_LINES)
    }

    /// `kill -9`: ends the server at once, as a crash does, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        self.child.wait().map(drop).with_context(|| format!("waiting for {}", self.name))
    }

    /// Asks the server to stop cleanly and waits until it is gone; kills it when it takes longer
    /// than 30 s. Nothing happens when it has ended already.
    pub fn stop(&mut self) -> Result<()> {
        self.stop_with("TERM")
    }

    /// As [`stop`](Self::stop), for servers that know another signal for it.
    pub fn stop_with(&mut self, signal: &str) -> Result<()> {
        if self.ended()?.is_none() {
            signal_process(self.pid, signal)?;
            let what = format!("{} to stop", self.name);
            if wait::until(&what, STOP_LIMIT, || self.ended()).is_err() {
                self.kill()?;
            }
        }
        Ok(())
    }

    /// Sends any signal, for example `STOP` and `CONT` to freeze and thaw the server.
    pub fn signal(&self, signal: &str) -> Result<()> {
        signal_process(self.pid, signal)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("---- {}: {} ends:\n{}", self.name, self.log.display(), self.log_tail());
        }
        // A detached server that never got ready is of no use to anybody, and nobody knows it.
        if self.lifetime == Lifetime::WithCaller || !self.was_ready {
            // Its data folder goes with it, so a crash is as good as a clean stop and quicker.
            let _ = self.kill();
        }
    }
}

/// Sends a signal by name (without `SIG`) to one process. By the shell's own `kill`: the program
/// of that name is not on every machine.
pub fn signal_process(pid: u32, signal: &str) -> Result<()> {
    let output = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal, &pid.to_string()])
        .output()
        .context("running the shell's kill")?;
    if !output.status.success() {
        bail!("signal {signal} to {pid}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// True while process `pid` runs and one of its arguments contains `mark`, so that a process id
/// that was given to another program meanwhile is not taken for the server.
pub fn is_running(pid: u32, mark: &str) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
        line.split(|byte| *byte == 0).any(|arg| String::from_utf8_lossy(arg).contains(mark))
    })
}

/// The last `lines` lines of a text file, or why it cannot be read.
pub fn tail(path: &Path, lines: usize) -> String {
    match fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
        Err(error) => format!("({} cannot be read: {error})", path.display()),
    }
}

/// Runs a program to its end. The error of one that fails carries what it printed.
pub fn run(command: &mut Command) -> Result<String> {
    run_on(command.stdin(Stdio::null()))
}

/// The same for a program that reads a file as its input.
pub fn run_with_input(command: &mut Command, input: &Path) -> Result<String> {
    let file = File::open(input).with_context(|| format!("opening {}", input.display()))?;
    run_on(command.stdin(file))
}

fn run_on(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("could not start {name}"))?;
    if !output.status.success() {
        bail!(
            "{name} ended with {}:\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rundir::RunDir;

    fn shell(dir: &RunDir, script: &str) -> Launch {
        Launch::new("shell", "sh", dir.path().join("sh.log")).args(["-c", script])
    }

    #[test]
    fn is_ready_by_its_log_and_gone_after_the_drop() {
        let dir = RunDir::new("process-test").unwrap();
        let mut server = shell(&dir, "echo up; exec tail -f /dev/null").start().unwrap();
        server.wait_for_log("up", Duration::from_secs(10)).unwrap();
        let pid = server.pid();
        wait::until_true("exec", Duration::from_secs(10), || is_running(pid, "/dev/null"));
        assert!(!is_running(pid, "no such argument"));
        drop(server);
        assert!(!is_running(pid, "/dev/null"));
    }

    #[test]
    fn a_server_that_ends_early_is_an_error_with_its_log() {
        let dir = RunDir::new("process-test").unwrap();
        let mut server = shell(&dir, "echo no port; exit 3").start().unwrap();
        let error = server.wait_for_log("up", Duration::from_secs(10)).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("exit status: 3") && error.contains("no port"), "{error}");
    }

    #[test]
    fn a_detached_server_is_left_alone_once_it_is_ready() {
        let dir = RunDir::new("process-test").unwrap();
        for is_ready in [false, true] {
            let mut server = shell(&dir, "echo up; exec tail -f /dev/null")
                .lifetime(Lifetime::Detached)
                .start()
                .unwrap();
            let pid = server.pid();
            wait::until_true("exec", Duration::from_secs(10), || is_running(pid, "/dev/null"));
            if is_ready {
                server.wait_for_log("up", Duration::from_secs(10)).unwrap();
            }
            drop(server);
            assert_eq!(is_running(pid, "/dev/null"), is_ready);
            if is_ready {
                signal_process(pid, "KILL").unwrap();
            }
        }
    }

    #[test]
    fn a_server_outlives_the_thread_that_asked_for_it() {
        let dir = RunDir::new("process-test").unwrap();
        let mut server = thread::scope(|scope| {
            let start = || shell(&dir, "echo up; exec tail -f /dev/null").start().unwrap();
            scope.spawn(start).join().unwrap()
        });
        server.wait_for_log("up", Duration::from_secs(10)).unwrap();
        assert!(server.ended().unwrap().is_none());
        server.stop().unwrap();
    }

    #[test]
    fn a_server_dies_with_the_process_that_started_it() {
        // A process in between starts the server as this one would, and is then killed.
        let dir = RunDir::new("process-test").unwrap();
        let pid_file = dir.path().join("pid");
        let inner = shell(&dir, "echo $$ > \"$PID_FILE\"; exec tail -f /dev/null")
            .env("PID_FILE", &pid_file)
            .command();
        let mut line = inner.get_program().to_owned();
        for arg in inner.get_args() {
            line.push(" '");
            line.push(arg);
            line.push("'");
        }
        line.push(" & wait");
        let mut middle = Launch::new("middle", "sh", dir.path().join("middle.log"))
            .arg("-c")
            .arg(&line)
            .env("PID_FILE", &pid_file)
            .start()
            .unwrap();
        let pid = wait::until("the pid", Duration::from_secs(10), || {
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            Ok(text.trim().parse::<u32>().ok())
        })
        .unwrap();
        wait::until_true("exec", Duration::from_secs(10), || is_running(pid, "/dev/null"));
        middle.kill().unwrap();
        wait::until_true("its end", Duration::from_secs(10), || !is_running(pid, "/dev/null"));
    }
}
