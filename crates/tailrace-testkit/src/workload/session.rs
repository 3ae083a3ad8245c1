//! One connection to the source that comes back after the server was killed.

use std::time::Duration;

use anyhow::Result;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts};

use super::Shared;

/// Time between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(200);
/// Longest time for one: the server speaks first, and a connection that it had not taken yet when it was killed may never hear
/// that it is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It took effect.
    Done,
    /// The server refused it.
    Refused,
    /// The connection was lost before the answer.
    Unknown,
}

/// A connection with the session variables of the load.
#[derive(Debug)]
pub(super) struct Session {
    url: String,
    variables: Vec<String>,
    conn: Option<Conn>,
    /// The server's text for the newest refusal.
    pub(super) refusal: String,
}

impl Session {
    /// A session that connects at its first statement. `variables` are assignments for `SET`.
    pub(super) fn new(url: &str, variables: &[&str]) -> Self {
        let fixed = ["time_zone = '+00:00'", "SESSION sql_mode = 'ALLOW_INVALID_DATES'"];
        let variables = fixed.iter().chain(variables).map(|v| (*v).to_owned()).collect();
        Self { url: url.to_owned(), variables, conn: None, refusal: String::new() }
    }

    /// Connects, and again until it works or the load is to stop; false then.
    pub(super) async fn connected(&mut self, shared: &Shared) -> bool {
        while self.conn.is_none() {
            if shared.stopping() {
                return false;
            }
            let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.connect()).await;
            match connected.unwrap_or_else(|_| Err(anyhow::anyhow!("the server says nothing"))) {
                Ok(conn) => self.conn = Some(conn),
                // A server that is just being restarted.
                Err(error) => {
                    self.refusal = error.to_string();
                    tokio::time::sleep(RECONNECT).await;
                }
            }
        }
        true
    }

    async fn connect(&self) -> Result<Conn> {
        let mut conn = Conn::new(Opts::from_url(&self.url)?).await?;
        for variable in &self.variables {
            conn.query_drop(format!("SET {variable}")).await?;
        }
        Ok(conn)
    }

    /// Executes a statement.
    pub(super) async fn execute(&mut self, sql: &str) -> Outcome {
        let Some(conn) = self.conn.as_mut() else { return Outcome::Unknown };
        match conn.query_drop(sql).await {
            Ok(()) => Outcome::Done,
            Err(Error::Server(error)) => {
                self.refusal = format!("{error} in {}", sql.chars().take(300).collect::<String>());
                Outcome::Refused
            }
            Err(error) => {
                self.refusal = error.to_string();
                self.conn = None;
                Outcome::Unknown
            }
        }
    }

    /// The first column of a query's rows; empty if it failed.
    pub(super) async fn strings(&mut self, sql: &str) -> Vec<String> {
        match self.conn.as_mut() {
            Some(conn) => conn.query(sql).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// The first number that the server gave for the last `INSERT`.
    pub(super) fn given_number(&self) -> u64 {
        self.conn.as_ref().and_then(Conn::last_insert_id).unwrap_or(0)
    }

    /// Closes the connection.
    pub(super) async fn close(&mut self) {
        if let Some(conn) = self.conn.take() {
            // The server closes it anyway.
            drop(conn.disconnect().await);
        }
    }
}
