//! `tailrace users`, `groups`, `projects`, `roles` and the access keys of `keys`: who may do what on a server.

pub(super) mod access_keys;
pub(super) mod groups;
pub(super) mod projects;
pub(super) mod roles;
pub(super) mod users;

use std::io::BufRead as _;

use serde_json::{Map, Value, json};

use super::client_options::ClientOptions;
use super::exit::{Exit, Failed};
use super::output::{Output, flat, text};
use crate::client::Client;

/// Which server and as whom, and the form of the result.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    #[command(flatten)]
    options: ClientOptions,
}

impl At {
    /// Runs a command with a client.
    fn run<C: AsyncFnOnce(&Client, Output) -> Result<(), Failed>>(
        self,
        command: C,
    ) -> Result<(), Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = self.options.client().await?;
            command(&client, self.options.output).await
        })
    }
}

/// Columns of a list: head and member.
type Columns = &'static [(&'static str, &'static str)];

fn print_list(output: Output, list: &Value, columns: Columns) -> Result<(), Failed> {
    output.print(list, |list| {
        let mut rows = vec![columns.iter().map(|(head, _)| (*head).to_owned()).collect::<Vec<_>>()];
        for item in list.as_array().map(Vec::as_slice).unwrap_or_default() {
            rows.push(columns.iter().map(|(_, at)| text(item, at)).collect());
        }
        rows
    })
}

fn print_one(output: Output, value: &Value) -> Result<(), Failed> {
    output.print(value, flat)
}

/// What a command did that has nothing to show: an id and `done`.
fn print_done(output: Output, id: &str, done: &str) -> Result<(), Failed> {
    print_one(output, &json!({"id": id, "status": done}))
}

/// The members that were given.
fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

/// Lines of standard input, for passwords: a command line is seen by others on the machine.
fn secret_lines(count: usize) -> Result<Vec<String>, Failed> {
    let lines = std::io::stdin().lock().lines().take(count).collect::<Result<Vec<_>, _>>()?;
    if lines.len() < count || lines.iter().any(String::is_empty) {
        let what = if count == 1 { "the password" } else { "the old password and the new one" };
        let message = format!("standard input has to have {what}, each in a line of its own");
        return Err(Failed::new(Exit::Usage, message));
    }
    Ok(lines)
}
