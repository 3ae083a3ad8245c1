//! What a project is offered and how its jobs are found: sizes, zones, quotas, tags, mappings, parameters by phase.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::v5::new_job;
use super::{Server, assert_error, v3, v5};

/// A job of this name with tags and an instance at its source.
async fn make(server: &Server, name: &str, tags: Value) -> String {
    let mut job = new_job(name);
    job["job"]["base_info"]["tags"] = tags;
    job["job"]["source_endpoint"][0]["endpoint"]["instance_id"] = json!("inst-1");
    job["job"]["base_info"]["enterprise_project_id"] = json!(format!("ep-{name}"));
    let answer = server.post(&v5("jobs"), job).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let id = answer.body["id"].as_str().expect("an id").to_owned();
    server.wait_for(&id, "CONFIGURATION").await;
    id
}

#[tokio::test]
async fn jobs_are_found_by_their_tags() {
    let server = Server::start().await;
    let tag = |key: &str, value: &str| json!({"key": key, "value": value});
    let one = make(&server, "job-one", json!([tag("env", "prod"), tag("team", "a")])).await;
    let two = make(&server, "job-two", json!([tag("env", "test")])).await;
    let three = make(&server, "job-three", json!([])).await;
    let uri = |what: &str| v5(&format!("sync/resource-instances/{what}"));
    for (wanted, found) in [
        (json!({}), vec![&one, &two, &three]),
        (json!({"tags": [{"key": "env", "values": []}]}), vec![&one, &two]),
        (json!({"tags": [{"key": "env", "values": ["prod", "x"]}]}), vec![&one]),
        (
            json!({"tags": [{"key": "env", "values": ["prod"]}, {"key": "team", "values": ["b"]}]}),
            vec![],
        ),
        (json!({"without_any_tag": true}), vec![&three]),
        (json!({"matches": [{"key": "resource_name", "value": "JOB-T"}]}), vec![&two, &three]),
    ] {
        let answer = server.post(&uri("filter?limit=100"), wanted.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.body["total_count"], found.len(), "{wanted}: {answer:?}");
        let listed = answer.body["resources"].as_array().expect("resources");
        for id in &found {
            assert!(listed.iter().any(|job| job["resource_id"] == **id), "{wanted}: {listed:?}");
        }
        let counted = server.post(&uri("count"), wanted).await;
        assert_eq!(counted.body, json!({"total_count": found.len()}));
    }
    let page = server.post(&uri("filter?limit=1&offset=1"), json!({})).await;
    assert_eq!(page.body["resources"].as_array().map(Vec::len), Some(1));
    let none = server.post(&v5("migration/resource-instances/count"), json!({})).await;
    assert_eq!(none.body["total_count"], 0);
    for (body, field) in [
        (json!({"tags": [{"values": ["x"]}]}), "tags[0].key"),
        (json!({"matches": [{"key": "status", "value": "x"}]}), "matches[0].key"),
        (json!({"tags": vec![json!({"key": "k", "values": []}); 21]}), "tags"),
    ] {
        let text = assert_error(&server.post(&uri("count"), body).await, 400, "DRS.10000009");
        assert!(text.contains(field), "{text}");
    }
    assert_error(
        &server.post(&v5("x/resource-instances/count"), json!({})).await,
        400,
        "DRS.10000009",
    );
    let tags = server.get(&v5("jobs/sync/tags")).await;
    assert_eq!(tags.body, server.get(&v5("sync/tags")).await.body);
    assert_eq!(tags.body["tags"][0], json!({"key": "env", "values": ["prod", "test"]}));
}

#[tokio::test]
async fn enterprise_projects_and_instances_are_those_of_the_jobs() {
    let server = Server::start().await;
    let uri = v5("enterprise-projects");
    let answer = server.get(&uri).await;
    assert_eq!(answer.body["count"], 1);
    assert_eq!(answer.body["enterprise_project_list"][0]["name"], "default");
    make(&server, "job-one", json!([])).await;
    assert_eq!(server.get(&uri).await.body["count"], 2);
    let named = server.get(&format!("{uri}?name=EP-JOB")).await;
    assert_eq!(named.body["enterprise_project_list"][0]["id"], "ep-job-one");
    assert_error(&server.get(&format!("{uri}?limit=0")).await, 400, "DRS.10000009");
    let uri = v5("jobs/child-count");
    let count = |query: &str| format!("{uri}?{query}");
    let answer = server.get(&count("instance_id=inst-1&db_type=mysql")).await;
    assert_eq!(answer.body, json!({"count": 1}));
    let answer = server.get(&count("instance_id=inst-1&db_type=kafka")).await;
    assert_eq!(answer.body, json!({"count": 0}));
    for query in ["db_type=mysql", "instance_id=i", "instance_id=i&db_type=x"] {
        assert_error(&server.get(&count(query)).await, 400, "DRS.10000009");
    }
}

#[tokio::test]
async fn a_size_is_one_that_is_offered_and_decides_the_defaults() {
    let server = Server::start().await;
    let types = v3("node-type?engine_type=mysql-to-kafka&db_use_type=sync&job_direction=up");
    let answer = server.get(&types).await;
    assert_eq!(answer.body["node_types"][0], json!({"node_type": "micro", "is_sellout": false}));
    assert_eq!(answer.body["node_types"].as_array().map(Vec::len), Some(6));
    let other = server.get(&types.replace("mysql-to-kafka", "redis-to-gaussredis")).await;
    assert_eq!(other.body, json!({"node_types": []}));
    for (part, wrong) in [("sync", "x"), ("up", "left"), ("engine_type=mysql-to-kafka&", "")] {
        let answer = server.get(&types.replace(part, wrong)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    }
    let zones = json!({"engine_type": "mysql-to-kafka", "db_use_type": "sync", "job_direction": "up",
        "node_type": "high"});
    let answer = server.post(&v3("available-zone"), zones.clone()).await;
    assert_eq!(answer.body["az_infos"][0]["status"], "ENABLED");
    let mut wrong = zones;
    wrong["node_type"] = json!("tiny");
    assert_eq!(server.post(&v3("available-zone"), wrong).await.status, StatusCode::BAD_REQUEST);
    let flavors = server.get(&v5("link-flavors?engine_type=mysql-to-kafka&node_type=small")).await;
    assert_eq!(flavors.body["vm_flavor"]["spec_code"], "drs.mysql-to-kafka.small.vm");
    assert_error(&server.get(&v5("link-flavors?node_type=tiny")).await, 400, "DRS.10000009");

    let id = make(&server, "job-one", json!([])).await;
    let queue = || async {
        let uri = v5(&format!("jobs/{id}/configurations?name=queue_bytes_max"));
        let answer = server.get(&uri).await;
        answer.body["parameter_config_list"][0]["value"].as_str().expect("a value").to_owned()
    };
    let usual: u64 = queue().await.parse().expect("a number");
    let uri = v5(&format!("jobs/{id}/change-flavor"));
    let answer = server.post(&uri, json!({"spec_type": "2xlarge"})).await;
    assert_eq!((answer.status, answer.body), (StatusCode::ACCEPTED, json!({"id": id})));
    assert_eq!(queue().await, (4 * usual).to_string());
    let job = server.get(&v5(&format!("jobs/{id}?type=detail"))).await;
    assert_eq!(job.body["job"]["node_info"]["spec"]["node_type"], "2xlarge");
    for body in [json!({}), json!({"spec_type": "tiny"})] {
        assert_error(&server.post(&uri, body).await, 400, "DRS.10000009");
    }
    let quotas = server.get(&v3("quotas")).await;
    let resource = &quotas.body["quotas"]["resource"];
    assert_eq!((&resource["type"], &resource["used"]), (&json!("instance"), &json!(1)));
    assert!(resource["quota"].as_u64().is_some_and(|quota| quota >= 1), "{quotas:?}");
}

#[tokio::test]
async fn parameters_are_told_and_set_by_their_phases() {
    let server = Server::start().await;
    let id = make(&server, "job-one", json!([])).await;
    let query = v3(&format!("job/{id}/tuning-params/query-params"));
    let modify = v3(&format!("job/{id}/tuning-params/modify-params"));
    let value = |body: &Value, phase: &str, name: &str| {
        let all = body[phase].as_array().expect("a phase").clone();
        let found = all.into_iter().find(|one| one["param_name"] == name).expect("a parameter");
        found["param_value"].as_str().expect("a value").to_owned()
    };
    let answer = server.get(&query).await;
    assert_eq!(value(&answer.body, "full_sync", "read_task_num"), "2");
    assert_eq!(value(&answer.body, "full_sync", "datamove_copy_mode"), "COPY");
    assert!(answer.body.get("modify_result").is_none());
    let change = json!({"full_sync": {"read_task_num": "5", "datamove_copy_mode": "insert"},
        "incre_apply": {"parallel": 4}});
    let answer = server.put(&modify, change).await;
    assert_eq!((answer.status, &answer.body["modify_result"]), (StatusCode::OK, &json!("success")));
    assert_eq!(value(&answer.body, "full_sync", "read_task_num"), "5");
    assert_eq!(value(&answer.body, "full_sync", "datamove_copy_mode"), "INSERT");
    assert_eq!(value(&answer.body, "incre_apply", "parallel"), "4");
    for (body, wanted) in [
        (json!({}), "full_sync"),
        (json!({"full_sync": {"parallel": "1"}}), "read_task_num"),
        (json!({"full_sync": {"read_task_num": "99"}}), "1 to 32"),
        (json!({"full_sync": {"datamove_copy_mode": "x"}}), "COPY, INSERT"),
        (json!({"recovery": true, "full_sync": {"read_task_num": "1"}}), "recovery"),
    ] {
        let answer = server.put(&modify, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {answer:?}");
        assert!(answer.body.to_string().contains(wanted), "{body}: {answer:?}");
    }
    let answer = server.put(&modify, json!({"recovery": true})).await;
    assert_eq!(value(&answer.body, "full_sync", "read_task_num"), "2");
    assert_eq!(value(&answer.body, "full_sync", "datamove_copy_mode"), "COPY");
    // Every parameter has its place.
    let places = ["full_sync", "incre_capture", "incre_apply", "incre_relay"];
    let told: usize = places.iter().map(|p| answer.body[p].as_array().map_or(0, Vec::len)).sum();
    let all = server.get(&v5(&format!("jobs/{id}/configurations"))).await;
    assert_eq!(all.body["count"], told);
}

#[tokio::test]
async fn mappings_tell_what_becomes_of_objects() {
    let server = Server::start().await;
    let id = make(&server, "job-one", json!([])).await;
    let objects = json!({"job": {"type": "db_object", "params": {"db_object": {
        "object_scope": "table", "object_info": {
            "shop": {"name": "store", "tables": {
                "orders": {"name": "bestellungen", "type": "table", "all": true},
                "items": {"type": "table", "all": true}}},
            "crm": {"all": true}}}}}});
    let saved = server.put(&v5(&format!("jobs/{id}")), objects).await;
    assert!(saved.status.is_success(), "{saved:?}");
    let uri = v5(&format!("jobs/{id}/object-mappings"));
    let answer = server.post(&uri, json!({})).await;
    assert_eq!(answer.body["count"], 3, "{answer:?}");
    let orders = server.post(&uri, json!({"db_name": "shop", "table_name": "orders"})).await;
    assert_eq!(
        orders.body["object_mapping_list"],
        json!([{"object_name": "shop.orders",
        "source_db_name": "shop", "source_table_name": "orders", "target_db_name": "store",
        "target_table_name": "bestellungen", "has_column_info": false}])
    );
    let page = server.post(&uri, json!({"offset": 2, "limit": 5})).await;
    assert_eq!(page.body["object_mapping_list"].as_array().map(Vec::len), Some(1));
    let whole = server.post(&uri, json!({"db_name": "crm"})).await;
    assert_eq!(whole.body["object_mapping_list"][0]["object_name"], "crm");
    let none = server.post(&uri, json!({"has_column_info": true})).await;
    assert_eq!(none.body["count"], 0);
    assert_error(&server.post(&uri, json!({"limit": 1001})).await, 400, "DRS.10000009");
    let missing = server.post(&v5("jobs/none/object-mappings"), json!({})).await;
    assert_error(&missing, 400, "DRS.10000010");
}

fn connection(name: &str) -> Value {
    json!({"name": name, "db_type": "mysql", "description": "the shop's",
        "endpoint": {"endpoint_name": "mysql", "ip": "db.test", "db_port": "3307", "db_user": "u",
            "db_password": "pw-kept", "instance_id": "inst-9"},
        "ssl": {"ssl_link": false}})
}

#[tokio::test]
async fn endpoints_are_kept_apart_from_jobs_and_given_to_them() {
    let server = Server::start().await;
    let uri = v5("connections");
    let made = server.post(&uri, connection("shop")).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let id = made.body["connection_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        (&made.body["db_type"], &made.body["create_time"]),
        (&json!("mysql"), &json!(1_795_485_600))
    );
    assert_eq!(made.body["endpoint"]["db_port"], "3307");
    assert!(!made.body.to_string().contains("pw-kept"), "{made:?}");
    let taken = server.post(&uri, connection("SHOP")).await;
    assert_error(&taken, 400, "DRS.M00277");
    for (change, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "n".repeat(129)}), "name"),
        (json!({"db_type": "redis"}), "db_type"),
        (json!({"description": "d".repeat(256)}), "description"),
        (json!({"endpoint": {"db_user": "u"}}), "endpoint.ip"),
        (json!({"endpoint": {"ip": "h", "db_port": "x"}}), "db_port"),
    ] {
        let mut body = connection("other");
        change.as_object().expect("members").iter().for_each(|(k, v)| body[k] = v.clone());
        let text = assert_error(&server.post(&uri, body).await, 400, "DRS.10000009");
        assert!(text.contains(field), "{change}: {text}");
    }
    server.post(&uri, connection("archive")).await;
    let names = |answer: &Value| -> Vec<String> {
        let all = answer["connections"].as_array().expect("connections");
        all.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    let list = |query: &str| format!("{uri}?{query}");
    assert_eq!(names(&server.get(&uri).await.body), ["archive", "shop"]);
    assert_eq!(names(&server.get(&list("sort_dir=desc&limit=1")).await.body), ["shop"]);
    assert_eq!(names(&server.get(&list("name=ARC&ip=db&inst_id=inst-9")).await.body), ["archive"]);
    assert_eq!(server.get(&list("db_type=oracle")).await.body["count"], 0);
    assert_error(&server.get(&list("sort_key=ip")).await, 400, "DRS.10000009");

    // A job that names it has its address, account and password; what it says itself counts more.
    let mut job = new_job("job-1");
    job["job"]["source_endpoint"][0]["endpoint"] =
        json!({"id": id, "endpoint_name": "mysql", "db_user": "own"});
    let answer = server.post(&v5("jobs"), job.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let job_id = answer.body["id"].as_str().expect("an id").to_owned();
    let shown = server.get(&v5(&format!("jobs/{job_id}?type=detail"))).await;
    let end = &shown.body["job"]["source_endpoint"][0]["endpoint"];
    assert_eq!(
        (&end["ip"], &end["db_port"], &end["db_user"]),
        (&json!("db.test"), &json!("3307"), &json!("own"))
    );
    let saved = json!({"job": {"type": "endpoint", "params": {"source_endpoint": [
        {"db_type": "mysql", "endpoint_type": "offline", "endpoint_role": "so",
            "endpoint": {"id": id, "endpoint_name": "mysql"}}]}}});
    server.wait_for(&job_id, "CONFIGURATION").await;
    let answer = server.put(&v5(&format!("jobs/{job_id}")), saved).await;
    assert!(answer.status.is_success(), "{answer:?}");
    let shown = server.get(&v5(&format!("jobs/{job_id}?type=detail"))).await;
    assert_eq!(shown.body["job"]["source_endpoint"][0]["endpoint"]["db_user"], "u");
    job["job"]["base_info"]["name"] = json!("job-2");
    job["job"]["source_endpoint"][0]["db_type"] = json!("oracle");
    assert_eq!(server.post(&v5("jobs"), job).await.status, StatusCode::BAD_REQUEST);

    let one = format!("{uri}/{id}");
    let changed = server.put(&one, json!({"name": "store", "endpoint": {"ip": "db2.test"}})).await;
    assert_eq!((changed.status, changed.body), (StatusCode::OK, json!({})));
    let found = server.get(&list(&format!("connection_id={id}"))).await;
    assert_eq!(found.body["connections"][0]["endpoint"]["ip"], "db2.test");
    assert_eq!(found.body["connections"][0]["description"], "the shop's");
    assert_eq!(server.call(axum::http::Method::DELETE, &one, None).await.status, StatusCode::OK);
    for answer in [
        server.call(axum::http::Method::DELETE, &one, None).await,
        server.put(&one, json!({"name": "x"})).await,
    ] {
        assert!(assert_error(&answer, 400, "DRS.10000009").contains("connection_id"));
    }
    assert_eq!(names(&server.get(&uri).await.body), ["archive"]);
}
