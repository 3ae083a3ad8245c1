//! `tailrace roles`.

use std::path::PathBuf;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::exit::{Exit, Failed};
use super::{At, Columns, print_done, print_list, print_one};
use crate::cli::output::Output;
use crate::client::{Client, Kind};

const COLUMNS: Columns = &[
    ("id", "/id"),
    ("name", "/display_name"),
    ("catalog", "/catalog"),
    ("description", "/description"),
];

/// See roles, write policies, and grant them to users and groups.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Roles {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    command: RolesCommand,
}

const EXAMPLES: &str = "\
Examples:
  tailrace roles grant \"DRS ReadOnlyAccess\" --user anna --project local-1
  tailrace roles create operator policy.json
      with {\"Version\": \"1.1\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"drs:migrationJob:action\", \"drs:*:get*\"]}]}
  tailrace roles grant operator --group night-shift";

/// Who, and where.
#[derive(Debug, Args)]
struct Place {
    /// User, by id or name.
    #[arg(long, required_unless_present = "group", conflicts_with = "group")]
    user: Option<String>,
    /// Group, by id or name.
    #[arg(long)]
    group: Option<String>,
    /// Project, by id or name; without, the domain and all its projects.
    #[arg(long)]
    project: Option<String>,
}

#[derive(Debug, Subcommand)]
enum RolesCommand {
    /// List predefined roles and custom policies.
    List,
    /// Show a role with its policy.
    Show {
        /// Id or name.
        role: String,
    },
    /// Make a custom policy of a file.
    Create {
        /// Name.
        name: String,
        /// Policy as JSON, in IAM's form.
        #[arg(value_name = "FILE")]
        policy: PathBuf,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Remove a custom policy and take it back from everybody.
    Delete {
        /// Id or name.
        role: String,
    },
    /// Give a user or group a role.
    Grant {
        /// Id or name.
        role: String,
        #[command(flatten)]
        place: Place,
    },
    /// Take a role back.
    Revoke {
        /// Id or name.
        role: String,
        #[command(flatten)]
        place: Place,
    },
    /// List the roles that a user or group was given in a project, or without one in the domain.
    Granted {
        #[command(flatten)]
        place: Place,
    },
}

impl Roles {
    pub(crate) fn run(self) -> Result<(), Failed> {
        self.at.run(async |client, output| self.command.run(client, output).await)
    }
}

impl Place {
    /// Address of the grants.
    async fn path(self, client: &Client) -> Result<String, Failed> {
        let (kind, name) = match (self.user, self.group) {
            (Some(user), _) => (Kind::User, user),
            (None, group) => (Kind::Group, group.unwrap_or_default()),
        };
        let id = client.iam_find(kind, &name).await?;
        let project = match self.project {
            Some(project) => Some(client.iam_find(Kind::Project, &project).await?),
            None => None,
        };
        Ok(client.grants_path((kind, &id), project.as_deref()).await?)
    }
}

fn id_of(role: &Value) -> &str {
    role["id"].as_str().unwrap_or_default()
}

impl RolesCommand {
    async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let set = async |method: Method, role: String, place: Place| {
            let role = client.role(&role).await?;
            let path = place.path(client).await?;
            client.set_grant(method, &path, id_of(&role)).await?;
            print_list(output, &client.granted(&path).await?, COLUMNS)
        };
        match self {
            Self::List => print_list(output, &Value::Array(client.roles().await?), COLUMNS),
            Self::Show { role } => print_one(output, &client.role(&role).await?),
            Self::Create { name, policy, description } => {
                let wrong = |why: &dyn std::fmt::Display| {
                    Failed::new(Exit::Usage, format!("{}: {why}", policy.display()))
                };
                let text = std::fs::read_to_string(&policy).map_err(|e| wrong(&e))?;
                let policy: Value = serde_json::from_str(&text).map_err(|e| wrong(&e))?;
                let role = json!({
                    "display_name": name, "type": "XA", "description": description, "policy": policy,
                });
                print_one(output, &client.create_policy(role).await?)
            }
            Self::Delete { role } => {
                let role = client.role(&role).await?;
                client.delete_policy(id_of(&role)).await?;
                print_done(output, id_of(&role), "DELETED")
            }
            Self::Grant { role, place } => set(Method::PUT, role, place).await,
            Self::Revoke { role, place } => set(Method::DELETE, role, place).await,
            Self::Granted { place } => {
                let path = place.path(client).await?;
                print_list(output, &client.granted(&path).await?, COLUMNS)
            }
        }
    }
}
