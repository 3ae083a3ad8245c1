//! SQL on a MySQL or MariaDB server, through the server's own command-line client: no driver, so no
//! dependency, and an opinion that is independent of the code under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::provision::prefix::{MYSQL, Prefix};

/// How to log in to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub user: String,
    /// Password, in clear: these are test servers.
    pub password: String,
    /// The client that knows how to log in there.
    pub client: Client,
}

/// A command-line client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// MySQL's, from the private prefix. It cannot log in with MariaDB's default authentication.
    MySql,
    /// MariaDB's, from the system.
    MariaDb,
}

impl Login {
    /// Host and port, as in `127.0.0.1:18306`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Runs statements, separated by `;`, on one connection and returns the rows of all results.
    /// Values are text; NULL is the text `NULL`. An error of the server ends the run, and is the
    /// error.
    pub fn query(&self, statements: &str) -> Result<Vec<Vec<String>>> {
        let mut child = self.client()?.stderr(Stdio::piped()).spawn().context("starting mysql")?;
        let mut input = child.stdin.take().context("mysql has no standard input")?;
        let text = statements.to_owned();
        // On a thread of its own: a long script and a long answer would wait for each other.
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output().context("running mysql")?;
        // If the client stopped reading it has failed, and its error says more than this one.
        let written = writer.join().ok().context("the thread that feeds mysql panicked")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        written.context("feeding mysql")?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(row).collect())
    }

    /// A connection that stays open, for transactions that a test leaves open meanwhile.
    pub fn session(&self) -> Result<Session> {
        let mut command = self.client()?;
        let mut child =
            command.arg("--unbuffered").stderr(Stdio::piped()).spawn().context("starting mysql")?;
        let input = child.stdin.take().context("mysql has no standard input")?;
        let output = child.stdout.take().context("mysql has no standard output")?;
        let mut session = Session { child, input, output: BufReader::new(output), marks: 0 };
        session.query("SELECT 1")?;
        Ok(session)
    }

    fn client(&self) -> Result<Command> {
        let program = match self.client {
            Client::MySql => Prefix::ensure(&MYSQL)?.program("mysql")?,
            Client::MariaDb => vec!["mariadb".to_owned()],
        };
        let [program, arguments @ ..] = program.as_slice() else {
            bail!("the program of mysql is empty")
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args(["--no-defaults", "--protocol=TCP", "--batch", "--skip-column-names"])
            .args(["--default-character-set=utf8mb4", "--binary-mode"])
            .arg(format!("--host={}", self.host))
            .arg(format!("--port={}", self.port))
            .arg(format!("--user={}", self.user))
            // Not as an argument, where every user of the machine could read it.
            .env("MYSQL_PWD", &self.password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Ok(command)
    }
}

/// One open connection. Dropping it closes the connection, which rolls an open transaction back.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    marks: u64,
}

impl Session {
    /// Runs statements, separated by `;`, and waits for their end. Rows as in [`Login::query`].
    /// After an error the session is closed.
    pub fn query(&mut self, statements: &str) -> Result<Vec<Vec<String>>> {
        self.marks += 1;
        // The client answers in order, so this row shows that all before it is done.
        let mark = format!("-- end {} --", self.marks);
        let statements = statements.trim_end().trim_end_matches(';');
        let sent = writeln!(self.input, "{statements};\nSELECT '{mark}';")
            .and_then(|()| self.input.flush());
        let mut rows = Vec::new();
        let mut line = String::new();
        while sent.is_ok() {
            line.clear();
            if self.output.read_line(&mut line).context("reading from mysql")? == 0 {
                break;
            }
            let text = line.trim_end_matches('\n');
            if text == mark {
                return Ok(rows);
            }
            rows.push(row(text));
        }
        let mut error = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut error).context("reading the error of mysql")?;
        }
        bail!("the session ended: {}", error.trim())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Either fails only when the client has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of the client's batch output: values between tabs, with \t, \n, \0 and \\ escaped.
fn row(line: &str) -> Vec<String> {
    line.split('\t').map(unescape).collect()
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(next) = chars.next() {
        if next != '\\' {
            out.push(next);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('0') => out.push('\0'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_unescapes_a_row() {
        assert_eq!(row("1\tNULL\ta\\tb\\\\n\\n"), ["1", "NULL", "a\tb\\n\n"]);
        assert_eq!(row(""), [""]);
    }
}
