"""Drives one Oracle → GaussDB Distributed job by the official SDK's v5, step by step. The commands are those of drive_job.py;
these differ:

  drive_oracle.py create NAME          by v5, with both endpoints
  drive_oracle.py connect JOB          tests both connections (action `network`)
  drive_oracle.py objects JOB          collects the source's objects; prints schemas with their tables as JSON
  drive_oracle.py select JOB OBJECTS   JSON: schema to {"name": schema at the target, "tables": {table: its name there}}
  drive_oracle.py compare JOB SCHEMA   compares the tables' contents; prints the result of each as JSON
  drive_oracle.py edit JOB OBJECTS     gives a job that has run other objects (JSON as of `select`)
  drive_oracle.py repair JOB SCHEMA    compares, has what differs repaired, and prints the rows that were as JSON
  drive_oracle.py components JOB       prints the parts of the increment as JSON
  drive_oracle.py set JOB NAME VALUE   sets a parameter

Environment, beside that of drive_job.py: TAILRACE_SOURCE_DATABASE, TAILRACE_TARGET_USER, TAILRACE_TARGET_PASSWORD,
TAILRACE_TARGET_DATABASE.
"""

import json
import os
import sys

import drive_job
from drive_job import C5, act, until, v5, wait

ENGINE = "oracle-to-gaussdbv5"


def endpoint(side):
    name = {"so": "SOURCE", "ta": "TARGET"}[side]
    kind = {"so": "oracle", "ta": "gaussdbv5"}[side]
    host, port = os.environ[f"TAILRACE_{name}"].rsplit(":", 1)
    base = v5.BaseEndpoint(
        endpoint_name={"so": "oracle", "ta": "cloud_gaussdbv5"}[side], ip=host, db_port=port,
        db_user=os.environ[f"TAILRACE_{name}_USER"], db_password=os.environ[f"TAILRACE_{name}_PASSWORD"],
        db_name=os.environ["TAILRACE_SOURCE_DATABASE"] if side == "so" else None)
    return v5.JobEndpointInfo(db_type=kind, endpoint_type="offline", endpoint_role=side, endpoint=base,
                              ssl=v5.EndpointSslConfig(ssl_link=False))


def create(name):
    base = v5.JobBaseInfo(
        name=name, job_type="sync", engine_type=ENGINE, job_direction="up", task_type="FULL_INCR_TRANS",
        net_type="eip", charging_mode="on_demand", expired_days="14")
    job = v5.CreateJobReq(
        base_info=base, source_endpoint=[endpoint("so")], target_endpoint=[endpoint("ta")],
        node_info=v5.JobNodeInfo(spec=v5.JobNodeSpecInfo(node_type="medium")))
    job = C5.create_job(v5.CreateJobRequest(body=v5.SingleCreateJobReq(job=job))).id
    wait(job, "CONFIGURATION")
    return job


def connect(job):
    query = act(job, "network", endpoints=[endpoint("so"), endpoint("ta")]).query_id
    request = v5.ShowJobDetailRequest(job_id=job, type="network", query_id=query)
    results = until("the connection test", lambda: C5.show_job_detail(request).job.network_results or None)
    bad = [one for one in results if not one.success]
    if bad:
        sys.exit(f"no connection: {bad}")


def objects(job):
    request = v5.CollectDbObjectsAsyncRequest(job_id=job, type="source", is_refresh=True)
    query = C5.collect_db_objects_async(request).id
    status = v5.ShowDbObjectCollectionStatusRequest(job_id=job, query_id=query)

    def look():
        answer = json.loads(C5.show_db_object_collection_status(status).raw_content)
        if answer["status"] == "failed":
            sys.exit(f"the objects were not collected: {answer}")
        return answer if answer["status"] == "success" else None

    until("the objects", look)
    found = json.loads(C5.list_db_objects(v5.ListDbObjectsRequest(job_id=job, type="source")).raw_content)
    tables = {name: sorted(schema.get("tables") or {}) for name, schema in found["object_info"].items()}
    return json.dumps(tables, sort_keys=True)


def policy(job, *settings):
    values = dict(setting.split("=", 1) for setting in settings)
    change = v5.UpdateJobReq(type="policy", params=v5.UpdateJob(policy_config=v5.PolicyConfig(**values)))
    C5.update_job(v5.UpdateJobRequest(job_id=job, body=v5.SingleUpdateJobReq(job=change)))


def select(job, chosen):
    info = {}
    for name, schema in json.loads(chosen).items():
        tables = {table: v5.TableObject(name=target, type="table", all=True) for table, target in schema["tables"].items()}
        info[name] = v5.DatabaseObject(name=schema["name"], tables=tables)
    root = v5.TargetRootDb(db_name=os.environ["TAILRACE_TARGET_DATABASE"], db_encoding="utf8")
    chosen = v5.DbObject(object_scope="table", object_info=info, target_root_db=root)
    change = v5.UpdateJobReq(type="db_object", params=v5.UpdateJob(db_object=chosen))
    answer = C5.update_job(v5.UpdateJobRequest(job_id=job, body=v5.SingleUpdateJobReq(job=change)))
    request = v5.ShowUpdateObjectSavingStatusRequest(job_id=job, query_id=answer.id)
    until("the objects to be saved", lambda: C5.show_update_object_saving_status(request).status == "success" or None)


def edit(job, chosen):
    select(job, chosen)
    drive_job.precheck(job, "forRetryJob")
    act(job, "restart", is_sync_re_edit=True)


def components(job):
    request = v5.ShowIncrementComponentsDetailRequest(job_id=job)
    return json.dumps(json.loads(C5.show_increment_components_detail(request).raw_content))


def set_parameter(job, name, value):
    values = [v5.ParameterInfo(parameter_name=name, parameter_value=value)]
    body = v5.ModifyParameterReq(values=values)
    C5.update_job_configurations(v5.UpdateJobConfigurationsRequest(job_id=job, body=body))


def compared(job, schema):
    """The number of a comparison that has ended, and its tables."""
    objects = {schema: v5.DatabaseObject(name=schema, all=True)}
    task = act(job, "create_compare", compare_task_param=v5.CompareTaskParams(
        type="contents", option={"comparePolicy": "normal"}, db_object=objects)).query_id

    def detail(**more):
        request = v5.ShowJobDetailRequest(job_id=job, type="compare", compare_task_id=task, **more)
        return C5.show_job_detail(request).job.compare_result

    def look():
        found = detail().data_compare_task_list[0]
        return None if found.status in ("RUNNING", "WAITING_FOR_RUNNING") else found

    found = until("the comparison", look)
    if found.status != "SUCCESSFUL":
        sys.exit(f"the comparison ended: {found}")
    tables = detail(compare_type="content_compare", query_type="detail", source_db_name=schema)
    return task, tables.content_compare_detail_infos


def compare(job, schema):
    _, tables = compared(job, schema)
    return json.dumps({table.source_table_name: [table.content_compare_result, table.difference_row_num]
                       for table in tables}, sort_keys=True)


def repair(job, schema):
    task, tables = compared(job, schema)
    objects = [v5.ActionParamsRepairInfoObjects(database=schema, table=table.source_table_name)
               for table in tables if not table.content_compare_result]
    query = act(job, "start_repair", repair_info=v5.ActionParamsRepairInfo(query_id=task, objects=objects)).query_id
    request = v5.ShowJobDetailRequest(job_id=job, type="repair", query_id=query)

    def look():
        found = C5.show_job_detail(request).job.repair_progress_info
        return None if found.status == "RUNNING" else found

    found = until("the repair", look)
    if found.status != "SUCCESSFUL":
        sys.exit(f"the repair ended: {found}")
    done = found.repair_progress_details
    return json.dumps([done.table_name, done.total_row_count, done.repaired_row_count, done.failed_row_count])


drive_job.COMMANDS.update(
    compare=compare, repair=repair, create=create, connect=connect, objects=objects, policy=policy, select=select, components=components, edit=edit,
    set=set_parameter)

if __name__ == "__main__":
    drive_job.main(sys.argv[1:])
