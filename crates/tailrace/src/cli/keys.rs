//! `tailrace keys`: access keys of users, and the keys that seal secrets.

use std::path::PathBuf;

use clap::Subcommand;

use super::data_dir::DataDir;
use super::exit::{Exit, Failed};
use super::iam::access_keys::AccessKeys;
use crate::config::{Config, ConfigFile, Overrides, StoreLocation};
use crate::store::rotation::rotate_data_key;

/// Manage access keys of users, and replace the keys that seal passwords in the store.
#[derive(Debug, clap::Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    #[command(flatten)]
    Access(AccessKeys),
    /// Make a new data key, seal every secret with it and remove the old one. The server must not
    /// run.
    Rotate {
        /// Data directory.
        #[arg(long, value_name = "DIR", env = "TAILRACE_DATA_DIR")]
        data_dir: PathBuf,
        /// Store [default: sqlite:DIR/tailrace.db].
        #[arg(long, value_name = "URL")]
        store: Option<String>,
        /// Replace DIR/master.key too. Keep a copy of the new one.
        #[arg(long)]
        master: bool,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<(), Failed> {
        let (data_dir, store, master) = match self.command {
            KeysCommand::Access(keys) => return keys.run(),
            KeysCommand::Rotate { data_dir, store, master } => (data_dir, store, master),
        };
        let over = Overrides { store, ..Default::default() };
        let config = Config::build(data_dir, ConfigFile::default(), over)?;
        let StoreLocation::Sqlite(file) = &config.store;
        if !file.is_file() {
            return Err(Failed::new(
                Exit::Usage,
                format!("there is no store at {}: nothing has keys to replace", file.display()),
            ));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(rotate(&config, master))?)
    }
}

async fn rotate(config: &Config, master: bool) -> anyhow::Result<()> {
    let data = DataDir::open(&config.data_dir, &config.store).await?;
    let count = rotate_data_key(data.store.as_ref(), &data.master).await?;
    println!("{count} secrets are sealed with a new data key");
    if master {
        let new = data.replace_master_key().await?;
        println!("master.key is new (fingerprint {}); keep a copy of it", new.fingerprint());
    }
    data.store.close().await?;
    Ok(())
}
