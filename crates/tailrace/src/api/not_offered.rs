//! DRS's operations that are not offered: they are answered as what they are, not as unknown paths.

use axum::http::Method;

/// Method, path with `*` for a value, name of the operation in DRS's SDKs.
pub(crate) const OPERATIONS: &[(&str, &str, &str)] = &[
    ("POST", "/v3/*/jobs/*/batch-struct-detail", "batch_list_struct_detail"),
    ("GET", "/v3/*/jobs/*/get-src-user", "list_users"),
    ("GET", "/v3/*/jobs/*/lts-log-switch", "select_group_and_stream"),
    ("PUT", "/v3/*/jobs/*/lts-log-switch", "modify_group_and_stream"),
    ("POST", "/v3/*/jobs/*/params", "update_params"),
    ("POST", "/v3/*/jobs/batch-get-params", "batch_show_params"),
    ("POST", "/v3/*/jobs/batch-replace-definer", "batch_set_definer"),
    ("POST", "/v3/*/jobs/batch-rpo-and-rto", "batch_list_rpos_and_rtos"),
    ("POST", "/v3/*/jobs/batch-set-smn", "batch_set_smn"),
    ("POST", "/v3/*/jobs/batch-struct-process", "batch_list_struct_process"),
    ("POST", "/v3/*/jobs/batch-switchover", "batch_switchover"),
    ("PUT", "/v3/*/jobs/batch-update-user", "batch_update_user"),
    ("POST", "/v3/*/jobs/disaster-recovery-monitoring-data", "show_monitoring_data"),
    ("GET", "/v5/*/agency/*", "show_agency_info"),
    ("PUT", "/v5/*/agency/*/policy", "update_agency_policy"),
    ("GET", "/v5/*/agency/permissions", "lists_agency_permissions"),
    ("GET", "/v5/*/backup-migration-jobs", "list_replication_jobs"),
    ("POST", "/v5/*/backup-migration-jobs", "create_replication_job"),
    ("DELETE", "/v5/*/backup-migration-jobs/*", "delete_replication_job"),
    ("GET", "/v5/*/backup-migration-jobs/*", "show_replication_job"),
    ("PUT", "/v5/*/backup-migration-jobs/*", "update_replication_job"),
    ("POST", "/v5/*/driver", "upload_user_jdbc_driver"),
    ("DELETE", "/v5/*/drivers", "delete_user_jdbc_driver"),
    ("GET", "/v5/*/drivers", "list_user_jdbc_drivers"),
    ("GET", "/v5/*/features", "show_features"),
    ("POST", "/v5/*/jdbc-driver", "upload_jdbc_driver"),
    ("DELETE", "/v5/*/jdbc-drivers", "delete_jdbc_driver"),
    ("GET", "/v5/*/jdbc-drivers", "list_jdbc_drivers"),
    ("POST", "/v5/*/job/*/change-to-period", "change_to_period"),
    ("POST", "/v5/*/jobs/*/associate-smn-topic", "associate_smn_topic"),
    ("GET", "/v5/*/jobs/*/compare/users/*", "show_compare_users_detail"),
    ("POST", "/v5/*/jobs/*/export-replay-sql", "export_replay_report"),
    ("GET", "/v5/*/jobs/*/export/obs-uris", "show_report_file_obs_uris"),
    ("GET", "/v5/*/jobs/*/metering", "show_metering"),
    ("GET", "/v5/*/jobs/*/replay-execute-record", "show_replay_execute_record"),
    ("GET", "/v5/*/jobs/*/replay-progress", "show_replay_progress"),
    ("GET", "/v5/*/jobs/*/replay-record", "show_replay_record"),
    ("GET", "/v5/*/jobs/*/replay-results", "show_replay_results"),
    ("GET", "/v5/*/jobs/*/smn-subscription-detail", "show_smn_subscription_detail"),
    ("GET", "/v5/*/jobs/*/sql-export-status", "show_replay_report_export_status"),
    ("GET", "/v5/*/jobs/*/switchover-info", "show_switchover_info"),
    ("PUT", "/v5/*/jobs/*/update-driver", "sync_user_jdbc_driver"),
    ("PUT", "/v5/*/jobs/*/update-jdbc-driver", "sync_jdbc_driver"),
    ("GET", "/v5/*/smn/topic-info", "show_smn_topic_info"),
    ("POST", "/v5/*/subscription", "create_subscription"),
    ("POST", "/v5/*/subscription/*/reset", "reset_subscription"),
    ("POST", "/v5/*/subscription/*/retry", "retry_subscription"),
    ("POST", "/v5/*/subscription/*/start", "start_subscription"),
    ("POST", "/v5/*/subscriptions", "show_subscription_lists"),
    ("DELETE", "/v5/*/subscriptions/*", "delete_subscription"),
    ("GET", "/v5/*/subscriptions/*", "show_subscription_detail"),
    ("PUT", "/v5/*/subscriptions/*/info", "update_subscription_info"),
    ("GET", "/v5/*/support-replay-config", "list_replay_support_source_config"),
];

/// The name of the operation, if it is one of DRS's that are not offered.
pub(crate) fn operation(method: &Method, path: &str) -> Option<&'static str> {
    OPERATIONS
        .iter()
        .find(|(m, template, _)| *m == method.as_str() && matches(template, path))
        .map(|(_, _, name)| *name)
}

fn matches(template: &str, path: &str) -> bool {
    let mut parts = path.trim_end_matches('/').split('/');
    let all = template.split('/').all(|t| parts.next().is_some_and(|p| t == p || t == "*"));
    all && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_by_method_and_path() {
        let get = |path| operation(&Method::GET, path);
        assert_eq!(get("/v5/p/jobs/j/metering"), Some("show_metering"));
        assert_eq!(get("/v5/p/jobs/j/metering/"), Some("show_metering"));
        assert_eq!(operation(&Method::POST, "/v5/p/jobs/j/metering"), None);
        assert_eq!(get("/v5/p/jobs/j/metering/x"), None);
        assert_eq!(get("/v5/p/jobs"), None);
        assert_eq!(get("/v5"), None);
    }
}
