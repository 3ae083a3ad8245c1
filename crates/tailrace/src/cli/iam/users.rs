//! `tailrace users`.

use clap::Subcommand;
use serde_json::json;

use super::super::exit::Failed;
use super::{At, Columns, given, print_done, print_list, print_one, secret_lines};
use crate::cli::output::Output;
use crate::client::{Client, Kind};

pub(super) const COLUMNS: Columns =
    &[("id", "/id"), ("name", "/name"), ("enabled", "/enabled"), ("description", "/description")];

/// Manage the users of a server. A new user may nothing until a role is granted (`tailrace roles grant`).
#[derive(Debug, clap::Args)]
pub(crate) struct Users {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// List users; without the right to manage them only the own.
    List,
    /// Show a user.
    Show {
        /// Id or name.
        user: String,
    },
    /// Make a user.
    Create {
        /// Name.
        name: String,
        /// Read a password from the first line of standard input; without, the user has access keys only.
        #[arg(long)]
        password_stdin: bool,
        /// Who it is.
        #[arg(long)]
        description: Option<String>,
    },
    /// Change a user.
    Update {
        /// Id or name.
        user: String,
        /// New name.
        #[arg(long)]
        name: Option<String>,
        /// Who it is.
        #[arg(long)]
        description: Option<String>,
        /// Read a new password from the first line of standard input; it ends the user's tokens.
        #[arg(long)]
        password_stdin: bool,
        /// Let the user log in again.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Lock the user out, with all tokens and access keys.
        #[arg(long)]
        disable: bool,
    },
    /// Change the own password: the old one and the new one are read from two lines of standard input.
    Password,
    /// Remove a user with keys, tokens and grants.
    Delete {
        /// Id or name.
        user: String,
    },
}

impl Users {
    pub(crate) fn run(self) -> Result<(), Failed> {
        self.at.run(async |client, output| self.command.run(client, output).await)
    }
}

fn password(wanted: bool) -> Result<Option<serde_json::Value>, Failed> {
    match wanted {
        true => Ok(secret_lines(1)?.pop().map(|line| json!(line))),
        false => Ok(None),
    }
}

impl UsersCommand {
    async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        match self {
            Self::List => print_list(output, &client.iam_list(Kind::User).await?, COLUMNS),
            Self::Show { user } => {
                let id = client.iam_find(Kind::User, &user).await?;
                print_one(output, &client.iam_show(Kind::User, &id).await?)
            }
            Self::Create { name, password_stdin, description } => {
                let values = given([
                    ("name", Some(json!(name))),
                    ("password", password(password_stdin)?),
                    ("description", description.map(|text| json!(text))),
                ]);
                print_one(output, &client.iam_create(Kind::User, values).await?)
            }
            Self::Update { user, name, description, password_stdin, enable, disable } => {
                let values = given([
                    ("name", name.map(|name| json!(name))),
                    ("password", password(password_stdin)?),
                    ("description", description.map(|text| json!(text))),
                    ("enabled", (enable || disable).then(|| json!(enable))),
                ]);
                let id = client.iam_find(Kind::User, &user).await?;
                print_one(output, &client.iam_update(Kind::User, &id, values).await?)
            }
            Self::Password => {
                let lines = secret_lines(2)?;
                let [original, password] = lines.as_slice() else { return Ok(()) };
                client.change_password(original, password).await?;
                print_done(output, "password", "CHANGED")
            }
            Self::Delete { user } => {
                let id = client.iam_find(Kind::User, &user).await?;
                client.iam_delete(Kind::User, &id).await?;
                print_done(output, &id, "DELETED")
            }
        }
    }
}
