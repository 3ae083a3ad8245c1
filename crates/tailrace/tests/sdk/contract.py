"""Drives a running server through the official SDK: every operation of a job's life, v3 and v5, IAM,
and the answers to what a client can get wrong.

Environment:
  TAILRACE_ENDPOINT            address of the server, http://127.0.0.1:8080
  TAILRACE_CREDENTIALS         its credentials.json
  TAILRACE_TEST_MYSQL          host:port of a MySQL that the server can reach
  TAILRACE_TEST_MYSQL_USER     its user, TAILRACE_TEST_MYSQL_PASSWORD the password
  TAILRACE_TEST_DATABASE       a database there with at least one table that has rows and a key
  TAILRACE_TEST_KAFKA          host:port of a Kafka that makes no topics by itself
  TAILRACE_TEST_TOPIC          a topic there

Prints a line per check, and ends with 1 if one failed.
"""

import json
import os
import sys
import time
import traceback
import urllib.error
import urllib.request
import uuid
import warnings

warnings.filterwarnings("ignore")

from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, ServerResponseException
from huaweicloudsdkcore.http.formdata import FormFile
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkdrs import v3, v5
from huaweicloudsdkiam import v3 as iam

ENDPOINT = os.environ["TAILRACE_ENDPOINT"].rstrip("/")
with open(os.environ["TAILRACE_CREDENTIALS"], encoding="utf-8") as file:
    CREDENTIALS = json.load(file)
MYSQL_HOST, MYSQL_PORT = os.environ["TAILRACE_TEST_MYSQL"].rsplit(":", 1)
MYSQL_USER = os.environ["TAILRACE_TEST_MYSQL_USER"]
MYSQL_PASSWORD = os.environ["TAILRACE_TEST_MYSQL_PASSWORD"]
DATABASE = os.environ["TAILRACE_TEST_DATABASE"]
KAFKA = os.environ["TAILRACE_TEST_KAFKA"]
TOPIC = os.environ["TAILRACE_TEST_TOPIC"]

AK, SK = CREDENTIALS["access_key"], CREDENTIALS["secret_key"]
PROJECT, REGION = CREDENTIALS["project_id"], CREDENTIALS["project_name"]
# Jobs of this run; another run against the same server must not collide.
RUN = uuid.uuid4().hex[:8]
NO_JOB = "c7debc9c-8e09-4a5d-8dd6-cc44f78jb20r"
STATE_LIMIT_S = 120

failed = 0


def check(name, function):
    """Runs a check and prints how it went; returns what it returned."""
    global failed
    try:
        result = function()
        print(f"ok    {name}")
        return result
    except Exception as error:  # every failure of a check is one line, then the next check
        failed += 1
        print(f"FAIL  {name}: {type(error).__name__}: {error}".replace("\n", " "))
        if os.environ.get("TAILRACE_TEST_TRACE"):
            traceback.print_exc()
        return None


def same(actual, wanted, what=""):
    if actual != wanted:
        raise AssertionError(f"{what} is {actual!r}, wanted {wanted!r}")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(function, status, code, text=""):
    """The call has to be refused with this HTTP status, code, text, and a request id."""
    try:
        answer = function()
    except (ClientRequestException, ServerResponseException) as error:
        same((error.status_code, error.error_code), (status, code), error.error_msg)
        holds(text in (error.error_msg or ""), f"{error.error_msg!r} lacks {text!r}")
        holds(len(error.request_id or "") == 32, f"request id {error.request_id!r}")
        return
    raise AssertionError(f"it was not refused: {answer}")


def until(what, look, limit_s=STATE_LIMIT_S):
    """Looks again and again until there is a result."""
    end = time.monotonic() + limit_s
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.1)


def client(module, ak=AK, sk=SK, project=PROJECT):
    credentials = BasicCredentials(ak, sk, project)
    builder = module.DrsClient.new_builder().with_credentials(credentials)
    return builder.with_endpoint(ENDPOINT).build()


C3, C5 = client(v3), client(v5)


def status_of(job_id):
    return detail(job_id).status


def detail(job_id, kind="detail", **more):
    request = v5.ShowJobDetailRequest(job_id=job_id, type=kind, **more)
    return C5.show_job_detail(request).job


def wait_for(job_id, *wanted):
    def look():
        status = status_of(job_id)
        if status in wanted:
            return status
        holds(not status.endswith("_FAILED"), f"the job is {status}: {raw_detail(job_id)}")
        return None

    return until(f"{job_id} to be {wanted}", look)


def raw_detail(job_id):
    request = v5.ShowJobDetailRequest(job_id=job_id, type="detail")
    return json.loads(C5.show_job_detail(request).raw_content)["job"].get("failed_reason")


def act(job_id, name, **params):
    action = v5.ActionReq(action_name=name, action_params=v5.ActionParams(**params))
    request = v5.ExecuteJobActionRequest(job_id=job_id, body=v5.JobActionReq(job=action))
    return C5.execute_job_action(request)


def act_done(job_id, name, **params):
    answer = act(job_id, name, **params)
    same((answer.status_code, json.loads(answer.raw_content)), (200, {"status": "success"}), name)


# --- forms of the requests ---


def source(**more):
    return v3.Endpoint(
        db_type="mysql", ip=MYSQL_HOST, db_port=int(MYSQL_PORT), db_user=MYSQL_USER,
        db_password=MYSQL_PASSWORD, inst_id="instance-1", region=REGION, project_id=PROJECT, **more,
    )


def target():
    return v3.Endpoint(db_type="kafka", ip=KAFKA, db_port=0)


def create_v3(*jobs):
    body = v3.BatchCreateJobReq(jobs=list(jobs))
    return C3.batch_create_jobs(v3.BatchCreateJobsRequest(body=body))


def job_v3(name, **more):
    values = {
        "name": name, "db_use_type": "sync", "engine_type": "mysql-to-kafka",
        "job_direction": "non-dbs", "net_type": "vpc", "node_type": "high",
        "task_type": "FULL_INCR_TRANS", "customize_sutnet_id": "subnet-1", "expired_days": "14",
        "is_target_readonly": True, "multi_write": False, "description": "made by v3",
        "tags": [v3.ResourceTag(key="purpose", value="contract")],
        "source_endpoint": source(), "target_endpoint": target(),
    }
    return v3.CreateJobReq(**{**values, **more})


def job_v5(name):
    base = v5.JobBaseInfo(
        name=name, job_type="sync", engine_type="mysql-to-kafka", job_direction="non-dbs",
        task_type="FULL_INCR_TRANS", net_type="eip", multi_write=False, is_open_fast_clean=False,
        description="made by v5", expired_days="20",
    )
    return v5.CreateJobReq(
        base_info=base, source_endpoint=[source_v5()], target_endpoint=[target_v5()],
        node_info=v5.JobNodeInfo(spec=v5.JobNodeSpecInfo(node_type="medium")),
    )


def source_v5(password=MYSQL_PASSWORD):
    endpoint = v5.BaseEndpoint(
        endpoint_name="mysql", ip=MYSQL_HOST, db_port=MYSQL_PORT, db_user=MYSQL_USER,
        db_password=password,
    )
    return v5.JobEndpointInfo(
        db_type="mysql", endpoint_type="offline", endpoint_role="so", endpoint=endpoint,
        ssl=v5.EndpointSslConfig(ssl_link=False),
    )


def target_v5():
    endpoint = v5.BaseEndpoint(endpoint_name="kafka", ip=KAFKA)
    return v5.JobEndpointInfo(
        db_type="kafka", endpoint_type="offline", endpoint_role="ta", endpoint=endpoint,
    )


def create_v5(job):
    return C5.create_job(v5.CreateJobRequest(body=v5.SingleCreateJobReq(job=job)))


def policy(job_id, **more):
    values = {"job_id": job_id, "topic_policy": "0", "topic": TOPIC, "partition_policy": "0",
              "kafka_data_format": "json"}
    body = v3.BatchSetupSyncPolicyReq(jobs=[v3.SyncPolicyReq(**{**values, **more})])
    return C3.batch_set_policy(v3.BatchSetPolicyRequest(body=body))


def update(job_id, kind, **params):
    change = v5.UpdateJobReq(type=kind, params=v5.UpdateJob(**params))
    body = v5.SingleUpdateJobReq(job=change)
    return C5.update_job(v5.UpdateJobRequest(job_id=job_id, body=body))


def select(job_id, *databases):
    info = {name: v5.DatabaseObject(name=name, all=True) for name in databases}
    objects = v5.DbObject(object_scope="database", object_info=info)
    return update(job_id, "db_object", db_object=objects)


def ids(*jobs):
    return v3.BatchQueryJobReqPage(jobs=list(jobs), page_req=v3.PageReq())


def item(answer, n=0):
    return answer.results[n]


def succeeded(answer, status, n=0):
    same(answer.status_code, status, "HTTP status")
    same(item(answer, n).status, "success", f"item {n}")
    return answer


# --- checks ---


def check_server():
    def get(path, headers=None):
        request = urllib.request.Request(ENDPOINT + path, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def healthy(path):
        status, headers, _ = get(path)
        same(status, 200, path)
        holds(len(headers["X-Request-Id"]) == 32, "no request id")

    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"]:
        check(f"GET {path}", lambda path=path: healthy(path))

    def versions():
        values = json.loads(get("/")[2])["versions"]["values"]
        holds(values[0]["links"][0]["href"].endswith("/v3/"), values)

    check("GET / lists versions", versions)

    def unknown():
        status, headers, body = get("/v9/nothing")
        same((status, json.loads(body)["error_code"]), (404, "APIGW.0101"))
        holds(len(headers["X-Request-Id"]) == 32, "no request id")

    check("an unknown path has a body and a request id", unknown)

    def no_credentials():
        status, _, body = get(f"/v5/{PROJECT}/jobs?job_type=sync")
        same((status, json.loads(body)["error_code"]), (401, "APIGW.0301"))

    check("without credentials: 401 APIGW.0301", no_credentials)


def check_authentication():
    ask = v5.ListJobsRequest(job_type="sync")
    check("a wrong secret key: 401", lambda: refused(
        lambda: client(v5, sk="wrong").list_jobs(ask), 401, "APIGW.0301", "aksk"))
    check("an unknown access key: 401", lambda: refused(
        lambda: client(v5, ak="NOSUCHKEY").list_jobs(ask), 401, "APIGW.0301", "ak not exist"))
    check("another project: 403", lambda: refused(
        lambda: client(v5, project="0" * 32).list_jobs(ask), 403, "DRS.M00261", "project"))

    def found():
        credentials = BasicCredentials(AK, SK).with_iam_endpoint(ENDPOINT)
        builder = v5.DrsClient.new_builder().with_credentials(credentials)
        found = builder.with_region(Region(REGION, ENDPOINT)).build()
        same(found.list_jobs(ask).status_code, 200, "HTTP status")

    check("the SDK finds the project by the region's name", found)
    check("special characters are signed as the SDK does", lambda: same(
        C5.list_jobs(v5.ListJobsRequest(job_type="sync", name="ü /%~*+")).total_count, 0))


def check_iam():
    credentials = GlobalCredentials(AK, SK, CREDENTIALS["domain_id"])
    builder = iam.IamClient.new_builder().with_credentials(credentials)
    client = builder.with_endpoint(ENDPOINT).build()

    def log_in(password):
        user = iam.PwdPasswordUser(
            name=CREDENTIALS["user_name"], password=password,
            domain=iam.PwdPasswordUserDomain(name=CREDENTIALS["domain_name"]),
        )
        identity = iam.PwdIdentity(methods=["password"], password=iam.PwdPassword(user=user))
        scope = iam.AuthScope(project=iam.AuthScopeProject(name=REGION))
        body = iam.KeystoneCreateUserTokenByPasswordRequestBody(
            auth=iam.PwdAuth(identity=identity, scope=scope))
        request = iam.KeystoneCreateUserTokenByPasswordRequest(body=body)
        return client.keystone_create_user_token_by_password(request)

    def token():
        answer = log_in(CREDENTIALS["password"])
        same((answer.status_code, answer.token.project.id), (201, PROJECT))
        holds(answer.x_subject_token, "no X-Subject-Token")
        return answer.x_subject_token

    text = check("a password gives a token", token)
    check("a wrong password: 401", lambda: refused(lambda: log_in("wrong"), 401, 401))

    def call(path, method="GET", subject=None):
        headers = {"X-Auth-Token": text}
        if subject:
            headers["X-Subject-Token"] = subject
        request = urllib.request.Request(ENDPOINT + path, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body = answer.read()
                return answer.status, json.loads(body) if body else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    jobs = f"/v5/{PROJECT}/jobs?job_type=sync"
    check("the token opens the API", lambda: same(call(jobs)[0], 200))
    check("the token can be looked at", lambda: same(
        call("/v3/auth/tokens", subject=text)[1]["token"]["project"]["id"], PROJECT))
    check("GET /v3/auth/projects", lambda: same(
        call("/v3/auth/projects")[1]["projects"][0]["id"], PROJECT))
    check("GET /v3/auth/domains", lambda: same(
        call("/v3/auth/domains")[1]["domains"][0]["id"], CREDENTIALS["domain_id"]))
    check("GET /v3/users", lambda: same(
        call(f"/v3/users?name={CREDENTIALS['user_name']}")[1]["users"][0]["id"],
        CREDENTIALS["user_id"]))
    check("GET /v3/projects by the SDK", lambda: same(
        client.keystone_list_projects(iam.KeystoneListProjectsRequest(name=REGION)).projects[0].id,
        PROJECT))

    def revoke():
        same(call("/v3/auth/tokens", "DELETE", text)[0], 204, "HTTP status")
        status, body = call(jobs)
        same((status, body["error_code"]), (401, "APIGW.0301"))

    check("a revoked token opens nothing", revoke)


def check_v3_creation():
    name = f"sdk-v3-{RUN}"

    def create():
        answer = create_v3(job_v3(name))
        same((answer.status_code, answer.count, item(answer).status), (202, 1, "CREATING"))
        holds(int(item(answer).create_time) > 0, "create_time")
        return item(answer).id

    job = check("v3 batch-creation", create)
    check("v3 batch-creation: a taken name is 400", lambda: refused(
        lambda: create_v3(job_v3(name.upper())), 400, "DRS.M00277", "already exists"))
    check("v3 batch-creation: an unknown link is 400", lambda: refused(
        lambda: create_v3(job_v3(name + "x", engine_type="oracle-to-kafka")), 400, "DRS.M00202",
        "jobs[0].engine_type"))
    check("v3 batch-creation: no job is 400", lambda: refused(create_v3, 400, "DRS.M00201"))
    check("CREATING becomes CONFIGURATION", lambda: wait_for(job, "CONFIGURATION"))

    def taurus():
        endpoint = v3.Endpoint(db_type="taurus")
        other = job_v3(name + "-taurus", engine_type="taurus-to-kafka", source_endpoint=endpoint)
        other_id = item(create_v3(other)).id
        wait_for(other_id, "CONFIGURATION")
        act_done(other_id, "terminate")
        wait_for(other_id, "RELEASE_RESOURCE_COMPLETE")
        C5.delete_job(v5.DeleteJobRequest(job_id=other_id))

    check("taurus-to-kafka is made, ended and deleted", taurus)
    return job, name


def check_v3_configuration(job, name):
    def status():
        answer = C3.batch_list_job_status(v3.BatchListJobStatusRequest(body=ids(job)))
        same((answer.count, item(answer).id, item(answer).status), (1, job, "CONFIGURATION"))

    check("v3 batch-status", status)

    def ends(password=MYSQL_PASSWORD):
        so = v3.TestEndPoint(
            id=job, end_point_type="so", db_type="mysql", net_type="vpc", ip=MYSQL_HOST,
            db_port=int(MYSQL_PORT), db_user=MYSQL_USER, db_password=password)
        ta = v3.TestEndPoint(id=job, end_point_type="ta", db_type="kafka", net_type="vpc", ip=KAFKA,
                             kafka_security_config=v3.KafkaSecurity(type="PLAINTEXT"))
        body = v3.BatchTestConnectionReq(jobs=[so, ta])
        return C3.batch_validate_connections(v3.BatchValidateConnectionsRequest(body=body))

    def connect():
        answer = ends()
        same((answer.count, item(answer).success, item(answer, 1).success), (2, True, True), answer)

    check("v3 batch-connection", connect)

    def wrong():
        answer = ends("wrong")
        same((item(answer).success, item(answer).error_code), (False, "DRS.KE0002"), answer)
        same(item(answer, 1).success, True)

    check("v3 batch-connection: a wrong password is told in its item", wrong)

    def cluster():
        end = {"end_point_type": "so", "db_type": "mysql", "net_type": "vpc", "db_user": MYSQL_USER,
               "db_password": MYSQL_PASSWORD, "ip": MYSQL_HOST, "db_port": int(MYSQL_PORT)}
        action = v3.BatchJobActionReq(action="testConnection", job_id=job)
        action._property = json.dumps([end])
        body = v3.BatchSpecialTestConnectionReq(jobs=[action])
        request = v3.BatchValidateClustersConnectionsRequest(body=body)
        same(item(C3.batch_validate_clusters_connections(request)).success, True)

    check("v3 cluster/batch-connection", cluster)

    def modify():
        change = v3.ModifyJobReq(
            job_id=job, name=name, description="saved", engine_type="mysql-to-kafka",
            net_type="vpc", node_type="high", task_type="FULL_INCR_TRANS", store_db_info=True,
            job_direction="non-dbs", db_use_type="sync", is_recreate=False,
            source_endpoint=source(), target_endpoint=target())
        body = v3.BatchModifyJobReq(jobs=[change])
        succeeded(C3.batch_update_job(v3.BatchUpdateJobRequest(body=body)), 202)

    check("v3 batch-modification saves the ends", modify)
    check("v3 batch-sync-policy: an unknown topic policy is 400", lambda: refused(
        lambda: policy(job, topic_policy="9"), 400, "DRS.M00202", "topic_policy"))
    check("v3 batch-sync-policy", lambda: succeeded(policy(job), 200))

    def objects():
        entry = v3.DatabaseInfo(id=DATABASE, object_type="database", object_name=DATABASE,
                                select="true")
        one = v3.UpdateDatabaseObjectReq(job_id=job, selected=True, sync_database=True, job=[entry])
        body = v3.BatchUpdateDatabaseObjectReq(jobs=[one])
        answer = C3.batch_set_objects(v3.BatchSetObjectsRequest(body=body))
        same((answer.status_code, answer.all_counts, item(answer).status), (202, 1, True))

    check("v3 batch-select-objects", objects)

    def speed():
        window = v3.SpeedLimitInfo(begin="01:00", end="02:59", speed="100", is_utc=True)
        limit = v3.LimitSpeedReq(job_id=job, speed_limit=[window])
        body = v3.BatchLimitSpeedReq(speed_limits=[limit])
        succeeded(C3.batch_set_speed(v3.BatchSetSpeedRequest(body=body)), 200)

    check("v3 batch-limit-speed", speed)

    def start():
        body = v3.BatchStartJobReq(jobs=[v3.StartInfo(job_id=job)])
        return C3.batch_start_jobs(v3.BatchStartJobsRequest(body=body))

    def too_early():
        answer = start()
        same((answer.status_code, item(answer).status), (202, "failed"))
        same(item(answer).error_code, "DRS.M00304")

    check("v3 batch-starting before the precheck is refused in its item", too_early)

    def precheck():
        info = v3.PreCheckInfo(job_id=job, precheck_mode="forStartJob")
        request = v3.BatchCheckJobsRequest(body=v3.BatchPrecheckReq(jobs=[info]))
        succeeded(C3.batch_check_jobs(request), 200)

        def look():
            body = v3.BatchQueryPrecheckResultReq(jobs=[job])
            result = item(C3.batch_check_results(v3.BatchCheckResultsRequest(body=body)))
            return result if result.process == "100%" else None

        result = until("the precheck", look)
        bad = [r for r in result.precheck_result if r.result == "FAILED"]
        same((result.total_passed_rate, result.result, bad), ("100%", True, []))

    check("v3 batch-precheck and its result", precheck)
    check("v3 batch-starting", lambda: succeeded(start(), 202))
    check("the job runs", lambda: wait_for(job, "INCRE_TRANSFER_STARTED"))


def check_v3_reading(job, name):
    def read():
        answer = C3.batch_list_job_details(v3.BatchListJobDetailsRequest(body=ids(job)))
        found = item(answer)
        same((found.name, found.description, found.db_use_type), (name, "saved", "sync"))
        same((found.source_endpoint.db_port, found.target_endpoint.db_port), (int(MYSQL_PORT), 0))
        same((found.source_endpoint.inst_id, found.inst_info.inst_type), ("instance-1", "high"))
        same((found.is_target_readonly, found.multi_write), (True, False))
        same((found.object_switch, found.sync_database), (True, True))
        same(found.object_infos[0].name, DATABASE)
        same(found.tags[0].key, "purpose")
        holds(isinstance(found.create_time, str) and int(found.create_time) > 0, "create_time")
        for secret in [MYSQL_PASSWORD, SK]:
            holds(f'"{secret}"' not in answer.raw_content.decode(), "a secret is answered")

    check("v3 batch-detail", read)

    def progress():
        body = v3.BatchQueryProgressReq(jobs=[job])
        found = item(C3.batch_list_progresses(v3.BatchListProgressesRequest(body=body)))
        same((found.job_id, found.progress, found.task_mode), (job, "100", "FULL_INCR_TRANS"))
        same(found.transfer_status, "INCRE_TRANSFER_STARTED")
        holds(int(found.incre_trans_delay) >= 0 and int(found.process_time) >= 0, found)

    check("v3 batch-progress", progress)

    def listed():
        body = v3.QueryJobsReq(cur_page=1, per_page=1, name=job, db_use_type="sync")
        answer = C3.show_job_list(v3.ShowJobListRequest(body=body))
        same((answer.total_record, answer.jobs[0].id, answer.jobs[0].net_type), (1, job, "vpc"))
        time.strptime(answer.jobs[0].create_time, "%Y-%m-%d %H:%M:%S")

    check("v3 list by id", listed)

    for call, request in [
        (C3.batch_list_job_status, v3.BatchListJobStatusRequest(body=ids(NO_JOB))),
        (C3.batch_list_job_details, v3.BatchListJobDetailsRequest(body=ids(NO_JOB))),
        (C3.batch_list_progresses, v3.BatchListProgressesRequest(
            body=v3.BatchQueryProgressReq(jobs=[NO_JOB]))),
        (C3.batch_check_results, v3.BatchCheckResultsRequest(
            body=v3.BatchQueryPrecheckResultReq(jobs=[NO_JOB]))),
    ]:
        check(f"v3 {call.__name__} of no job is 400 DRS.M00289", lambda call=call, r=request:
              refused(lambda: call(r), 400, "DRS.M00289", "does not exist"))


def check_v3_operation(job):
    def password():
        end = v3.ModifyPwdEndPoint(job_id=job, end_point_type="so", db_password=MYSQL_PASSWORD)
        body = v3.BatchModifyPwdReq(jobs=[end])
        succeeded(C3.batch_reset_password(v3.BatchResetPasswordRequest(body=body)), 200)

    check("v3 batch-modify-pwd", password)

    def pause():
        body = v3.BatchPauseJobReq(jobs=[v3.PauseInfo(job_id=job, pause_mode="all")])
        succeeded(C3.batch_stop_jobs(v3.BatchStopJobsRequest(body=body)), 200)
        wait_for(job, "PAUSING")

    check("v3 batch-pause-task", pause)

    def resume():
        body = v3.BatchRetryReq(jobs=[v3.RetryInfo(job_id=job)])
        succeeded(C3.batch_restore_task(v3.BatchRestoreTaskRequest(body=body)), 200)
        wait_for(job, "INCRE_TRANSFER_STARTED")

    check("v3 batch-retry-task", resume)

    def delete(kind):
        body = v3.BatchDeleteJobReq(jobs=[v3.DeleteJobReq(job_id=job, delete_type=kind)])
        return C3.batch_delete_jobs(v3.BatchDeleteJobsRequest(body=body))

    def not_ended():
        answer = delete("delete")
        same((answer.status_code, item(answer).error_code), (202, "DRS.M00304"))

    check("v3 batch-jobs delete of a running job is refused in its item", not_ended)
    check("v3 batch-jobs: an unknown type is 400", lambda: refused(
        lambda: delete("vanish"), 400, "DRS.M00202", "jobs[0].delete_type"))
    check("v3 batch-jobs force_terminate", lambda: succeeded(delete("force_terminate"), 202))
    check("the job ends", lambda: wait_for(job, "RELEASE_RESOURCE_COMPLETE"))
    check("v3 batch-jobs delete", lambda: succeeded(delete("delete"), 202))
    check("a deleted job is gone", lambda: refused(lambda: detail(job), 400, "DRS.10000010"))


def check_v5_creation():
    name = f"sdk-v5-{RUN}"

    def valid(name, kind="trans"):
        body = v5.CheckJobNameReq(name=name, type=kind)
        return C5.validate_job_name(v5.ValidateJobNameRequest(body=body))

    check("v5 name-validation", lambda: same(valid(name).is_valid, True))
    check("v5 name-validation: a malformed name is 400", lambda: refused(
        lambda: valid("1x"), 400, "DRS.10000009", "name"))

    def create():
        answer = create_v5(job_v5(name))
        same((answer.status_code, answer.name, answer.status), (200, name, "CREATING"))
        same(answer.is_clone_job, "false")
        time.strptime(answer.create_time, "%Y-%m-%dT%H:%M:%SZ")
        return answer.id

    job = check("v5 create", create)
    check("v5 create: a taken name is 400", lambda: refused(
        lambda: create_v5(job_v5(name)), 400, "DRS.M00277", "already exists"))
    check("v5 name-validation: a taken name is 400", lambda: refused(
        lambda: valid(name.upper()), 400, "DRS.M00277", "already exists"))

    def unknown_link():
        other = job_v5(name + "x")
        other.base_info.engine_type = "mysql-to-mysql"
        create_v5(other)

    check("v5 create: an unknown link is 400", lambda: refused(
        unknown_link, 400, "DRS.10000009", "job.base_info.engine_type"))
    check("CREATING becomes CONFIGURATION", lambda: wait_for(job, "CONFIGURATION"))
    return job, name


def check_v5_configuration(job, name):
    def network(password):
        endpoints = [source_v5(password), target_v5()]
        answer = act(job, "network", endpoints=endpoints)
        same(answer.status_code, 202, "HTTP status")
        look = lambda: detail(job, "network", query_id=answer.query_id).network_results or None
        return until("the connection test", look)

    def connect():
        results = network(MYSQL_PASSWORD)
        same([(r.success, r.status) for r in results], [(True, "success")] * 2, results)

    def not_connect():
        results = network("wrong")
        same((results[0].success, results[0].error_code), (False, "DRS.KE0002"), results)

    check("v5 action network", connect)
    check("v5 action network: a wrong password", not_connect)
    for kind, params in [
        ("name", {"base_info": v5.JobBaseInfo(name=name + "-b")}),
        ("description", {"base_info": v5.JobBaseInfo(description="changed")}),
        ("expired_days", {"base_info": v5.JobBaseInfo(expired_days="30")}),
        ("endpoint", {"source_endpoint": [source_v5()], "target_endpoint": [target_v5()]}),
        ("network", {"source_endpoint": [source_v5()]}),
        ("policy", {"policy_config": v5.PolicyConfig(conflict_policy="overwrite")}),
        ("notify", {"alarm_notify": v5.AlarmNotifyConfig(alarm_to_user=True, delay_time=60)}),
        ("speed_limit", {"speed_limit": [v5.SpeedLimitInfo("01:00", "01:59", "50")]}),
    ]:
        def change(kind=kind, params=params):
            answer = update(job, kind, **params)
            same((answer.status_code, json.loads(answer.raw_content)), (200, {}))

        check(f"v5 update {kind}", change)
    check("v5 update: an unknown type is 400", lambda: refused(
        lambda: update(job, "colour"), 400, "DRS.10000009", "job.type"))
    check("v3 batch-sync-policy of a v5 job", lambda: succeeded(policy(job), 200))

    def read():
        found = detail(job)
        base = found.base_info
        same((base.name, base.description, base.expired_days), (name + "-b", "changed", "30"))
        same((base.job_type, base.multi_write, base.charging_mode), ("sync", False, "on_demand"))
        same(found.source_endpoint[0].endpoint.db_port, MYSQL_PORT)
        same((found.alarm_notify.delay_time, found.speed_limit[0].speed), (60, "50"))
        same(found.node_info.spec.node_type, "medium")

    check("v5 detail", read)


def check_v5_objects(job):
    def tree(answer):
        same(answer.status_code, 202, "HTTP status")
        request = v5.ShowDbObjectCollectionStatusRequest(job_id=job, query_id=answer.id)

        def look():
            found = C5.show_db_object_collection_status(request)
            return None if found.status == "pending" else found

        found = until("the collection", look)
        holds(found.object_info[DATABASE].tables, found)

    kind = v5.ListDbObjectsRequest(job_id=job, type="source")
    check("v5 db-objects before the collection: 400 DRS.10030014", lambda: refused(
        lambda: C5.list_db_objects(kind), 400, "DRS.10030014"))
    check("v5.1 collect", lambda: tree(C5.collect_db_objects_info(v5.CollectDbObjectsInfoRequest(
        job_id=job, body=v5.QuerySelectObjectInfoReq(
            type="source", is_refresh="true", db_names=[DATABASE])))))
    check("v5 collect", lambda: tree(C5.collect_db_objects_async(v5.CollectDbObjectsAsyncRequest(
        job_id=job, type="source", is_refresh=True, db_names=[DATABASE, "no_such_database"]))))
    check("v5 db-objects source", lambda: holds(
        C5.list_db_objects(kind).object_info[DATABASE].tables, "no tables"))

    def save():
        answer = select(job, DATABASE)
        same(answer.status_code, 202, "HTTP status")
        request = v5.ShowUpdateObjectSavingStatusRequest(job_id=job, query_id=answer.id)
        status = lambda: C5.show_update_object_saving_status(request).status
        until("the saving", lambda: True if status() == "success" else None)

    check("v5 update db_object and its saving-status", save)

    def filtered():
        table = v5.TableObject(name="t", type="table", filter_conditions=["id >"])
        database = v5.DatabaseObject(name=DATABASE, tables={"t": table})
        objects = v5.DbObject(object_scope="table", object_info={DATABASE: database})
        update(job, "db_object", db_object=objects)

    check("v5 update db_object: a row filter that cannot be read is refused", lambda: refused(
        filtered, 400, "DRS.10000009", "filter_conditions"))
    def imported():
        objects = {"object_scope": "database", "object_info": {DATABASE: {"name": DATABASE, "all": True}}}
        with open("objects-to-import.json", "w", encoding="utf-8") as file:
            json.dump({"db_object": objects}, file)
        with open("objects-to-import.json", "rb") as file:
            body = v5.UploadDbObjectTemplateRequestBody(
                file=FormFile(file, "application/json"))
            answer = C5.upload_db_object_template(v5.UploadDbObjectTemplateRequest(
                job_id=job, file_import_db_level="database", body=body))
        os.unlink("objects-to-import.json")
        same((answer.send_success, answer.process_status, answer.parsed_success_number),
             (True, "success", "1"))
        answer = C5.show_db_object_template_progress(
            v5.ShowDbObjectTemplateProgressRequest(job_id=job))
        same(answer.process_status, "success")

    check("v5 db-object/template", imported)
    check("v5.1 db-object modified", lambda: same(
        C5.show_db_objects_list(v5.ShowDbObjectsListRequest(job_id=job, type="modified"))
        .object_info[DATABASE].all, True))
    check("v5 object/support", lambda: same(
        C5.show_support_object_type(v5.ShowSupportObjectTypeRequest(job_id=job))
        .is_full_incre_trans_support_object, True))


def precheck_v5(job, mode):
    answer = act(job, "precheck", precheck_mode=mode)
    same(answer.status_code, 202, "HTTP status")

    def look():
        result = detail(job, "precheck", query_id=answer.query_id).precheck_result
        return result if result.process == "100%" else None

    result = until("the precheck", look)
    bad = [r for r in result.precheck_results if r.result == "FAILED"]
    same((result.total_passed_rate, bad), ("100%", []))
    return result


def compare_v5(job):
    answer = act(job, "create_compare", compare_task_param=v5.CompareTaskParams(
        type="contents", option={"comparePolicy": "normal"},
        db_object={DATABASE: v5.DatabaseObject(name=DATABASE, all=True)}))
    same(answer.status_code, 202, "HTTP status")
    task = answer.query_id

    def look():
        found = detail(job, "compare", compare_task_id=task).compare_result.data_compare_task_list[0]
        return None if found.status in ("RUNNING", "WAITING_FOR_RUNNING") else found

    same(until("the comparison", look).status, "SUCCESSFUL")
    result = detail(job, "compare", compare_type="content_compare", query_type="overview",
                    compare_task_id=task).compare_result
    overview = result.content_compare_overview_infos[0]
    same((overview.source_db, overview.status, overview.compare_result), (DATABASE, "CONSISTENT", True))
    result = detail(job, "compare", compare_type="content_compare", query_type="detail",
                    compare_task_id=task, source_db_name=DATABASE).compare_result
    for table in result.content_compare_detail_infos:
        same((table.content_compare_result, table.difference_row_num), (True, 0), table.source_table_name)
    lines = detail(job, "compare", compare_type="line_compare", query_type="detail",
                   compare_task_id=task).compare_result.line_compare_detail_infos
    same({line.status for line in lines}, {"CONSISTENT"})


def compare_v3(job):
    objects = [v3.CompareObjectInfo(db_name=DATABASE)]
    body = v3.CreateDataLevelTableCompareJobReq(
        type="contents", options={"contentCompareType": "dynamic"}, compare_object=objects)
    answer = C3.create_data_level_table_compare_job(v3.CreateDataLevelTableCompareJobRequest(job_id=job, body=body))
    same(answer.status_code, 202, "HTTP status")
    task = answer.id

    def look(wanted):
        found = C3.list_data_level_table_compare_jobs(v3.ListDataLevelTableCompareJobsRequest(job_id=job, limit=100))
        one = next(one for one in found.compare_jobs if one.id == wanted)
        return None if one.status in ("RUNNING", "WAITING_FOR_RUNNING") else one

    same(until("the comparison", lambda: look(task)).status, "SUCCESSFUL")
    path = dict(job_id=job, compare_job_id=task)
    found = C3.list_content_compare_overview(v3.ListContentCompareOverviewRequest(**path))
    same((found.total_count, found.content_compare_result_infos[0].status), (1, 2))
    found = C3.list_content_compare_detail(v3.ListContentCompareDetailRequest(db_name=DATABASE, type="compare", **path))
    same({one.content_compare_result for one in found.content_compare_result_infos}, {True})
    found = C3.list_content_compare_difference(v3.ListContentCompareDifferenceRequest(**path))
    same(found.count, 0, "differences")
    found = C3.list_data_compare_overview(v3.ListDataCompareOverviewRequest(**path))
    same(found.data_compare_overview_infos[0].data_inconsistent_num, 0)
    found = C3.list_data_compare_detail(v3.ListDataCompareDetailRequest(**path))
    same({one.status for one in found.table_line_compare_result_infos}, {2})
    progress = C5.show_compare_progress(v5.ShowCompareProgressRequest(job_id=job, compare_job_id=task))
    same(progress.full_info.progress, 100)
    export = v3.ExportCompareResultReq(compare_type="contents", compare_job_id=task)
    C3.create_compare_result_file(v3.CreateCompareResultFileRequest(job_id=job, body=export))
    result = v3.QueryCompareResultReq(
        job_id=job, content_compare_id=task, line_compare_id=task, current_page=1, per_page=10)
    found = C3.list_compare_result(v3.ListCompareResultRequest(body=result))
    same(found.content_compare_results.content_compare_overview[0].content_compare_result, "CONSISTENT")

    # Later, resting, going on, at once; and ended.
    def later():
        body = v3.CreateDataLevelTableCompareJobReq(type="lines", start_time=str(int((time.time() + 3600) * 1000)))
        return C3.create_data_level_table_compare_job(
            v3.CreateDataLevelTableCompareJobRequest(job_id=job, body=body)).id

    task = later()
    ids = v5.OperateDataCompareJobReq(compare_job_ids=[task])
    C5.pause_compare_jobs(v5.PauseCompareJobsRequest(job_id=job, body=ids))
    C5.restart_compare_jobs(v5.RestartCompareJobsRequest(job_id=job, body=ids))
    C3.start_promptly_data_level_table_compare_job(
        v3.StartPromptlyDataLevelTableCompareJobRequest(job_id=job, compare_job_id=task))
    same(until("the comparison", lambda: look(task)).status, "SUCCESSFUL")
    task = later()
    C3.delete_compare_job(v3.DeleteCompareJobRequest(job_id=job, compare_job_id=task))
    same(until("its end", lambda: look(task)).status, "CANCELLED")

    begun = C3.create_object_level_compare_job(v3.CreateObjectLevelCompareJobRequest(
        job_id=job, body=v3.CreateObjectCompareJobReq()))
    same(begun.status_code, 202, "HTTP status")

    def objects_done():
        found = C3.list_obeject_level_compare_overview(v3.ListObejectLevelCompareOverviewRequest(job_id=job))
        return found if found.status == "SUCCESSFUL" else None

    same({one.status for one in until("the objects", objects_done).compare_result}, {2})
    found = C3.list_obeject_level_compare_detail(
        v3.ListObejectLevelCompareDetailRequest(job_id=job, compare_type="TABLE"))
    holds(found.count > 0, "no tables")
    both = v3.CreateCompareTaskReq(job_id=job, data_level_compare_info=v3.CreateDataLevelCompareReq(
        conflict_policy="cancel", compare_type="lines", compare_object_infos=[v3.CompareObjectInfo(db_name=DATABASE)]))
    begun = C3.create_compare_task(v3.CreateCompareTaskRequest(body=both))
    same(until("both", lambda: look(begun.data_level_compare_create_result.compare_task_id)).status, "SUCCESSFUL")


def check_v5_operation(job, name):
    result = check("v5 action precheck", lambda: precheck_v5(job, "forStartJob"))

    def skip():
        info = v5.SkipPreCheckInfo(skip_reason="known", skipped_precheck_list=[
            result.precheck_results[0].item])
        act_done(job, "skip_precheck", skip_precheck_info=info)

    check("v5 action skip_precheck", skip)

    def later():
        act_done(job, "start", start_time=str(int((time.time() + 3600) * 1000)))
        wait_for(job, "WAITING_FOR_START")

    check("v5 action start, later", later)
    check("v5 action start, now", lambda: act_done(job, "start"))
    check("the job runs", lambda: wait_for(job, "INCRE_TRANSFER_STARTED"))
    check("v5 action start of a running job is 400 with status and what is allowed", lambda: refused(
        lambda: act(job, "start"), 400, "DRS.10000024", "INCRE_TRANSFER_STARTED"))
    check("v5 action: an unknown name is 400", lambda: refused(
        lambda: act(job, "fly"), 400, "DRS.10000009", "job.action_name"))
    check("v5 action: what is not offered is 400", lambda: refused(
        lambda: act(job, "set_writable"), 400, "DRS.10000009", "not offered"))
    check("v5 compare", lambda: compare_v5(job))
    check("v5 detail compare lists the comparison", lambda: same(
        len(detail(job, "compare").compare_result.data_compare_task_list), 1))
    check("v3 compare", lambda: compare_v3(job))
    check("v5 compare: an unknown kind is 400", lambda: refused(
        lambda: act(job, "create_compare", compare_task_param=v5.CompareTaskParams(type="x")),
        400, "DRS.10000009", "contents"))

    def pause():
        act_done(job, "stop", pause_mode="target")
        wait_for(job, "PAUSING")

    check("v5 action stop pauses", pause)

    def reset():
        precheck_v5(job, "forRetryJob")
        act_done(job, "reset")
        wait_for(job, "INCRE_TRANSFER_STARTED")

    check("v5 action reset begins again", reset)

    def resume():
        pause()
        act_done(job, "restart")
        wait_for(job, "INCRE_TRANSFER_STARTED")

    check("v5 action restart resumes", resume)

    def actions():
        request = v5.ShowActionsRequest(job_id=job)
        action = C5.show_actions(request).job_action
        holds("PAUSE" in action.available_actions, action)
        holds("DELETE" in action.unavailable_actions, action)

    check("v5 actions", actions)

    def listed():
        request = v5.ListJobsRequest(
            job_type="sync", name=name, status="INCRE_TRANSFER_STARTED", limit=5, offset=0,
            engine_type="mysql-to-kafka", sort_key="create_time", sort_dir="desc")
        answer = C5.list_jobs(request)
        same((answer.total_count, answer.jobs[0].id), (1, job))
        same((answer.jobs[0].job_mode, answer.jobs[0].is_multi_az), ("single", False))
        request = v5.ListJobsRequest(job_type="sync", limit=10, offset=100_000)
        same(C5.list_jobs(request).jobs, [])

    check("v5 list", listed)
    check("v5 list: a wrong sort key is 400", lambda: refused(
        lambda: C5.list_jobs(v5.ListJobsRequest(job_type="sync", sort_key="colour")),
        400, "DRS.10000009", "sort_key"))


def check_v5_watching(job):
    def progress():
        found = detail(job, "progress")
        same(found.progress_info.progress, "100")
        same(found.migration_object_progress_info.migration_object_overview[0].status, "COMPLETED")

    check("v5 detail progress", progress)
    check("v5 detail overview", lambda: holds(
        detail(job, "overview").metrics.apply_rows_rate is not None, "no metrics"))
    check("v5 detail log", lambda: holds(
        detail(job, "log", log_level="Info", limit=5, offset=0).total_count > 0, "no log"))
    check("v5 detail: an unknown type is 400", lambda: refused(
        lambda: detail(job, "colour"), 400, "DRS.10000009", "type"))

    def timeline():
        answer = C5.show_timeline(v5.ShowTimelineRequest(job_id=job, limit=100, offset=0))
        names = [t.name for t in answer.timelines]
        same(answer.count, len(names))
        holds("start" in names and "reset" in names, names)

    check("v5 timelines", timeline)

    def monitor():
        found = C5.show_monitor_data(v5.ShowMonitorDataRequest(job_id=job))
        same((found.is_src_normal, found.is_dst_normal), (True, True), found)
        holds(isinstance(found.dst_delay, int), found)

    check("v5 monitor-data", monitor)

    def tables():
        request = v5.ShowProgressDataRequest(job_id=job, type="table")
        answer = C5.show_progress_data(request)
        holds(answer.count >= 1, answer)
        same(answer.flow_compare_data[0].progress, 100)

    check("v5 progress-data/table", tables)
    check("v5 ddl", lambda: holds(
        C5.list_job_ddls(v5.ListJobDdlsRequest(job_id=job)).count is not None, "no count"))
    check("v5 dirty-data", lambda: same(
        C5.show_dirty_data(v5.ShowDirtyDataRequest(
            job_id=job, begin_time="2026-01-01T00:00:00Z", limit=10)).dirty_data_list, []))
    check("v5 configurations", lambda: holds(
        C5.list_job_parameters(v5.ListJobParametersRequest(job_id=job)).count > 0, "none"))

    def tags():
        tag = v5.BatchResourceTag(key="stage", value="test")
        body = v5.BatchAddTagReq(tags=[tag])
        C5.batch_create_tags(v5.BatchCreateTagsRequest(
            resource_type="sync", resource_id=job, body=body))
        request = v5.ListInstanceTagsRequest(resource_type="sync", resource_id=job)
        holds("stage" in [t.key for t in C5.list_instance_tags(request).tags], "no tag")

    check("v5 tags", tags)

    def by_tags():
        wanted = v5.QueryInstanceByTagReq(tags=[v5.Tag(key="stage", values=["test"])])
        found = C5.list_instance_by_tags(v5.ListInstanceByTagsRequest(resource_type="sync", limit=100, body=wanted))
        holds(job in [one.resource_id for one in found.resources], "not found")
        counted = C5.count_instance_by_tags(v5.CountInstanceByTagsRequest(resource_type="sync", body=wanted))
        same(counted.total_count, found.total_count)
        older = C5.list_project_tags(v5.ListProjectTagsRequest(resource_type="sync"))
        holds("stage" in [tag.key for tag in older.tags], "no tag")

    check("v5 resource-instances by tags", by_tags)

    def connections():
        end = v5.BaseEndpoint(endpoint_name="mysql", ip=MYSQL_HOST, db_port=MYSQL_PORT, db_user=MYSQL_USER,
                              db_password=MYSQL_PASSWORD)
        kept = v5.CreateConnectionReq(name=f"kept-{RUN}", db_type="mysql", endpoint=end,
                                      ssl=v5.EndpointSslConfig(ssl_link=False))
        made = C5.create_connection(v5.CreateConnectionRequest(body=kept)).connection_id
        change = v5.UpdateConnectionReq(description="changed")
        C5.modify_connection(v5.ModifyConnectionRequest(connection_id=made, body=change))
        found = C5.list_connections(v5.ListConnectionsRequest(connection_id=made))
        same([found.count, found.connections[0].description], [1, "changed"])
        C5.delete_connection(v5.DeleteConnectionRequest(connection_id=made))
        same(C5.list_connections(v5.ListConnectionsRequest(connection_id=made)).count, 0)

    check("v5 connections", connections)

    def mappings():
        asked = v5.QueryUserSelectedObjectInfoReq(db_name=DATABASE, limit=100)
        found = C5.show_object_mapping(v5.ShowObjectMappingRequest(job_id=job, body=asked))
        holds(found.count >= 1 and found.object_mapping_list[0].source_db_name == DATABASE, found)

    check("v5 object-mappings", mappings)
    check("v5 enterprise-projects", lambda: holds("0" in [
        one.id for one in C5.show_enterprise_project(v5.ShowEnterpriseProjectRequest()).enterprise_project_list], "none"))
    check("v5 link-flavors", lambda: holds(C5.show_link_flavors(v5.ShowLinkFlavorsRequest(
        engine_type="mysql-to-kafka", job_type="sync", node_type="micro")).vm_flavor.spec_code, "no code"))
    check("v5 child-count", lambda: same(C5.show_child_num(v5.ShowChildNumRequest(
        instance_id="none", db_type="mysql")).count, 0))
    check("v3 node-type", lambda: holds("2xlarge" in [one.node_type for one in C3.list_available_node_types(
        v3.ListAvailableNodeTypesRequest(
            engine_type="mysql-to-kafka", db_use_type="sync", job_direction="up")).node_types], "no size"))
    check("v3 available-zone", lambda: holds(C3.list_available_zone(v3.ListAvailableZoneRequest(
        body=v3.QueryAvailableNodeTypeReq(engine_type="mysql-to-kafka", db_use_type="sync", job_direction="up",
                                          node_type="high"))).az_infos, "no zone"))
    check("v3 quotas", lambda: holds(
        C3.show_quotas(v3.ShowQuotasRequest()).quotas.resource.used >= 1, "no job"))
    check("v3 tuning-params", lambda: holds("read_task_num" in [one.param_name for one in C3.query_tuning_params(
        v3.QueryTuningParamsRequest(job_id=job)).full_sync], "no parameter"))

    def links():
        answer = C5.list_support_links(v5.ListSupportLinksRequest(job_type="sync", limit=1000))
        holds("mysql-to-kafka" in answer.raw_content.decode(), "no link")

    check("v5 support-links", links)
    check("v5: what is not offered is 501", lambda: refused(
        lambda: C5.show_metering(v5.ShowMeteringRequest(job_id=job)), 501, "DRS.10000001",
        "not offered"))


def check_v5_rest(job):
    """Calls that no other check needs."""

    def tags():
        tag = v5.BatchResourceTag(key="older", value="form")
        for action, there in (("create", True), ("delete", False)):
            body = v5.BatchDealResourceTagReq(action=action, tags=[tag])
            C5.batch_tag_action(v5.BatchTagActionRequest(resource_type="sync", job_id=job, body=body))
            shown = C5.show_instance_tags(v5.ShowInstanceTagsRequest(resource_type="sync", job_id=job)).tags
            same("older" in [one.key for one in shown], there)
        keys = [one.key for one in C5.list_tags(v5.ListTagsRequest(resource_type="sync")).tags]
        holds("stage" in keys, keys)
        gone = v5.BatchDeleteTagReq(tags=[v5.BatchResourceTag(key="stage")])
        C5.batch_delete_tags(v5.BatchDeleteTagsRequest(resource_type="sync", resource_id=job, body=gone))
        keys = [one.key for one in C5.list_tags(v5.ListTagsRequest(resource_type="sync")).tags or []]
        holds("stage" not in keys, keys)

    check("v5 tags, older and newer", tags)

    def parameters():
        body = v3.ModifyTuningParamsReq(full_sync={"read_task_num": "3"})
        answer = C3.update_tuning_params(v3.UpdateTuningParamsRequest(job_id=job, body=body))
        same(answer.modify_result, "success")
        history = C5.list_job_history_parameters(v5.ListJobHistoryParametersRequest(job_id=job, limit=10))
        holds("read_task_num" in history.raw_content.decode(), history)
        C5.change_job_flavor(v5.ChangeJobFlavorRequest(job_id=job, body=v5.ChangeFlavorReq(spec_type="small")))
        same(json.loads(C5.show_job_detail(v5.ShowJobDetailRequest(
            job_id=job, type="detail")).raw_content)["job"]["node_info"]["spec"]["node_type"], "small")

    check("v3 tuning-params and v5 change-flavor", parameters)

    def policy():
        body = v5.ModifyComparePolicyReq(action="open", period="* * 1", begin_time="20:00:00",
                                         end_time="21:00:00", compare_type=["lines"], compare_policy="normal")
        C5.update_compare_policy(v5.UpdateComparePolicyRequest(job_id=job, body=body))
        shown = C5.show_compare_policy(v5.ShowComparePolicyRequest(job_id=job)).raw_content.decode()
        holds("20:00:00" in shown, shown)
        C5.show_health_compare_job_list(v5.ShowHealthCompareJobListRequest(job_id=job, offset=0, limit=10))
        body.action = "close"
        C5.update_compare_policy(v5.UpdateComparePolicyRequest(job_id=job, body=body))

    check("v5 compare-policy", policy)
    for name, call in (
        ("health-compare-jobs", lambda: C5.show_health_compare_job_detail(
            v5.ShowHealthCompareJobDetailRequest(job_id=job, compare_job_id=NO_JOB))),
        ("health-compare-jobs/object", lambda: C5.show_health_object_compare_job_overview(
            v5.ShowHealthObjectCompareJobOverviewRequest(job_id=job, compare_job_id=NO_JOB))),
        ("alarms/clean", lambda: C5.clean_alarms(v5.CleanAlarmsRequest(job_id=job, alarm_id="99"))),
    ):
        check(f"v5 {name}: what is not there is refused", lambda call=call: refused(call, 400, "DRS.10000009"))
    check("v5 start-position of a job that runs: 400 DRS.10000024", lambda: refused(
        lambda: C5.update_start_position(v5.UpdateStartPositionRequest(
            job_id=job, body=v5.ModifyStartPositionReq(file_and_position="mysql-bin.000001:4"))),
        400, "DRS.10000024", "INCRE_TRANSFER_STARTED"))
    check("v5 links", lambda: holds("mysql-to-kafka" in C5.list_links(
        v5.ListLinksRequest(job_type="sync", limit=1000)).raw_content.decode(), "no link"))

    def clone():
        made = C5.copy_job(v5.CopyJobRequest(body=v5.CloneJobReq(job_id=job, name=f"clone-{RUN}"))).id
        wait_for(made, "CONFIGURATION")
        C5.stop_job_action(v5.StopJobActionRequest(job_id=made, body=v5.StopJobActionReq(is_force_stop=True)))
        wait_for(made, "RELEASE_RESOURCE_COMPLETE")
        C5.delete_job(v5.DeleteJobRequest(job_id=made))

    check("v5 clone", clone)


def check_v5_deletion(job):
    delete = lambda job_id: C5.delete_job(v5.DeleteJobRequest(job_id=job_id))
    check("v5 delete of a running job: 400 DRS.10000024", lambda: refused(
        lambda: delete(job), 400, "DRS.10000024", "INCRE_TRANSFER_STARTED"))
    check("v5 delete of no job: 400 DRS.10000010", lambda: refused(
        lambda: delete(NO_JOB), 400, "DRS.10000010", "Job does not exist, please check job ID."))

    def chinese():
        request = v5.DeleteJobRequest(job_id=NO_JOB, x_language="zh-cn")
        refused(lambda: C5.delete_job(request), 400, "DRS.10000010", "任务不存在")

    check("v5 delete: the text comes in Chinese", chinese)

    def end():
        body = v5.StopJobActionReq(is_force_stop=False)
        answer = C5.stop_job_action(v5.StopJobActionRequest(job_id=job, body=body))
        same((answer.status_code, answer.status), (200, "success"))
        wait_for(job, "RELEASE_RESOURCE_COMPLETE")

    check("v5 stop ends the job", end)
    check("v5 stop of an ended job: 400 DRS.10000024", lambda: refused(
        lambda: act(job, "terminate"), 400, "DRS.10000024", "RELEASE_RESOURCE_COMPLETE"))

    def deleted():
        answer = delete(job)
        same((answer.status_code, json.loads(answer.raw_content)), (200, {}))

    check("v5 delete of an ended job: 200 {}", deleted)
    check("v5 delete twice: 400 DRS.10000010", lambda: refused(
        lambda: delete(job), 400, "DRS.10000010"))
    check("a deleted job is gone for v3 too", lambda: refused(
        lambda: C3.batch_list_job_details(v3.BatchListJobDetailsRequest(body=ids(job))),
        400, "DRS.M05004"))


def check_v5_batches():
    jobs = []

    def create():
        for n in range(2):
            jobs.append(create_v5(job_v5(f"sdk-batch-{RUN}-{n}")).id)
        for job in jobs:
            wait_for(job, "CONFIGURATION")

    check("v5 batches: two jobs", create)

    def act_on():
        actions = [v5.ActionReq(job_id=jobs[0], action_name="network"),
                   v5.ActionReq(job_id=NO_JOB, action_name="stop")]
        body = v5.BatchJobActionReq(jobs=actions)
        answer = C5.batch_execute_job_actions(v5.BatchExecuteJobActionsRequest(body=body))
        same(answer.status_code, 202, "HTTP status")
        content = json.loads(answer.raw_content)["jobs"]
        same([c["status"] for c in content], ["Success", "Failed"])
        same(content[1]["error_code"], "DRS.10000010")

    check("v5 jobs/action", act_on)

    def end():
        infos = [v5.StopJobActionInfo(job_id=job, is_force_stop=True) for job in jobs]
        body = v5.BatchStopJobActionReq(jobs=infos)
        answer = C5.batch_stop_jobs_action(v5.BatchStopJobsActionRequest(body=body))
        same([j.status for j in answer.jobs], ["Success", "Success"])
        for job in jobs:
            wait_for(job, "RELEASE_RESOURCE_COMPLETE")

    check("v5 jobs/batch-stop", end)

    def delete():
        body = v5.BatchDeleteJobReq(jobs=[*jobs, NO_JOB])
        answer = C5.batch_delete_jobs_by_id(v5.BatchDeleteJobsByIdRequest(body=body))
        same([j.status for j in answer.jobs], ["Success", "Success", "Failed"])
        same(answer.jobs[2].error_code, "DRS.10000010")

    check("v5 delete jobs", delete)


def main():
    check_server()
    check_authentication()
    check_iam()
    job, name = check_v3_creation()
    if job:
        check_v3_configuration(job, name)
        check_v3_reading(job, name)
        check_v3_operation(job)
    job, name = check_v5_creation()
    if job:
        check_v5_configuration(job, name)
        check_v5_objects(job)
        check_v5_operation(job, name)
        check_v5_watching(job)
        check_v5_rest(job)
        check_v5_deletion(job)
    check_v5_batches()
    print(f"{failed} checks failed" if failed else "all checks passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
