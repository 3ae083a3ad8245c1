//! `tailrace groups`.

use axum::http::Method;
use clap::Subcommand;
use serde_json::json;

use super::super::exit::Failed;
use super::{At, Columns, given, print_done, print_list, print_one, users};
use crate::cli::output::Output;
use crate::client::{Client, Kind};

const COLUMNS: Columns = &[("id", "/id"), ("name", "/name"), ("description", "/description")];

/// Manage the groups of a server's users. Roles of a group are those of all its users.
#[derive(Debug, clap::Args)]
pub(crate) struct Groups {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    command: GroupsCommand,
}

#[derive(Debug, Subcommand)]
enum GroupsCommand {
    /// List groups.
    List,
    /// Show a group.
    Show {
        /// Id or name.
        group: String,
    },
    /// List the users of a group.
    Members {
        /// Id or name.
        group: String,
    },
    /// Make a group.
    Create {
        /// Name.
        name: String,
        /// Who is in it.
        #[arg(long)]
        description: Option<String>,
    },
    /// Change a group.
    Update {
        /// Id or name.
        group: String,
        /// New name.
        #[arg(long)]
        name: Option<String>,
        /// Who is in it.
        #[arg(long)]
        description: Option<String>,
    },
    /// Put a user into a group.
    Add {
        /// Group, by id or name.
        group: String,
        /// User, by id or name.
        user: String,
    },
    /// Take a user out of a group.
    Remove {
        /// Group, by id or name.
        group: String,
        /// User, by id or name.
        user: String,
    },
    /// Remove a group; its users stay.
    Delete {
        /// Id or name.
        group: String,
    },
}

impl Groups {
    pub(crate) fn run(self) -> Result<(), Failed> {
        self.at.run(async |client, output| self.command.run(client, output).await)
    }
}

impl GroupsCommand {
    async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let find = async |group: &str| client.iam_find(Kind::Group, group).await;
        let set = async |method: Method, group: String, user: String| {
            let group = find(&group).await?;
            let user = client.iam_find(Kind::User, &user).await?;
            client.set_member(method, &group, &user).await?;
            let members = client.members(&group).await?;
            print_list(output, &members, users::COLUMNS)
        };
        match self {
            Self::List => print_list(output, &client.iam_list(Kind::Group).await?, COLUMNS),
            Self::Show { group } => {
                print_one(output, &client.iam_show(Kind::Group, &find(&group).await?).await?)
            }
            Self::Members { group } => {
                let members = client.members(&find(&group).await?).await?;
                print_list(output, &members, users::COLUMNS)
            }
            Self::Create { name, description } => {
                let description = description.map(|text| json!(text));
                let values = given([("name", Some(json!(name))), ("description", description)]);
                print_one(output, &client.iam_create(Kind::Group, values).await?)
            }
            Self::Update { group, name, description } => {
                let values = given([
                    ("name", name.map(|name| json!(name))),
                    ("description", description.map(|text| json!(text))),
                ]);
                let id = find(&group).await?;
                print_one(output, &client.iam_update(Kind::Group, &id, values).await?)
            }
            Self::Add { group, user } => set(Method::PUT, group, user).await,
            Self::Remove { group, user } => set(Method::DELETE, group, user).await,
            Self::Delete { group } => {
                let id = find(&group).await?;
                client.iam_delete(Kind::Group, &id).await?;
                print_done(output, &id, "DELETED")
            }
        }
    }
}
