"""Manages users by the official IAM SDK, and lets a user work with what was granted by the official DRS SDK.

Environment:
  TAILRACE_ENDPOINT   address of the server, http://127.0.0.1:8080
  TAILRACE_CREDENTIALS  its credentials.json

Prints a line per check, and ends with 1 if one failed.
"""

import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")

from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkdrs import v5
from huaweicloudsdkiam import v3 as iam

ENDPOINT = os.environ["TAILRACE_ENDPOINT"].rstrip("/")
with open(os.environ["TAILRACE_CREDENTIALS"], encoding="utf-8") as file:
    CREDENTIALS = json.load(file)
DOMAIN, PROJECT = CREDENTIALS["domain_id"], CREDENTIALS["project_id"]
PASSWORD = "Sdk-password-1"


def same(actual, wanted, what=""):
    if actual != wanted:
        raise AssertionError(f"{what} is {actual!r}, wanted {wanted!r}")


def refused(function, status, code=None):
    try:
        answer = function()
    except ClientRequestException as error:
        same(error.status_code, status, error.error_msg)
        if code:
            same(error.error_code, code, error.error_msg)
        return
    raise AssertionError(f"it was not refused: {answer}")


def iam_client(ak, sk):
    credentials = GlobalCredentials(ak, sk, DOMAIN)
    return iam.IamClient.new_builder().with_credentials(credentials).with_endpoint(ENDPOINT).build()


def jobs(ak, sk, project=PROJECT):
    credentials = BasicCredentials(ak, sk, project)
    client = v5.DrsClient.new_builder().with_credentials(credentials).with_endpoint(ENDPOINT).build()
    return lambda: client.list_jobs(v5.ListJobsRequest(job_type="sync"))


ADMIN = iam_client(CREDENTIALS["access_key"], CREDENTIALS["secret_key"])


def users():
    option = iam.KeystoneCreateUserOption(
        name="sdk-user", domain_id=DOMAIN, password=PASSWORD, enabled=True, description="by the SDK")
    body = iam.KeystoneCreateUserRequestBody(user=option)
    made = ADMIN.keystone_create_user(iam.KeystoneCreateUserRequest(body=body))
    same((made.status_code, made.user.name, made.user.enabled), (201, "sdk-user", True))
    user_id = made.user.id
    shown = ADMIN.keystone_show_user(iam.KeystoneShowUserRequest(user_id=user_id)).user
    same((shown.id, shown.domain_id, shown.description), (user_id, DOMAIN, "by the SDK"))
    found = ADMIN.keystone_list_users(iam.KeystoneListUsersRequest(name="sdk-user")).users
    same([user.id for user in found], [user_id])
    body = iam.KeystoneUpdateUserByAdminRequestBody(user=iam.KeystoneUpdateUserOption(description="changed"))
    request = iam.KeystoneUpdateUserByAdminRequest(user_id=user_id, body=body)
    same(ADMIN.keystone_update_user_by_admin(request).user.description, "changed")
    return user_id


def keys(user_id):
    option = iam.CreateCredentialOption(user_id=user_id, description="first")
    body = iam.CreatePermanentAccessKeyRequestBody(credential=option)
    made = ADMIN.create_permanent_access_key(iam.CreatePermanentAccessKeyRequest(body=body)).credential
    same((made.user_id, made.status), (user_id, "active"))
    request = iam.ListPermanentAccessKeysRequest(user_id=user_id)
    same([key.access for key in ADMIN.list_permanent_access_keys(request).credentials], [made.access])
    request = iam.ShowPermanentAccessKeyRequest(access_key=made.access)
    same(ADMIN.show_permanent_access_key(request).credential.description, "first")
    return made.access, made.secret


def groups(user_id):
    option = iam.KeystoneCreateGroupOption(name="sdk-group", domain_id=DOMAIN, description="g")
    body = iam.KeystoneCreateGroupRequestBody(group=option)
    group = ADMIN.keystone_create_group(iam.KeystoneCreateGroupRequest(body=body)).group.id
    body = iam.KeystoneUpdateGroupRequestBody(group=iam.KeystoneUpdateGroupOption(description="h"))
    request = iam.KeystoneUpdateGroupRequest(group_id=group, body=body)
    same(ADMIN.keystone_update_group(request).group.description, "h")
    same(ADMIN.keystone_show_group(iam.KeystoneShowGroupRequest(group_id=group)).group.name, "sdk-group")
    same([g.id for g in ADMIN.keystone_list_groups(iam.KeystoneListGroupsRequest()).groups], [group])
    request = iam.KeystoneAddUserToGroupRequest(group_id=group, user_id=user_id)
    same(ADMIN.keystone_add_user_to_group(request).status_code, 204)
    request = iam.KeystoneCheckUserInGroupRequest(group_id=group, user_id=user_id)
    same(ADMIN.keystone_check_user_in_group(request).status_code, 204)
    request = iam.KeystoneListUsersForGroupByAdminRequest(group_id=group)
    same([u.id for u in ADMIN.keystone_list_users_for_group_by_admin(request).users], [user_id])
    request = iam.KeystoneListGroupsForUserRequest(user_id=user_id)
    same([g.id for g in ADMIN.keystone_list_groups_for_user(request).groups], [group])
    return group


def projects():
    option = iam.KeystoneCreateProjectOption(name="sdk-project", parent_id=DOMAIN, domain_id=DOMAIN)
    body = iam.KeystoneCreateProjectRequestBody(project=option)
    project = ADMIN.keystone_create_project(iam.KeystoneCreateProjectRequest(body=body)).project.id
    body = iam.KeystoneUpdateProjectRequestBody(project=iam.KeystoneUpdateProjectOption(description="p"))
    request = iam.KeystoneUpdateProjectRequest(project_id=project, body=body)
    same(ADMIN.keystone_update_project(request).project.description, "p")
    shown = ADMIN.keystone_show_project(iam.KeystoneShowProjectRequest(project_id=project)).project
    same((shown.name, shown.enabled), ("sdk-project", True))
    listed = ADMIN.keystone_list_projects(iam.KeystoneListProjectsRequest(name="sdk-project")).projects
    same([one.id for one in listed], [project])
    return project


def policy():
    statement = iam.ServiceStatement(effect="Allow", action=["drs:migrationJob:list"])
    option = iam.ServicePolicyRoleOption(
        display_name="sdk-policy", type="XA", description="lists",
        policy=iam.ServicePolicy(version="1.1", statement=[statement]))
    body = iam.CreateCloudServiceCustomPolicyRequestBody(role=option)
    request = iam.CreateCloudServiceCustomPolicyRequest(body=body)
    role = ADMIN.create_cloud_service_custom_policy(request).role
    same(role.policy.statement[0].action, ["drs:migrationJob:list"])
    listed = ADMIN.list_custom_policies(iam.ListCustomPoliciesRequest())
    same((listed.total_number, listed.roles[0].id), (1, role.id))
    shown = ADMIN.show_custom_policy(iam.ShowCustomPolicyRequest(role_id=role.id)).role
    same(shown.display_name, "sdk-policy")
    names = [r.display_name for r in ADMIN.keystone_list_permissions(iam.KeystoneListPermissionsRequest()).roles]
    for name in ("DRS Administrator", "DRS FullAccess", "DRS ReadOnlyAccess"):
        same(name in names, True, name)
    return role.id


def grants(ak, sk, group, project, role):
    own = jobs(ak, sk, project)
    refused(own, 403, "DRS.M00102")
    place = {"project_id": project, "group_id": group, "role_id": role}
    give = iam.KeystoneAssociateGroupWithProjectPermissionRequest(**place)
    same(ADMIN.keystone_associate_group_with_project_permission(give).status_code, 204)
    look = iam.KeystoneCheckProjectPermissionForGroupRequest(**place)
    same(ADMIN.keystone_check_project_permission_for_group(look).status_code, 204)
    request = iam.KeystoneListProjectPermissionsForGroupRequest(project_id=project, group_id=group)
    same([r.id for r in ADMIN.keystone_list_project_permissions_for_group(request).roles], [role])
    same(own().total_count, 0)
    refused(jobs(ak, sk), 403, "DRS.M00102")
    take = iam.KeystoneRemoveProjectPermissionFromGroupRequest(**place)
    same(ADMIN.keystone_remove_project_permission_from_group(take).status_code, 204)
    refused(own, 403, "DRS.M00102")

    place = {"domain_id": DOMAIN, "group_id": group, "role_id": "drs_read_only"}
    give = iam.KeystoneAssociateGroupWithDomainPermissionRequest(**place)
    same(ADMIN.keystone_associate_group_with_domain_permission(give).status_code, 204)
    look = iam.KeystoneCheckDomainPermissionForGroupRequest(**place)
    same(ADMIN.keystone_check_domain_permission_for_group(look).status_code, 204)
    request = iam.KeystoneListDomainPermissionsForGroupRequest(domain_id=DOMAIN, group_id=group)
    same([r.id for r in ADMIN.keystone_list_domain_permissions_for_group(request).roles], ["drs_read_only"])
    same((own().total_count, jobs(ak, sk)().total_count), (0, 0))
    user = iam_client(ak, sk)
    listed = user.keystone_list_auth_projects(iam.KeystoneListAuthProjectsRequest()).projects
    same(sorted(one.id for one in listed), sorted([PROJECT, project]))
    refused(lambda: user.keystone_list_groups(iam.KeystoneListGroupsRequest()), 403)
    take = iam.KeystoneRemoveDomainPermissionFromGroupRequest(**place)
    same(ADMIN.keystone_remove_domain_permission_from_group(take).status_code, 204)


def log_in(password):
    user = iam.PwdPasswordUser(
        name="sdk-user", password=password,
        domain=iam.PwdPasswordUserDomain(name=CREDENTIALS["domain_name"]))
    identity = iam.PwdIdentity(methods=["password"], password=iam.PwdPassword(user=user))
    scope = iam.AuthScope(domain=iam.AuthScopeDomain(name=CREDENTIALS["domain_name"]))
    auth = iam.PwdAuth(identity=identity, scope=scope)
    body = iam.KeystoneCreateUserTokenByPasswordRequestBody(auth=auth)
    request = iam.KeystoneCreateUserTokenByPasswordRequest(body=body)
    return ADMIN.keystone_create_user_token_by_password(request)


def password(user_id, ak, sk):
    user = iam_client(ak, sk)
    token = log_in(PASSWORD).x_subject_token
    validate = iam.KeystoneValidateTokenRequest(x_subject_token=token)
    same(user.keystone_validate_token(validate).token.user.id, user_id)
    option = iam.KeystoneUpdatePasswordOption(password="Sdk-password-2", original_password=PASSWORD)
    body = iam.KeystoneUpdateUserPasswordRequestBody(user=option)
    request = iam.KeystoneUpdateUserPasswordRequest(user_id=user_id, body=body)
    same(user.keystone_update_user_password(request).status_code, 204)
    refused(lambda: user.keystone_validate_token(validate), 404)
    refused(lambda: log_in(PASSWORD), 401)
    same(log_in("Sdk-password-2").status_code, 201)


def removal(user_id, ak, sk, group, role):
    option = iam.UpdateCredentialOption(status="inactive")
    body = iam.UpdatePermanentAccessKeyRequestBody(credential=option)
    request = iam.UpdatePermanentAccessKeyRequest(access_key=ak, body=body)
    same(ADMIN.update_permanent_access_key(request).credential.status, "inactive")
    refused(jobs(ak, sk), 401)
    ADMIN.delete_permanent_access_key(iam.DeletePermanentAccessKeyRequest(access_key=ak))
    request = iam.KeystoneRemoveUserFromGroupRequest(group_id=group, user_id=user_id)
    same(ADMIN.keystone_remove_user_from_group(request).status_code, 204)
    same(ADMIN.delete_custom_policy(iam.DeleteCustomPolicyRequest(role_id=role)).status_code, 200)
    same(ADMIN.keystone_delete_group(iam.KeystoneDeleteGroupRequest(group_id=group)).status_code, 204)
    same(ADMIN.keystone_delete_user(iam.KeystoneDeleteUserRequest(user_id=user_id)).status_code, 204)
    refused(lambda: ADMIN.keystone_show_user(iam.KeystoneShowUserRequest(user_id=user_id)), 404)


def main():
    def step(name, function):
        try:
            found = function()
        except Exception as error:
            print(f"FAIL  {name}: {type(error).__name__}: {error}".replace("\n", " "))
            sys.exit(1)
        print(f"ok    {name}")
        return found

    user_id = step("users", users)
    ak, sk = step("access keys", lambda: keys(user_id))
    group = step("groups", lambda: groups(user_id))
    project = step("projects", projects)
    role = step("custom policies", policy)
    step("grants", lambda: grants(ak, sk, group, project, role))
    step("passwords and tokens", lambda: password(user_id, ak, sk))
    step("removal", lambda: removal(user_id, ak, sk, group, role))


main()
