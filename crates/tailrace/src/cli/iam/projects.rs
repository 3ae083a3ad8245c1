//! `tailrace projects`.

use clap::Subcommand;
use serde_json::json;

use super::super::exit::Failed;
use super::{At, Columns, given, print_list, print_one};
use crate::cli::output::Output;
use crate::client::{Client, Kind};

const COLUMNS: Columns = &[("id", "/id"), ("name", "/name"), ("description", "/description")];

/// Manage the projects of a server. Each has jobs of its own; DRS clients take the name for the region.
#[derive(Debug, clap::Args)]
pub(crate) struct Projects {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    command: ProjectsCommand,
}

#[derive(Debug, Subcommand)]
enum ProjectsCommand {
    /// List the projects in which the caller has a role.
    List,
    /// Show a project.
    Show {
        /// Id or name.
        project: String,
    },
    /// Make a project.
    Create {
        /// Name.
        name: String,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
    },
    /// Change a project.
    Update {
        /// Id or name.
        project: String,
        /// New name.
        #[arg(long)]
        name: Option<String>,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
    },
}

impl Projects {
    pub(crate) fn run(self) -> Result<(), Failed> {
        self.at.run(async |client, output| self.command.run(client, output).await)
    }
}

impl ProjectsCommand {
    async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        match self {
            Self::List => print_list(output, &client.iam_list(Kind::Project).await?, COLUMNS),
            Self::Show { project } => {
                let id = client.iam_find(Kind::Project, &project).await?;
                print_one(output, &client.iam_show(Kind::Project, &id).await?)
            }
            Self::Create { name, description } => {
                let description = description.map(|text| json!(text));
                let values = given([("name", Some(json!(name))), ("description", description)]);
                print_one(output, &client.iam_create(Kind::Project, values).await?)
            }
            Self::Update { project, name, description } => {
                let values = given([
                    ("name", name.map(|name| json!(name))),
                    ("description", description.map(|text| json!(text))),
                ]);
                let id = client.iam_find(Kind::Project, &project).await?;
                print_one(output, &client.iam_update(Kind::Project, &id, values).await?)
            }
        }
    }
}
