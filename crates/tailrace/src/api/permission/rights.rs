//! The rights, by the names that DRS has for them in its several vocabularies.

use crate::control::iam::Right;

pub(super) const CREATE: Right = &["drs:migrationJob:create", "drs:migrationJobs:create"];
pub(super) const DELETE: Right = &["drs:migrationJob:delete", "drs:migrationJobs:delete"];
pub(super) const LIST: Right = &["drs:migrationJob:list"];
pub(super) const GET: Right = &["drs:migrationJob:get"];
pub(super) const GET_PRECHECK: Right = &["drs:migrationJob:get", "drs:precheckJob:get"];
pub(super) const GET_LOG: Right = &["drs:migrationJob:getLog"];
pub(super) const GET_PROGRESS: Right =
    &["drs:migrationJobs:getProgress", "drs:migrationJob:getSpecifiedProgress"];
pub(super) const CHECK: Right = &["drs:migrationJob:check"];
pub(super) const CONNECT: Right = &["drs:migrationJobs:connect"];
pub(super) const MODIFY: Right = &["drs:migrationJob:modify"];
pub(super) const SELECT: Right = &["drs:migrationJob:update", "drs:migrationJobs:select"];
pub(super) const POLICY: Right = &["drs:migrationJob:updateDDLPolicy"];
pub(super) const SPEED: Right =
    &["drs:migrationJobs:update", "drs:migrationJob:setMigrationTransSpeed"];
pub(super) const ACTION: Right = &["drs:migrationJob:action"];
pub(super) const TERMINATE: Right = &["drs:migrationJob:terminate"];
pub(super) const GET_CONFIG: Right = &["drs:databaseParameters:get"];
pub(super) const SET_CONFIG: Right = &["drs:migrationJob:updateJobConfig"];
pub(super) const COMPARE: Right = &["drs:migrationCompareJob:create"];
pub(super) const COMPARE_START: Right = &["drs:migrationCompareJob:start"];
pub(super) const COMPARE_DELETE: Right = &["drs:migrationCompareJob:delete"];
pub(super) const COMPARE_STOP: Right = &["drs:healthCompare:stop"];
pub(super) const COMPARE_POLICY: Right = &["drs:healthCompare:modify"];
pub(super) const GET_COMPARE: Right = &[
    "drs:compareJob:get",
    "drs:migrationJob:getStreamComparison",
    "drs:migrationJob:getCompareStruct",
    "drs:job:getResult",
];
pub(super) const GET_TAGS: Right = &["drs:tag:get"];
pub(super) const ADD_TAGS: Right = &["drs:tag:add", "drs:tag:modify"];
pub(super) const DELETE_TAGS: Right = &["drs:tags:delete"];
pub(super) const LIST_CONNECTIONS: Right = &["drs:connection:list"];
pub(super) const CREATE_CONNECTION: Right = &["drs:connection:create"];
pub(super) const MODIFY_CONNECTION: Right = &["drs:connection:modify"];
pub(super) const DELETE_CONNECTION: Right = &["drs:connection:delete"];

pub(super) const LIST_USERS: Right = &["iam:users:listUsers"];
pub(super) const MANAGE_USERS: Right = &["iam:users:manageUsers"];
pub(super) const MANAGE_KEYS: Right = &["iam:credentials:manageCredentials"];
pub(super) const LIST_GROUPS: Right = &["iam:groups:listGroups"];
pub(super) const MANAGE_GROUPS: Right = &["iam:groups:manageGroups"];
pub(super) const LIST_PROJECTS: Right = &["iam:projects:listProjects"];
pub(super) const MANAGE_PROJECTS: Right = &["iam:projects:manageProjects"];
pub(super) const LIST_ROLES: Right = &["iam:roles:listRoles"];
pub(super) const MANAGE_ROLES: Right = &["iam:roles:manageRoles"];
pub(super) const LIST_GRANTS: Right = &["iam:permissions:listGrants"];
pub(super) const MANAGE_GRANTS: Right = &["iam:permissions:manageGrants"];
pub(super) const MANAGE_TOKENS: Right = &["iam:tokens:manageTokens"];
