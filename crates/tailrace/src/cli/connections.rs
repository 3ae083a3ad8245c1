//! `tailrace connections`: addresses and accounts that are kept apart from jobs.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::client_options::{ClientOptions, password};
use super::exit::{Exit, Failed};
use super::output::columns;
use crate::client::{Client, ClientError};

/// Keep addresses and accounts of databases and brokers, for jobs that name one of them.
///
/// CONNECTION is an id or a name. A password is never on the command line: it is in TAILRACE_NEW_PASSWORD,
/// else asked for.
#[derive(Debug, Args)]
pub(super) struct Connections {
    #[command(flatten)]
    options: ClientOptions,
    #[command(subcommand)]
    command: Do,
}

#[derive(Debug, Subcommand)]
enum Do {
    /// List the connections.
    List,
    /// Keep a connection.
    Create {
        /// Name.
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change a connection; what is not given stays.
    Edit {
        /// Id or name.
        connection: String,
        /// New name.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        settings: Settings,
        /// The password is a new one.
        #[arg(long)]
        new_password: bool,
    },
    /// Forget a connection. Jobs keep what they have of it.
    Delete {
        /// Id or name.
        connection: String,
    },
}

#[derive(Debug, Args)]
struct Settings {
    /// mysql, taurus, oracle, gaussdbv5 or kafka.
    #[arg(long, value_name = "KIND")]
    engine: Option<String>,
    /// Host, or a list of them; of Kafka host:port[,host:port…].
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Port.
    #[arg(long)]
    port: Option<u16>,
    /// Account; its password is asked for.
    #[arg(long)]
    user: Option<String>,
    /// Database, or service of Oracle.
    #[arg(long)]
    database: Option<String>,
    /// Use TLS.
    #[arg(long)]
    ssl: bool,
    /// Authorities that are trusted (PEM).
    #[arg(long, value_name = "FILE", requires = "ssl")]
    ssl_ca_file: Option<PathBuf>,
    /// For people.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Everything else, as the API's body: JSON or YAML.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Connections {
    pub(super) fn run(self) -> Result<(), Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = self.options.client().await?;
            self.command.run(&client).await?;
            let list = Value::Array(all(&client).await?);
            let heads = [
                ("id", "/connection_id"),
                ("name", "/name"),
                ("kind", "/db_type"),
                ("address", "/endpoint/ip"),
                ("port", "/endpoint/db_port"),
                ("account", "/endpoint/db_user"),
                ("description", "/description"),
            ];
            self.options.output.print(&list, |list| columns(&heads, list))
        })
    }
}

impl Do {
    async fn run(self, client: &Client) -> Result<(), Failed> {
        match self {
            Self::List => Ok(()),
            Self::Create { name, settings } => {
                let asks = settings.user.is_some();
                let body = settings.body(Some(name), asks)?;
                let path = client.path("v5", "/connections");
                Ok(client.call(Method::POST, &path, None, Some(&body)).await.map(drop)?)
            }
            Self::Edit { connection, name, settings, new_password } => {
                let path = client
                    .path("v5", &format!("/connections/{}", find(client, &connection).await?));
                let body = settings.body(name, new_password)?;
                Ok(client.call(Method::PUT, &path, None, Some(&body)).await.map(drop)?)
            }
            Self::Delete { connection } => {
                let path = client
                    .path("v5", &format!("/connections/{}", find(client, &connection).await?));
                Ok(client.call(Method::DELETE, &path, None, None).await.map(drop)?)
            }
        }
    }
}

async fn all(client: &Client) -> Result<Vec<Value>, Failed> {
    let path = client.path("v5", "/connections");
    let answer = client.call(Method::GET, &path, Some("fetch_all=true&limit=1000"), None).await?;
    Ok(answer.get("connections").and_then(Value::as_array).cloned().unwrap_or_default())
}

/// Id of a connection that is named by id or name.
async fn find(client: &Client, id_or_name: &str) -> Result<String, Failed> {
    let all = all(client).await?;
    let is =
        |one: &&Value, member: &str| one.get(member).and_then(Value::as_str) == Some(id_or_name);
    let found = all
        .iter()
        .find(|one| is(one, "connection_id"))
        .or_else(|| all.iter().find(|one| is(one, "name")))
        .and_then(|one| one.get("connection_id")?.as_str());
    found.map(str::to_owned).ok_or_else(|| {
        ClientError::Missing {
            code: "connections".to_owned(),
            message: format!("there is no connection with the id or name {id_or_name:?}"),
        }
        .into()
    })
}

impl Settings {
    /// The body of the API's call.
    fn body(self, name: Option<String>, asks_password: bool) -> Result<Value, Failed> {
        let mut body = match &self.file {
            Some(file) => read(file)?,
            None => json!({}),
        };
        let mut set = |pointer: &[&str], value: Option<Value>| {
            let Some(value) = value else { return };
            let mut place = &mut body;
            for name in pointer {
                if !place.is_object() {
                    *place = json!({});
                }
                place = &mut place[*name];
            }
            *place = value;
        };
        set(&["name"], name.map(Value::from));
        set(&["db_type"], self.engine.map(Value::from));
        set(&["description"], self.description.map(Value::from));
        set(&["endpoint", "ip"], self.address.map(Value::from));
        set(&["endpoint", "db_port"], self.port.map(|port| port.to_string().into()));
        set(&["endpoint", "db_name"], self.database.map(Value::from));
        if asks_password {
            let whose = self.user.as_deref().unwrap_or("the account");
            let secret = password(Some("TAILRACE_NEW_PASSWORD"), whose)?;
            set(&["endpoint", "db_password"], Some(secret.expose_secret().into()));
        }
        set(&["endpoint", "db_user"], self.user.map(Value::from));
        set(&["ssl", "ssl_link"], self.ssl.then_some(Value::Bool(true)));
        if let Some(file) = &self.ssl_ca_file {
            let pem = std::fs::read(file)
                .map_err(|e| Failed::new(Exit::Usage, format!("{}: {e}", file.display())))?;
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
            set(&["ssl", "ssl_cert_name"], name.map(Value::from));
            set(&["ssl", "ssl_cert_key"], Some(STANDARD.encode(pem).into()));
        }
        Ok(body)
    }
}

/// Reads an object from a file of JSON or YAML.
pub(super) fn read(file: &Path) -> Result<Value, Failed> {
    let wrong = |what: &str| Failed::new(Exit::Usage, format!("{}: {what}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| wrong(&e.to_string()))?;
    // JSON is YAML too. What is wrong is said without the text, which may hold a secret.
    let value: Value = serde_norway::from_str(&text).map_err(|e| {
        let line = e.location().map(|place| format!(", line {}", place.line()));
        wrong(&format!("no JSON or YAML{}", line.unwrap_or_default()))
    })?;
    if value.is_object() { Ok(value) } else { Err(wrong("an object with members is wanted")) }
}
