"""Drives one job by the official SDK, step by step; the proof tests call it.

  drive_job.py create NAME             makes a job, prints its id when it can be configured
  drive_job.py connect JOB             tests both connections and saves them
  drive_job.py policy JOB KEY=VALUE…   sets the synchronization policy
  drive_job.py select JOB OBJECTS      JSON: database to null (all of it) or a list of tables
  drive_job.py precheck JOB            runs the precheck; every item has to pass
  drive_job.py start | pause | resume | stop | delete JOB
  drive_job.py wait JOB STATUS         waits for a status; prints it
  drive_job.py progress | detail JOB   prints JSON

Environment: TAILRACE_ENDPOINT, TAILRACE_AK, TAILRACE_SK, TAILRACE_PROJECT; TAILRACE_SOURCE and
TAILRACE_TARGET as host:port, TAILRACE_SOURCE_USER, TAILRACE_SOURCE_PASSWORD.

Several commands may follow each other, separated by "--"; the job's id of a create stands for "@".
"""

import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkdrs import v3, v5

ENDPOINT = os.environ["TAILRACE_ENDPOINT"]
PROJECT = os.environ["TAILRACE_PROJECT"]
# Longest wait for a state; the tests run on busy machines.
WAIT_S = float(os.environ.get("TAILRACE_WAIT_S", "300"))


def client(module):
    credentials = BasicCredentials(os.environ["TAILRACE_AK"], os.environ["TAILRACE_SK"], PROJECT)
    builder = module.DrsClient.new_builder().with_credentials(credentials)
    return builder.with_endpoint(ENDPOINT).build()


C3, C5 = client(v3), client(v5)


def source():
    host, port = os.environ["TAILRACE_SOURCE"].rsplit(":", 1)
    return {"ip": host, "db_port": int(port), "db_user": os.environ["TAILRACE_SOURCE_USER"],
            "db_password": os.environ["TAILRACE_SOURCE_PASSWORD"]}


def target():
    return {"ip": os.environ["TAILRACE_TARGET"]}


def until(what, look):
    end = time.monotonic() + WAIT_S
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > end:
            sys.exit(f"waited {WAIT_S} s in vain for {what}")
        time.sleep(0.2)


def show(job, kind):
    request = v5.ShowJobDetailRequest(job_id=job, type=kind)
    return json.loads(C5.show_job_detail(request).raw_content)["job"]


def wait(job, wanted):
    def look():
        found = show(job, "detail")
        if found["status"] == wanted:
            return found["status"]
        if found["status"].endswith("_FAILED"):
            sys.exit(f"the job is {found['status']}, not {wanted}: {json.dumps(found)}")
        return None

    return until(f"job {job} to be {wanted}", look)


def item_done(answer):
    """Batch calls answer 2xx and tell the outcome per job."""
    for item in answer.results:
        status = getattr(item, "status", None)
        if status not in ("success", True):
            sys.exit(f"refused: {item}")
    return answer


def create(name):
    job = v3.CreateJobReq(
        name=name, db_use_type="sync", engine_type="mysql-to-kafka", job_direction="non-dbs",
        net_type="vpc", node_type="high", task_type="FULL_INCR_TRANS",
        customize_sutnet_id="subnet-1", description="a proof",
        source_endpoint=v3.Endpoint(db_type="mysql"), target_endpoint=v3.Endpoint(db_type="kafka"))
    body = v3.BatchCreateJobReq(jobs=[job])
    answer = C3.batch_create_jobs(v3.BatchCreateJobsRequest(body=body))
    job = answer.results[0].id
    wait(job, "CONFIGURATION")
    return job


def connect(job):
    ends = [
        v3.TestEndPoint(id=job, end_point_type="so", db_type="mysql", net_type="vpc", **source()),
        v3.TestEndPoint(id=job, end_point_type="ta", db_type="kafka", net_type="vpc", **target()),
    ]
    body = v3.BatchTestConnectionReq(jobs=ends)
    answer = C3.batch_validate_connections(v3.BatchValidateConnectionsRequest(body=body))
    if not all(item.success for item in answer.results):
        sys.exit(f"no connection: {answer}")
    change = v3.ModifyJobReq(
        job_id=job, store_db_info=True, engine_type="mysql-to-kafka",
        source_endpoint=v3.Endpoint(db_type="mysql", **source()),
        target_endpoint=v3.Endpoint(db_type="kafka", **target()))
    body = v3.BatchModifyJobReq(jobs=[change])
    item_done(C3.batch_update_job(v3.BatchUpdateJobRequest(body=body)))


def policy(job, *settings):
    values = dict(setting.split("=", 1) for setting in settings)
    if "ddl_trans" in values:
        values["ddl_trans"] = values["ddl_trans"] == "true"
    body = v3.BatchSetupSyncPolicyReq(jobs=[v3.SyncPolicyReq(job_id=job, **values)])
    item_done(C3.batch_set_policy(v3.BatchSetPolicyRequest(body=body)))


def select(job, objects):
    info = {}
    for database, tables in json.loads(objects).items():
        if tables is None:
            info[database] = v5.DatabaseObject(name=database, all=True)
            continue
        chosen = {name: v5.TableObject(name=name, type="table", all=True) for name in tables}
        info[database] = v5.DatabaseObject(name=database, tables=chosen)
    objects = v5.DbObject(object_scope="table", object_info=info)
    change = v5.UpdateJobReq(type="db_object", params=v5.UpdateJob(db_object=objects))
    body = v5.SingleUpdateJobReq(job=change)
    answer = C5.update_job(v5.UpdateJobRequest(job_id=job, body=body))
    request = v5.ShowUpdateObjectSavingStatusRequest(job_id=job, query_id=answer.id)

    def look():
        status = C5.show_update_object_saving_status(request).status
        if status == "failed":
            sys.exit("the objects were not saved")
        return status if status == "success" else None

    until("the objects to be saved", look)


def act(job, name, **params):
    action = v5.ActionReq(action_name=name, action_params=v5.ActionParams(**params))
    request = v5.ExecuteJobActionRequest(job_id=job, body=v5.JobActionReq(job=action))
    return C5.execute_job_action(request)


def precheck(job, mode="forStartJob"):
    query = act(job, "precheck", precheck_mode=mode).query_id

    def look():
        request = v5.ShowJobDetailRequest(job_id=job, type="precheck", query_id=query)
        result = C5.show_job_detail(request).job.precheck_result
        return result if result.process == "100%" else None

    result = until("the precheck", look)
    bad = [item for item in result.precheck_results if item.result == "FAILED"]
    if bad or result.total_passed_rate != "100%":
        sys.exit(f"the precheck failed: {bad or result}")


def delete(job):
    answer = C5.delete_job(v5.DeleteJobRequest(job_id=job))
    if (answer.status_code, json.loads(answer.raw_content)) != (200, {}):
        sys.exit(f"delete answered {answer.status_code} {answer.raw_content}")


COMMANDS = {
    "create": create,
    "connect": connect,
    "policy": policy,
    "select": select,
    "precheck": precheck,
    "start": lambda job: act(job, "start") and None,
    "pause": lambda job: act(job, "stop", pause_mode="all") and None,
    "resume": lambda job: act(job, "restart") and None,
    "stop": lambda job: act(job, "terminate") and None,
    "delete": delete,
    "wait": wait,
    "progress": lambda job: json.dumps(show(job, "progress")),
    "detail": lambda job: json.dumps(show(job, "detail")),
}


def main(arguments):
    made = None
    command = []
    for argument in [*arguments, "--"]:
        if argument != "--":
            command.append(made if argument == "@" and made else argument)
            continue
        name, *rest = command
        if name not in COMMANDS:
            sys.exit(f"{name}: one of {', '.join(COMMANDS)} is wanted")
        result = COMMANDS[name](*rest)
        if result is not None:
            print(result)
        if name == "create":
            made = result
        command = []


if __name__ == "__main__":
    main(sys.argv[1:])
