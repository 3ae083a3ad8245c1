//! Predefined roles and custom policies.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{body::V3Body, call::PathValues, error::ApiError, query::QueryText},
    control::{
        Refusal, Result,
        iam::{Effect, Policy, Role, RoleInput, RoleKind, Statement},
    },
};

use super::{
    call::{IamCall, refused, required},
    wire::{ListLinks, SelfLink},
};

const PATH: &str = "/v3/roles";
const CUSTOM_PATH: &str = "/v3.0/OS-ROLE/roles";
/// Roles of a page.
const PAGE_MAX: u64 = 300;

/// Answer of the role lists.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleList {
    /// Roles of the page.
    pub roles: Vec<RoleView>,
    /// Links.
    pub links: ListLinks,
    /// Roles of all pages.
    pub total_number: usize,
}

/// Answer about one role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleAnswer {
    /// The role.
    pub role: RoleView,
}

/// A role or policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleView {
    /// Id.
    pub id: String,
    /// Domain of a custom policy; null of a predefined role.
    pub domain_id: Option<String>,
    /// Name.
    pub name: String,
    /// Name for people.
    pub display_name: String,
    /// `AX` the domain, `XA` projects, `AA` both
    pub r#type: &'static str,
    /// `fine_grained` of policies
    pub flag: &'static str,
    /// `CUSTOMED` of custom policies, else `DRS`
    pub catalog: &'static str,
    /// What it is for.
    pub description: String,
    /// What it allows and denies.
    pub policy: PolicyView,
    /// Made, milliseconds of the Unix epoch as text.
    pub created_time: String,
    /// Last changed, milliseconds of the Unix epoch as text.
    pub updated_time: String,
    /// Links.
    pub links: SelfLink,
}

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyView {
    /// `1.1`
    #[serde(rename = "Version")]
    pub version: String,
    /// Statements.
    #[serde(rename = "Statement")]
    pub statement: Vec<StatementView>,
}

/// A statement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// `Allow` or `Deny`
    #[serde(rename = "Effect")]
    pub effect: &'static str,
    /// Actions.
    #[serde(rename = "Action")]
    pub action: Vec<String>,
}

/// Body with a custom policy.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RoleRequest {
    /// The policy.
    pub role: Option<RoleForm>,
}

/// A custom policy to be made, or to take the place of another.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RoleForm {
    /// Name for people.
    pub display_name: Option<String>,
    /// `AX` (the domain) or `XA` (projects): where clients show it. It can be granted in both.
    pub r#type: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it allows and denies.
    pub policy: Option<PolicyForm>,
}

/// A policy as it is written.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyForm {
    /// `1.1`
    #[serde(rename = "Version")]
    pub version: Option<String>,
    /// 1 to 8 statements.
    #[serde(rename = "Statement", default)]
    pub statement: Vec<StatementForm>,
}

/// A statement as it is written. What is not known is refused: it could be what limits the statement.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatementForm {
    /// `Allow` or `Deny`; what is denied by one statement is not allowed by any other
    #[serde(rename = "Effect")]
    pub effect: Option<String>,
    /// 1 to 100 actions, `drs:RESOURCE:OPERATION` with `*` for any characters
    #[serde(rename = "Action", default)]
    pub action: Vec<String>,
    /// Not offered; must be absent or empty.
    #[serde(rename = "Condition")]
    #[schema(value_type = Option<Object>)]
    pub condition: Option<Value>,
    /// Not offered; must be absent or empty.
    #[serde(rename = "Resource")]
    #[schema(value_type = Option<Object>)]
    pub resource: Option<Value>,
}

impl RoleForm {
    fn into_control(self) -> Result<RoleInput> {
        let missing = |field: &str| Refusal::Missing { field: field.to_owned() };
        let kind = match self.r#type.as_deref() {
            Some(code @ ("AX" | "XA")) => RoleKind::of(code),
            Some(other) => return Err(Refusal::invalid("role.type", other, "AX, XA")),
            None => None,
        };
        let policy = self.policy.ok_or_else(|| missing("role.policy"))?;
        let statements = policy.statement.into_iter().enumerate();
        let statements = statements.map(|(i, form)| form.into_control(i)).collect::<Result<_>>()?;
        Ok(RoleInput {
            display_name: self.display_name.ok_or_else(|| missing("role.display_name"))?,
            kind: kind.ok_or_else(|| missing("role.type"))?,
            description: self.description.unwrap_or_default(),
            policy: Policy {
                version: policy.version.ok_or_else(|| missing("role.policy.Version"))?,
                statements,
            },
        })
    }
}

impl StatementForm {
    fn into_control(self, i: usize) -> Result<Statement> {
        let field = |name: &str| format!("role.policy.Statement[{i}].{name}");
        let effect = match self.effect.as_deref() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            Some(other) => return Err(Refusal::invalid(field("Effect"), other, "Allow, Deny")),
            None => return Err(Refusal::Missing { field: field("Effect") }),
        };
        for (name, value) in [("Condition", &self.condition), ("Resource", &self.resource)] {
            let is_empty = match value {
                None | Some(Value::Null) => true,
                Some(Value::Array(items)) => items.is_empty(),
                Some(Value::Object(members)) => members.is_empty(),
                Some(_) => false,
            };
            if !is_empty {
                return Err(Refusal::Unsupported {
                    what: field(name),
                    instead: "Effect and Action; the projects are chosen by the grant".into(),
                });
            }
        }
        Ok(Statement { effect, actions: self.action })
    }
}

pub(super) fn role_view(call: &IamCall, role: Role) -> RoleView {
    let is_custom = role.domain_id.is_some();
    let statement = |statement: Statement| StatementView {
        effect: match statement.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        },
        action: statement.actions,
    };
    RoleView {
        links: call.link(if is_custom { CUSTOM_PATH } else { PATH }, &role.id),
        id: role.id,
        domain_id: role.domain_id,
        name: role.name,
        display_name: role.display_name,
        r#type: role.kind.code(),
        flag: "fine_grained",
        catalog: if is_custom { "CUSTOMED" } else { "DRS" },
        description: role.description,
        policy: PolicyView {
            version: role.policy.version,
            statement: role.policy.statements.into_iter().map(statement).collect(),
        },
        created_time: role.created_ms.to_string(),
        updated_time: role.updated_ms.to_string(),
    }
}

pub(super) fn role_list(
    call: &IamCall,
    roles: Vec<Role>,
    query: &QueryText,
    path: &str,
) -> Result<Json<RoleList>, ApiError> {
    let page = query.integer("page", 1, 1..=1_000_000).map_err(refused)?;
    let size = query.integer("per_page", PAGE_MAX, 1..=PAGE_MAX).map_err(refused)?;
    let (page, size) = (page as usize - 1, size as usize);
    let total_number = roles.len();
    let roles = roles.into_iter().skip(page.saturating_mul(size)).take(size);
    let roles = roles.map(|role| role_view(call, role)).collect();
    Ok(Json(RoleList { roles, links: call.links(path), total_number }))
}

/// Predefined roles; with `domain_id`, custom policies.
#[utoipa::path(get, path = "/v3/roles", tag = "IAM",
    params(("name" = Option<String>, Query, description = "Only the role of this name"),
           ("display_name" = Option<String>, Query, description = "Only the role of this name for people"),
           ("domain_id" = Option<String>, Query, description = "The caller's: its custom policies"),
           ("page" = Option<u64>, Query), ("per_page" = Option<u64>, Query, description = "1..=300")),
    responses((status = 200, body = RoleList)))]
pub(crate) async fn keystone_list_permissions(
    call: IamCall,
    query: QueryText,
) -> Result<Json<RoleList>, ApiError> {
    let domain = query.text("domain_id");
    domain.map_or(Ok(()), |id| call.check_domain(id)).map_err(refused)?;
    let mut roles = call.iam().roles(&call.domain().id).await.map_err(refused)?;
    roles.retain(|role| {
        role.domain_id.is_some() == domain.is_some()
            && query.text("name").is_none_or(|name| role.name == name)
            && query.text("display_name").is_none_or(|name| role.display_name == name)
    });
    role_list(&call, roles, &query, PATH)
}

/// A role or custom policy.
#[utoipa::path(get, path = "/v3/roles/{role_id}", tag = "IAM", params(("role_id" = String, Path)),
    responses((status = 200, body = RoleAnswer), (status = 404, description = "No such role")))]
pub(crate) async fn keystone_show_permission(
    call: IamCall,
    path: PathValues,
) -> Result<Json<RoleAnswer>, ApiError> {
    let role = call.iam().role(&call.domain().id, path.get("role_id")).await.map_err(refused)?;
    Ok(Json(RoleAnswer { role: role_view(&call, role) }))
}

/// Custom policies of the domain.
#[utoipa::path(get, path = "/v3.0/OS-ROLE/roles", tag = "IAM",
    params(("page" = Option<u64>, Query), ("per_page" = Option<u64>, Query, description = "1..=300")),
    responses((status = 200, body = RoleList)))]
pub(crate) async fn list_custom_policies(
    call: IamCall,
    query: QueryText,
) -> Result<Json<RoleList>, ApiError> {
    let mut roles = call.iam().roles(&call.domain().id).await.map_err(refused)?;
    roles.retain(|role| role.domain_id.is_some());
    role_list(&call, roles, &query, CUSTOM_PATH)
}

/// Makes a custom policy.
#[utoipa::path(post, path = "/v3.0/OS-ROLE/roles", tag = "IAM", request_body = RoleRequest,
    responses((status = 201, body = RoleAnswer), (status = 409, description = "The name is taken")))]
pub(crate) async fn create_cloud_service_custom_policy(
    call: IamCall,
    V3Body(body): V3Body<RoleRequest>,
) -> Result<(StatusCode, Json<RoleAnswer>), ApiError> {
    let input = required("role", body.role)?.into_control().map_err(refused)?;
    let role = call.iam().create_role(&call.domain().id, input).await.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(RoleAnswer { role: role_view(&call, role) })))
}

/// A custom policy.
#[utoipa::path(get, path = "/v3.0/OS-ROLE/roles/{role_id}", tag = "IAM",
    params(("role_id" = String, Path)),
    responses((status = 200, body = RoleAnswer), (status = 404, description = "No such policy")))]
pub(crate) async fn show_custom_policy(
    call: IamCall,
    path: PathValues,
) -> Result<Json<RoleAnswer>, ApiError> {
    let role = call.iam().custom_role(&call.domain().id, path.get("role_id")).await;
    Ok(Json(RoleAnswer { role: role_view(&call, role.map_err(refused)?) }))
}

/// Replaces a custom policy; it holds at once for who has it.
#[utoipa::path(patch, path = "/v3.0/OS-ROLE/roles/{role_id}", tag = "IAM",
    params(("role_id" = String, Path)), request_body = RoleRequest,
    responses((status = 200, body = RoleAnswer), (status = 404, description = "No such policy"),
              (status = 409, description = "The name is taken")))]
pub(crate) async fn update_cloud_service_custom_policy(
    call: IamCall,
    path: PathValues,
    V3Body(body): V3Body<RoleRequest>,
) -> Result<Json<RoleAnswer>, ApiError> {
    let input = required("role", body.role)?.into_control().map_err(refused)?;
    let changed = call.iam().update_role(&call.domain().id, path.get("role_id"), input).await;
    Ok(Json(RoleAnswer { role: role_view(&call, changed.map_err(refused)?) }))
}

/// Removes a custom policy and takes it back from everybody.
#[utoipa::path(delete, path = "/v3.0/OS-ROLE/roles/{role_id}", tag = "IAM",
    params(("role_id" = String, Path)),
    responses((status = 200, description = "Removed"), (status = 404, description = "No such policy")))]
pub(crate) async fn delete_custom_policy(
    call: IamCall,
    path: PathValues,
) -> Result<StatusCode, ApiError> {
    let deleted = call.iam().delete_role(&call.domain().id, path.get("role_id")).await;
    deleted.map_err(refused)?;
    Ok(StatusCode::OK)
}
