//! Endpoints that are kept apart from jobs, and that jobs may be given by their ids.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::endpoint::{Endpoint, EndpointInput, EndpointSecrets};
use super::naming;
use super::refusal::{Refusal, Result};
use super::secrets::{self, SecretTexts};
use super::{Caller, Control};
use crate::secret::Place;
use crate::store::{ConnectionRow, SealedTable, StoreError};

/// Attribute of a given endpoint that names the connection whose settings it has where it has none.
pub const CONNECTION_ID: &str = "connection_id";
/// Endpoints that one project may keep.
pub const CONNECTIONS_MAX: usize = 1000;

/// A kept endpoint without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Id.
    pub id: String,
    /// Name, one of its project's without regard to case.
    pub name: String,
    /// When it was made, milliseconds of the Unix epoch.
    pub created_ms: i64,
    /// The rest.
    pub kept: KeptEndpoint,
}

/// What is kept of a connection beside its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEndpoint {
    /// For people.
    pub description: String,
    /// `enterprise_project_id`
    pub enterprise_project_id: String,
    /// Where it is.
    pub endpoint: Endpoint,
}

/// A change of a connection; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ConnectionChange {
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// `enterprise_project_id`
    pub enterprise_project_id: Option<String>,
    /// Where it is; secrets that are not given stay.
    pub endpoint: Option<EndpointInput>,
}

impl Control {
    /// The connections of the caller's project, by name.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn connections(&self, caller: &Caller) -> Result<Vec<Connection>> {
        let rows = self.inner.store.connections(&caller.project_id).await?;
        rows.iter().map(connection).collect()
    }

    /// Keeps an endpoint.
    ///
    /// # Errors
    /// [`Refusal::NameTaken`], [`Refusal::QuotaReached`].
    pub async fn create_connection(
        &self,
        caller: &Caller,
        name: String,
        kept: KeptEndpoint,
        given: &EndpointSecrets,
    ) -> Result<Connection> {
        if self.inner.store.connections(&caller.project_id).await?.len() >= CONNECTIONS_MAX {
            let limit = CONNECTIONS_MAX as u64;
            return Err(Refusal::QuotaReached { what: "connections in one project", limit });
        }
        let id = naming::new_id();
        let row = ConnectionRow {
            sealed: self.sealed(&id, given)?,
            id,
            project_id: caller.project_id.clone(),
            name,
            created_ms: self.inner.now_ms(),
            document: document(&kept)?,
        };
        match self.inner.store.insert_connection(&row).await {
            Ok(()) => connection(&row),
            Err(StoreError::NameTaken) => Err(Refusal::NameTaken { name: row.name }),
            Err(e) => Err(e.into()),
        }
    }

    /// Changes a connection. Jobs that were given it keep what they have.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if there is none of this id, [`Refusal::NameTaken`].
    pub async fn change_connection(
        &self,
        caller: &Caller,
        id: &str,
        change: ConnectionChange,
    ) -> Result<()> {
        let mut row = self.connection_row(caller, id).await?;
        let mut kept = connection(&row)?.kept;
        if let Some(given) = change.endpoint {
            let secrets = secrets::merged(&self.opened(&row)?, &given.secrets);
            row.sealed = self.sealed(&row.id, &secrets)?;
            kept.endpoint = given.endpoint;
        }
        kept.description = change.description.unwrap_or(kept.description);
        kept.enterprise_project_id =
            change.enterprise_project_id.unwrap_or(kept.enterprise_project_id);
        row.document = document(&kept)?;
        row.name = change.name.unwrap_or(row.name);
        match self.inner.store.update_connection(&row).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(none(id)),
            Err(StoreError::NameTaken) => Err(Refusal::NameTaken { name: row.name }),
            Err(e) => Err(e.into()),
        }
    }

    /// Forgets a connection. Jobs that were given it keep what they have.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if there is none of this id.
    pub async fn delete_connection(&self, caller: &Caller, id: &str) -> Result<()> {
        match self.inner.store.delete_connection(&caller.project_id, id).await? {
            true => Ok(()),
            false => Err(none(id)),
        }
    }

    /// An end of a job with what the connection has that it names ([`CONNECTION_ID`]), where nothing is given. An id that is
    /// none of a connection is what a client has got back of a job, and means nothing.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if the connection is of another kind.
    pub(crate) async fn connected(
        &self,
        caller: &Caller,
        mut given: EndpointInput,
    ) -> Result<EndpointInput> {
        let id = given.endpoint.attributes.remove(CONNECTION_ID);
        let Some(id) = id.as_ref().and_then(|id| id.as_str()) else { return Ok(given) };
        let Some(row) = self.inner.store.connection(&caller.project_id, id).await? else {
            return Ok(given);
        };
        let from = connection(&row)?.kept.endpoint;
        let mut to = given.endpoint;
        if from.db_type != to.db_type {
            let allowed = format!("a connection of db_type {}", to.db_type.name());
            return Err(Refusal::invalid("endpoint.id", id, allowed));
        }
        if to.address.is_empty() {
            to.address = from.address;
            to.port = to.port.or(from.port);
        }
        to.user = to.user.or(from.user);
        to.database = to.database.or(from.database);
        to.kafka = to.kafka.or(from.kafka);
        to.registry = to.registry.or(from.registry);
        if !to.tls.enabled {
            to.tls = from.tls;
        }
        let secrets = secrets::merged(&self.opened(&row)?, &given.secrets);
        Ok(EndpointInput { endpoint: to, secrets })
    }

    /// The same of an end that may not be given.
    pub(crate) async fn connected_if_given(
        &self,
        caller: &Caller,
        given: Option<EndpointInput>,
    ) -> Result<Option<EndpointInput>> {
        match given {
            Some(given) => self.connected(caller, given).await.map(Some),
            None => Ok(None),
        }
    }

    async fn connection_row(&self, caller: &Caller, id: &str) -> Result<ConnectionRow> {
        let row = self.inner.store.connection(&caller.project_id, id).await?;
        row.ok_or_else(|| none(id))
    }

    fn sealed(&self, id: &str, given: &EndpointSecrets) -> Result<Option<Vec<u8>>> {
        let texts = SecretTexts::of(given);
        if texts.is_empty() {
            return Ok(None);
        }
        let text = texts.text().map_err(Refusal::internal)?;
        let sealed = self.inner.vault.seal(place(id), &SecretString::from(text));
        sealed.map(Some).map_err(Refusal::internal)
    }

    fn opened(&self, row: &ConnectionRow) -> Result<EndpointSecrets> {
        let Some(sealed) = &row.sealed else { return Ok(EndpointSecrets::default()) };
        let text = self.inner.vault.unseal(place(&row.id), sealed).map_err(Refusal::internal)?;
        SecretTexts::parse(text.expose_secret()).map_err(Refusal::internal)
    }
}

fn place(id: &str) -> Place<'_> {
    Place { table: SealedTable::Connections.name(), row: id, column: "sealed" }
}

fn none(id: &str) -> Refusal {
    Refusal::invalid("connection_id", id, "the id of a connection of the project")
}

fn document(kept: &KeptEndpoint) -> Result<String> {
    serde_json::to_string(kept).map_err(|e| Refusal::internal(e.to_string()))
}

fn connection(row: &ConnectionRow) -> Result<Connection> {
    let kept = serde_json::from_str(&row.document);
    let kept = kept.map_err(|e| Refusal::internal(format!("connection {}: {e}", row.id)))?;
    Ok(Connection { id: row.id.clone(), name: row.name.clone(), created_ms: row.created_ms, kept })
}
