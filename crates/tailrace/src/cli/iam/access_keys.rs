//! `tailrace keys list`, `create`, `enable`, `disable` and `delete`: access keys of users.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::super::exit::{Exit, Failed};
use super::{At, Columns, print_done, print_list, print_one};
use crate::cli::output::Output;
use crate::client::{Client, Kind};

const COLUMNS: Columns = &[
    ("access key", "/access"),
    ("status", "/status"),
    ("user", "/user_id"),
    ("created", "/create_time"),
    ("description", "/description"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum AccessKeys {
    /// List the own access keys, or those of a user.
    List {
        /// User, by id or name.
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        at: At,
    },
    /// Make an access key. Its secret is told once: keep it.
    Create {
        /// User, by id or name; without, the own.
        #[arg(long)]
        user: Option<String>,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
        /// Write the key with its secret into a new file for --credentials, instead of printing the secret.
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
        #[command(flatten)]
        at: At,
    },
    /// Let an access key be used again.
    Enable {
        /// Access key.
        access_key: String,
        #[command(flatten)]
        at: At,
    },
    /// Keep an access key from being used.
    Disable {
        /// Access key.
        access_key: String,
        #[command(flatten)]
        at: At,
    },
    /// Remove an access key.
    Delete {
        /// Access key.
        access_key: String,
        #[command(flatten)]
        at: At,
    },
}

impl AccessKeys {
    pub(crate) fn run(self) -> Result<(), Failed> {
        match self {
            Self::List { user, at } => at.run(async |client, output| {
                let user = found(client, user).await?;
                print_list(output, &client.iam_keys(user.as_deref()).await?, COLUMNS)
            }),
            Self::Create { user, description, write, at } => at.run(async |client, output| {
                let user = found(client, user).await?;
                create(client, output, user.as_deref(), &description, write.as_deref()).await
            }),
            Self::Enable { access_key, at } => at.run(async |client, output| {
                print_one(output, &client.enable_key(&access_key, true).await?)
            }),
            Self::Disable { access_key, at } => at.run(async |client, output| {
                print_one(output, &client.enable_key(&access_key, false).await?)
            }),
            Self::Delete { access_key, at } => at.run(async |client, output| {
                client.delete_key(&access_key).await?;
                print_done(output, &access_key, "DELETED")
            }),
        }
    }
}

async fn found(client: &Client, user: Option<String>) -> Result<Option<String>, Failed> {
    match user {
        Some(user) => Ok(Some(client.iam_find(Kind::User, &user).await?)),
        None => Ok(None),
    }
}

async fn create(
    client: &Client,
    output: Output,
    user: Option<&str>,
    description: &str,
    write: Option<&Path>,
) -> Result<(), Failed> {
    let Some(path) = write else {
        return print_one(output, &client.create_key(user, description).await?);
    };
    let fail = |e: std::io::Error| Failed::new(Exit::Usage, format!("{}: {e}", path.display()));
    // Before the key is made: its secret would be lost.
    let new = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = new.map_err(fail)?;
    let mut key = match client.create_key(user, description).await {
        Ok(key) => key,
        Err(error) => {
            // The file is ours and empty.
            drop(std::fs::remove_file(path));
            return Err(error.into());
        }
    };
    let credentials = json!({
        "project_id": client.project_id(),
        "user_id": key["user_id"],
        "access_key": key["access"],
        "secret_key": key["secret"],
    });
    let text = serde_json::to_string_pretty(&credentials).unwrap_or_default() + "\n";
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
    key.as_object_mut().and_then(|key| key.remove("secret"));
    key["credentials"] = Value::String(path.display().to_string());
    print_one(output, &key)
}
