"""Drives, through the official SDK, what came to the contract's checks later: jobs that are created together, templates and other
files, rules of tables, columns, and the place of the log at a time. Environment as for contract.py."""

import datetime
import os
import sys
import tempfile

import contract
from contract import C3, C5, DATABASE, RUN, check, holds, refused, same, until, v3, v5, wait_for
from huaweicloudsdkcore.http.formdata import FormFile


def asked_for(name):
    """A job with all that it needs. The models of the SDK have no members for Kafka, so the body is plain."""
    return {
        "base_info": {"name": name, "job_type": "sync", "multi_write": False, "engine_type": "mysql-to-kafka",
                      "job_direction": "non-dbs", "task_type": "FULL_INCR_TRANS", "net_type": "vpc"},
        "source_endpoint": [{"db_type": "mysql", "endpoint_type": "offline", "endpoint_role": "so", "endpoint": {
            "endpoint_name": "mysql", "ip": contract.MYSQL_HOST, "db_port": contract.MYSQL_PORT,
            "db_user": contract.MYSQL_USER, "db_password": contract.MYSQL_PASSWORD}}],
        "target_endpoint": [{"db_type": "kafka", "endpoint_type": "offline", "endpoint_role": "ta", "endpoint": {
            "endpoint_name": "kafka", "ip": contract.KAFKA, "db_user": "", "db_password": ""}}],
        "node_info": {"spec": {"node_type": "high"}},
        "policy_config": {"topic_policy": "0", "topic": contract.TOPIC, "kafka_data_format": "json"},
        "db_object": {"object_scope": "table", "object_info": {DATABASE: {"name": DATABASE, "all": False, "tables": {
            "item": {"name": "item", "type": "table", "all": True}}}}},
    }


def status_of_batch(batch):
    jobs = C5.list_async_jobs(v5.ListAsyncJobsRequest(async_job_id=batch)).jobs
    return jobs[0].status


def looked_at(batch):
    return until("the batch", lambda: None if status_of_batch(batch) == "ASYNC_JOB_VALIDATING" else status_of_batch(batch))


def details(batch):
    return C5.list_async_job_detail(v5.ListAsyncJobDetailRequest(async_job_id=batch)).jobs


def check_batches():
    made = {}

    def create():
        wrong = asked_for(f"sdk-batch-b-{RUN}")
        wrong["db_object"]["object_scope"] = "some"
        body = {"jobs": [asked_for(f"sdk-batch-a-{RUN}"), wrong]}
        answer = C5.batch_create_jobs_async(v5.BatchCreateJobsAsyncRequest(body=body))
        same(answer.status_code, 202, "HTTP status")
        made["batch"] = answer.job.async_job_id
        same(looked_at(made["batch"]), "ASYNC_JOB_VALIDATE_FAILED")
        said = details(made["batch"])[1].logs[0].message
        holds("object_scope" in said, said)

    check("v5 batch-async-create, batch-async-jobs", create)

    def correct():
        job = details(made["batch"])[1].id
        params = {"job_id": job, "db_object": asked_for("x")["db_object"]}
        body = {"jobs": [{"type": "db_object", "params": params}]}
        request = v5.UpdateBatchAsyncJobsRequest(async_job_id=made["batch"], body=body)
        same(C5.update_batch_async_jobs(request).status_code, 202, "HTTP status")
        same(looked_at(made["batch"]), "AUTO_PARAM_VALIDATE_SUCCESS")

    check("v5 batch-async-jobs: a correction", correct)

    def commit():
        answer = C5.commit_async_job(v5.CommitAsyncJobRequest(async_job_id=made["batch"]))
        same(answer.job.status, "COMMIT_SUCCESS")
        progress = v5.ShowTaskExecuteProgressRequest(async_job_id=made["batch"])
        until("the batch's end", lambda: True if C5.show_task_execute_progress(progress).status == "ASYNC_JOB_COMPLETED" else None)
        made["jobs"] = [job.id for job in details(made["batch"])]
        for job in made["jobs"]:
            wait_for(job, "INCRE_TRANSFER_STARTED")

    check("v5 batch-async-jobs/commit: both jobs run", commit)
    check("v5 batch-async-jobs: a committed one is not changed", lambda: refused(
        lambda: C5.commit_async_job(v5.CommitAsyncJobRequest(async_job_id=made["batch"])), 400, "DRS.10000024",
        "ASYNC_JOB_COMPLETED"))
    return made.get("jobs", [])


def downloaded(answer):
    content = []
    answer.consume_download_stream(lambda response: content.append(response.content))
    return content[0]


def check_files(jobs):
    files = {}

    def template():
        answer = C5.download_batch_create_template(v5.DownloadBatchCreateTemplateRequest(engine_type="mysql-to-kafka"))
        same(answer.status_code, 200, "HTTP status")

    check("v5 jobs/template", template)

    def exported():
        body = v5.ExportJobsTemplateReq(jobs=jobs)
        answer = C5.export_creation_template(v5.ExportCreationTemplateRequest(body=body))
        progress = v5.ShowExportProgressRequest(async_job_id=answer.id)
        same(C5.show_export_progress(progress).process_status, "success")
        listed = C5.list_templates(v5.ListTemplatesRequest())
        name = listed.export_report_obs_files[0].file_name
        body = v5.ExportFilesReq(files=[name])
        files["template"] = downloaded(C5.download_create_template(v5.DownloadCreateTemplateRequest(body=body)))
        holds(files["template"].startswith(b"PK"), "no workbook")

    check("v5 jobs/export/template, templates, templates/download", exported)

    def imported():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "jobs.xlsx")
            with open(path, "wb") as file:
                file.write(files["template"])
            file = open(path, "rb")  # the SDK closes it
            body = v5.ImportBatchCreateJobsRequestBody(file=FormFile(file, "application/octet-stream"))
            answer = C5.import_batch_create_jobs(v5.ImportBatchCreateJobsRequest(body=body))
        # The names are taken, and there are no passwords in a template.
        same(looked_at(answer.async_job_id), "ASYNC_JOB_VALIDATE_FAILED")
        same(len(details(answer.async_job_id)), len(jobs))

    check("v5 jobs/template: a workbook is a batch", imported)

    def listed():
        body = v5.ExportJobsReq(job_type="sync", name=RUN)
        C5.export_job_list(v5.ExportJobListRequest(body=body))
        name = C5.show_files(v5.ShowFilesRequest()).files[0].file_name
        content = downloaded(C5.download_file(v5.DownloadFileRequest(body=v5.ExportFilesReq(files=[name]))))
        holds(content.startswith(b"PK"), "no workbook")

    check("v5 export-jobs, files, download", listed)
    check("v5 operation-statistics/export", lambda: same(
        C5.export_operation_info(v5.ExportOperationInfoRequest(job_id=jobs[0])).status_code, 200))


def check_position(job):
    def found():
        # A little ahead of this machine's clock: then it is the log's end.
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        body = v5.QueryDbPositionReq(reset_position_time=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        asked = C5.collect_position_async(v5.CollectPositionAsyncRequest(job_id=job, body=body))
        request = v5.ShowPositionResultRequest(job_id=job, query_id=asked.id)

        def look():
            answer = C5.show_position_result(request)
            return answer.position if answer.status == "success" else None

        file, offset = until("the position", look).rsplit(":", 1)
        holds(file and int(offset) > 4, f"{file}:{offset}")

    check("v5 collect-db-position, db-position", found)
    long_ago = v5.QueryDbPositionReq(reset_position_time="2001-01-01T00:00:00Z")

    def lost():
        asked = C5.collect_position_async(v5.CollectPositionAsyncRequest(job_id=job, body=long_ago))
        request = v5.ShowPositionResultRequest(job_id=job, query_id=asked.id)
        until("an answer", lambda: None if C5.show_position_result(request).status == "pending" else True)

    check("v5 db-position: a time before the log begins is told", lambda: refused(
        lost, 400, "DRS.10000024", "the log begins"))


def check_rules():
    made = {}

    def create():
        job = contract.job_v3(f"sdk-rules-{RUN}")
        made["job"] = contract.create_v3(job).results[0].id
        wait_for(made["job"], "CONFIGURATION")
        change = v5.UpdateJobReq(type="db_object", params={"db_object": asked_for("x")["db_object"]})
        body = v5.SingleUpdateJobReq(job=change)
        C5.update_job(v5.UpdateJobRequest(job_id=made["job"], body=body))

    check("v3 batch-creation for rules", create)
    job = made.get("job")

    def rules(**more):
        objects = asked_for("x")["db_object"]
        return {"data_process_info": [{"process_rule_level": "table", "source": "job", "db_object": objects, **more}]}

    def condition(text):
        return rules(filter_conditions=[v5.DataFilteringCondition(value=text, filtering_type="contentConditionalFilter")])

    def tried(text):
        request = v5.CheckDataFilterRequest(job_id=job, body=condition(text))
        asked = C5.check_data_filter(request)
        result = v5.ShowDataFilteringResultRequest(job_id=job, query_id=asked.id)
        return until("the filter", lambda: look_at(C5.show_data_filtering_result(result)))

    def look_at(answer):
        return answer if answer.db_object_filtering_result else None

    check("v5 data-filtering: a filter that fits", lambda: same(tried("id > 1").success_count, 1))

    def unfit():
        answer = tried("nothing_like_it > 1")
        same(answer.failed_count, 1)
        said = answer.db_object_filtering_result[0].message
        holds("nothing_like_it" in said, said)

    check("v5 data-filtering: one whose column is not there", unfit)

    def saved():
        answer = C5.update_data_progress(v5.UpdateDataProgressRequest(job_id=job, body=condition("id > 1")))
        request = v5.ShowDataProcessingRulesResultRequest(job_id=job, query_id=answer.id)
        same(C5.show_data_processing_rules_result(request).status, "success")
        read = C5.show_data_progress(v5.ShowDataProgressRequest(job_id=job))
        same(read.data_process_info[0].filter_conditions[0].value, "id > 1")

    check("v5 data-processing-rules", saved)

    def by_filter_rules():
        asked = C5.collect_data_filter_rules(v5.CollectDataFilterRulesRequest(
            job_id=job, body=v5.QueryDataFilterRuleReq(filter_type="common", is_all_rules=True, limit=10, offset=0)))
        read = lambda: C5.show_data_filter_rules_result(
            v5.ShowDataFilterRulesResultRequest(job_id=job, query_id=asked.id))
        rule = read().rules[0]
        same(rule.filter_rules_resp.source_filter_condition, "id > 1")
        objects = [v5.DataFilterObjectInfo(id=f"{DATABASE}-*-*-item", parent_id=DATABASE, object_name="item")]
        general = [v5.GeneralTransformationReq(filter_object_list=objects, source_filter_condition="id > 2")]
        body = v5.DataFilterRuleReq(general_filtering_list=general, source="job", data_filter_type="common")
        C5.save_data_filter_rules(v5.SaveDataFilterRulesRequest(job_id=job, body=body))
        same(C5.check_data_filter_rules(v5.CheckDataFilterRulesRequest(job_id=job, body=body)).status_code, 202)
        same(read().rules[0].filter_rules_resp.source_filter_condition, "id > 2")
        body = v5.DeleteDataFilterRuleReq(rule_ids=[rule.batch_id], type="common")
        C5.delete_data_filter_rules(v5.DeleteDataFilterRulesRequest(job_id=job, body=body))
        same(read().total_count, 0)

    check("v5 filter-rules", by_filter_rules)

    def by_v3():
        change = v3.CheckDataTransformationReq(
            job_id=job, object_info=[v3.DatabaseObjectVO(id=f"{DATABASE}-*-*-item", select="true")],
            transformation_info=v3.TransformationInfo(
                transformation_type="contentConditionalFilter", value="id < 9"))
        body = v3.BatchDataTransformationReq(jobs=[change])
        answer = C3.batch_change_data(v3.BatchChangeDataRequest(body=body))
        same(answer.results[0].status, "success", answer)

    check("v3 batch-transformation", by_v3)

    def columns():
        table = v5.SelectDbTableObjectInfo(db_name=DATABASE, table_name="item")
        body = v5.QueryColumnReq(is_force_refresh=True, db_object_infos=[table])
        asked = C5.collect_columns(v5.CollectColumnsRequest(job_id=job, body=body))
        request = v5.ShowColumnInfoResultRequest(job_id=job, query_id=asked.id)
        found = until("the columns", lambda: C5.show_column_info_result(request).results or None)
        infos = [(c.column_name, c.column_type, c.primary_key_or_unique_index) for c in found[0].column_infos]
        same(infos, [("id", "int", "PRI"), ("name", "varchar(20)", "")])

    check("v5 columns/collect, columns", columns)

    def chosen():
        table = f"{DATABASE}-*-*-item"
        infos = [v5.ColumnInfo(column_name="id", column_mapped_name="key"), v5.ColumnInfo(column_name="name", status=True)]
        body = v5.ModifyColumnInfoReq(column_map_infos=[v5.ColumnMappingInfo(object_id=table, column_info_lists=infos)])
        same(C5.modify_column_infos(v5.ModifyColumnInfosRequest(job_id=job, body=body)).modify_result, True)
        body = v5.ShowColumnInfoReq(refresh=True, object_ids=[table])
        shown = C5.show_column_infos(v5.ShowColumnInfosRequest(job_id=job, body=body))
        infos = shown.column_map_infos[0].column_info_lists
        same([(c.column_mapped_name, c.status) for c in infos], [("key", False), ("name", True)])
        listed = C5.show_object_column_info(v5.ShowObjectColumnInfoRequest(job_id=job))
        same([o.id for o in listed.object_with_column_infos], [table])
        body = v5.DeleteColumnInfoReq(table_ids=[table], schema_ids=[], db_ids=[])
        same(C5.delete_column_infos(v5.DeleteColumnInfosRequest(job_id=job, body=body)).delete_result, True)

    check("v5 column-info", chosen)
    check("v5 extra-column-info", lambda: same(
        C5.list_extra_columns(v5.ListExtraColumnsRequest(job_id=job)).total_count, 0))


def main():
    jobs = check_batches()
    if jobs:
        check_files(jobs)
        check_position(jobs[0])
    check_rules()
    print(f"{contract.failed} checks failed" if contract.failed else "all checks passed")
    sys.exit(1 if contract.failed else 0)


if __name__ == "__main__":
    main()
