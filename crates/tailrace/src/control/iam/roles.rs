//! Roles: the predefined ones, and custom policies of a domain.

use super::rights::Policy;

/// A role or policy that can be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Id; of a predefined one the same everywhere.
    pub id: String,
    /// Domain of a custom policy; `None` is predefined.
    pub domain_id: Option<String>,
    /// Name in IAM's lists: of a custom policy made of its id.
    pub name: String,
    /// Name for people, unique in the domain.
    pub display_name: String,
    /// Where it is meant to be granted.
    pub kind: RoleKind,
    /// What it is for.
    pub description: String,
    /// What it allows and denies.
    pub policy: Policy,
    /// Made, milliseconds of the Unix epoch.
    pub created_ms: i64,
    /// Last changed, milliseconds of the Unix epoch.
    pub updated_ms: i64,
}

/// IAM's mark of the level on which a role is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleKind {
    /// `AX`: the domain.
    Domain,
    /// `XA`: projects.
    Project,
    /// `AA`: both.
    Both,
}

impl RoleKind {
    /// IAM's code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Domain => "AX",
            Self::Project => "XA",
            Self::Both => "AA",
        }
    }

    /// The kind of a code.
    pub fn of(code: &str) -> Option<Self> {
        [Self::Domain, Self::Project, Self::Both].into_iter().find(|kind| kind.code() == code)
    }
}

/// Role of those who manage users, groups, projects, roles and keys. A domain always has a user with it.
pub const SECURITY_ADMINISTRATOR: &str = "secu_admin";
/// Role of those who may everything but manage users.
pub const TENANT_ADMINISTRATOR: &str = "te_admin";

/// Id, name, name for people, kind, description, allowed actions.
type Predefined =
    (&'static str, &'static str, &'static str, RoleKind, &'static str, &'static [&'static str]);

const PREDEFINED: [Predefined; 5] = [
    (
        SECURITY_ADMINISTRATOR,
        "secu_admin",
        "Security Administrator",
        RoleKind::Domain,
        "Manages users, groups, projects, roles and access keys.",
        &["iam:*:*"],
    ),
    (
        TENANT_ADMINISTRATOR,
        "te_admin",
        "Tenant Administrator",
        RoleKind::Both,
        "May everything but manage users.",
        &["drs:*:*", "tailrace:*:*"],
    ),
    (
        "drs_adm",
        "drs_adm",
        "DRS Administrator",
        RoleKind::Both,
        "May everything with jobs.",
        &["drs:*:*"],
    ),
    (
        "drs_full_access",
        "system_all_drs_0",
        "DRS FullAccess",
        RoleKind::Both,
        "May everything with jobs.",
        &["drs:*:*"],
    ),
    (
        "drs_read_only",
        "system_all_drs_1",
        "DRS ReadOnlyAccess",
        RoleKind::Both,
        "Sees jobs and changes nothing.",
        &["drs:*:get*", "drs:*:list*"],
    ),
];

/// All predefined roles.
pub fn predefined() -> Vec<Role> {
    let role = |(id, name, display_name, kind, description, actions): &Predefined| Role {
        id: (*id).to_owned(),
        domain_id: None,
        name: (*name).to_owned(),
        display_name: (*display_name).to_owned(),
        kind: *kind,
        description: (*description).to_owned(),
        policy: Policy::allowing(actions),
        created_ms: 0,
        updated_ms: 0,
    };
    PREDEFINED.iter().map(role).collect()
}

/// The predefined role of an id.
pub(super) fn predefined_role(id: &str) -> Option<Role> {
    predefined().into_iter().find(|role| role.id == id)
}
