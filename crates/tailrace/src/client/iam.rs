//! Calls of IAM: users, groups, projects, roles and access keys, by id or by name.

use axum::http::Method;
use serde_json::{Value, json};

use super::job::encoded;
use super::{Client, ClientError, Proof, Result};

/// Address of the access keys.
const KEYS: &str = "/v3.0/OS-CREDENTIAL/credentials";
/// Address of the custom policies.
const POLICIES: &str = "/v3.0/OS-ROLE/roles";

/// Something of IAM that has a name and an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user.
    User,
    /// A group.
    Group,
    /// A project.
    Project,
}

impl Kind {
    /// Member of an answer about one.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Project => "project",
        }
    }

    /// Member of a list, and the last part of its address.
    pub fn plural(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Group => "groups",
            Self::Project => "projects",
        }
    }
}

fn missing(what: &str, name: &str) -> ClientError {
    let message = format!("there is no {what} {name:?}, neither as a name nor as an id");
    ClientError::Missing { code: "HTTP 404".to_owned(), message }
}

fn member(answer: &Value, name: &str) -> Value {
    answer.get(name).cloned().unwrap_or(Value::Null)
}

fn id_of(value: &Value) -> Option<String> {
    value.get("id").and_then(Value::as_str).map(str::to_owned)
}

impl Client {
    async fn iam(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        self.call(method, path, query, body).await
    }

    /// All of a kind.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn iam_list(&self, kind: Kind) -> Result<Value> {
        let answer = self.iam(Method::GET, &format!("/v3/{}", kind.plural()), None).await?;
        Ok(member(&answer, kind.plural()))
    }

    /// The id of one by name or id.
    ///
    /// # Errors
    /// [`ClientError::Missing`].
    pub async fn iam_find(&self, kind: Kind, name: &str) -> Result<String> {
        let path = format!("/v3/{}?name={}", kind.plural(), encoded(name));
        let found = self.iam(Method::GET, &path, None).await?;
        let found = found.get(kind.plural()).and_then(|list| list.get(0)).and_then(id_of);
        if let Some(id) = found {
            return Ok(id);
        }
        match self.iam_show(kind, name).await {
            Ok(_) => Ok(name.to_owned()),
            Err(ClientError::Missing { .. }) => Err(missing(kind.name(), name)),
            Err(other) => Err(other),
        }
    }

    /// One by id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn iam_show(&self, kind: Kind, id: &str) -> Result<Value> {
        let path = format!("/v3/{}/{}", kind.plural(), encoded(id));
        Ok(member(&self.iam(Method::GET, &path, None).await?, kind.name()))
    }

    /// Makes one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn iam_create(&self, kind: Kind, values: Value) -> Result<Value> {
        let path = format!("/v3/{}", kind.plural());
        let answer = self.iam(Method::POST, &path, Some(&json!({kind.name(): values}))).await?;
        Ok(member(&answer, kind.name()))
    }

    /// Changes one by id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn iam_update(&self, kind: Kind, id: &str, values: Value) -> Result<Value> {
        let path = format!("/v3/{}/{}", kind.plural(), encoded(id));
        let answer = self.iam(Method::PATCH, &path, Some(&json!({kind.name(): values}))).await?;
        Ok(member(&answer, kind.name()))
    }

    /// Removes one by id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn iam_delete(&self, kind: Kind, id: &str) -> Result<()> {
        let path = format!("/v3/{}/{}", kind.plural(), encoded(id));
        self.iam(Method::DELETE, &path, None).await.map(drop)
    }

    /// Changes the password of the user who this client is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn change_password(&self, original: &str, password: &str) -> Result<()> {
        let user = match &self.login.proof {
            Proof::Token(token) => self.user_of_token(token).await?,
            Proof::Key { access_key, .. } => {
                let mine = self.iam_keys(None).await?;
                let is_mine = |key: &&Value| key["access"] == access_key.as_str();
                let key = mine.as_array().and_then(|keys| keys.iter().find(is_mine));
                key.and_then(|key| key["user_id"].as_str()).unwrap_or_default().to_owned()
            }
        };
        let body = json!({"user": {"original_password": original, "password": password}});
        let path = format!("/v3/users/{}/password", encoded(&user));
        self.iam(Method::POST, &path, Some(&body)).await.map(drop)
    }

    /// Users of a group.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn members(&self, group_id: &str) -> Result<Value> {
        let path = format!("/v3/groups/{}/users", encoded(group_id));
        Ok(member(&self.iam(Method::GET, &path, None).await?, "users"))
    }

    /// Puts a user into a group (`PUT`) or takes one out of it (`DELETE`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_member(&self, method: Method, group_id: &str, user_id: &str) -> Result<()> {
        let path = format!("/v3/groups/{}/users/{}", encoded(group_id), encoded(user_id));
        self.iam(method, &path, None).await.map(drop)
    }

    /// Predefined roles, then custom policies.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn roles(&self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for path in ["/v3/roles", POLICIES] {
            let answer = self.iam(Method::GET, path, None).await?;
            all.extend(member(&answer, "roles").as_array().cloned().unwrap_or_default());
        }
        Ok(all)
    }

    /// A role by id, name or name for people.
    ///
    /// # Errors
    /// [`ClientError::Missing`].
    pub async fn role(&self, name: &str) -> Result<Value> {
        let is_it = |role: &Value| ["id", "display_name", "name"].iter().any(|at| role[at] == name);
        self.roles().await?.into_iter().find(is_it).ok_or_else(|| missing("role", name))
    }

    /// Makes a custom policy.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_policy(&self, role: Value) -> Result<Value> {
        let answer = self.iam(Method::POST, POLICIES, Some(&json!({"role": role}))).await?;
        Ok(member(&answer, "role"))
    }

    /// Removes a custom policy.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_policy(&self, id: &str) -> Result<()> {
        let path = format!("{POLICIES}/{}", encoded(id));
        self.iam(Method::DELETE, &path, None).await.map(drop)
    }

    /// Address of the roles that a user or group (`actor`) has in a project; in the domain without one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn grants_path(
        &self,
        actor: (Kind, &str),
        project_id: Option<&str>,
    ) -> Result<String> {
        let place = match project_id {
            Some(id) => format!("projects/{}", encoded(id)),
            None => {
                let answer = self.iam(Method::GET, "/v3/auth/domains", None).await?;
                let domain = answer.pointer("/domains/0").and_then(id_of).unwrap_or_default();
                format!("domains/{}", encoded(&domain))
            }
        };
        let (kind, id) = actor;
        Ok(format!("/v3/{place}/{}/{}/roles", kind.plural(), encoded(id)))
    }

    /// The roles at an address of [`Client::grants_path`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn granted(&self, grants: &str) -> Result<Value> {
        Ok(member(&self.iam(Method::GET, grants, None).await?, "roles"))
    }

    /// Gives (`PUT`) or takes back (`DELETE`) a role.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_grant(&self, method: Method, grants: &str, role_id: &str) -> Result<()> {
        let path = format!("{grants}/{}", encoded(role_id));
        self.iam(method, &path, None).await.map(drop)
    }

    /// Access keys of a user, without their secrets; the own without a user.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn iam_keys(&self, user_id: Option<&str>) -> Result<Value> {
        let path = match user_id {
            Some(id) => format!("{KEYS}?user_id={}", encoded(id)),
            None => KEYS.to_owned(),
        };
        Ok(member(&self.iam(Method::GET, &path, None).await?, "credentials"))
    }

    /// Makes an access key of a user, the own without one; the answer has its secret.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_key(&self, user_id: Option<&str>, description: &str) -> Result<Value> {
        let body = json!({"credential": {"user_id": user_id, "description": description}});
        let answer = self.iam(Method::POST, KEYS, Some(&body)).await?;
        Ok(member(&answer, "credential"))
    }

    /// Enables or disables an access key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn enable_key(&self, access_key: &str, enabled: bool) -> Result<Value> {
        let status = if enabled { "active" } else { "inactive" };
        let body = json!({"credential": {"status": status}});
        let path = format!("{KEYS}/{}", encoded(access_key));
        Ok(member(&self.iam(Method::PUT, &path, Some(&body)).await?, "credential"))
    }

    /// Removes an access key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_key(&self, access_key: &str) -> Result<()> {
        let path = format!("{KEYS}/{}", encoded(access_key));
        self.iam(Method::DELETE, &path, None).await.map(drop)
    }
}
