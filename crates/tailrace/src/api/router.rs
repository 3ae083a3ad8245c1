//! Every route of the API.

use std::{any::Any, sync::Arc};

use axum::{
    Extension, Router,
    http::{Method, StatusCode, Uri},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{audit::AuditLog, control::Control};

use super::{
    answer, audit, auth,
    error::ApiError,
    health, iam,
    message::Message,
    not_offered,
    openapi::{self, Document, DocumentText},
    origin::TrustedProxies,
    permission::Permissions,
    rate::{self, RateLimiter},
    state::{ApiLimits, ApiState},
    v3, v5,
};

/// The HTTP API over a control plane. Changes are written into `audit`, if it is there. It is told of connections by
/// [`crate::listen::Peer`], from which addresses are counted and written.
pub fn router(
    control: Control,
    limits: ApiLimits,
    audit: Option<AuditLog>,
    proxies: TrustedProxies,
) -> Router {
    router_of(ApiState::new(control, limits, audit, proxies))
}

/// The OpenAPI document, as it is checked in under `openapi/`.
///
/// # Errors
/// If the document cannot be written as JSON.
pub fn openapi_json() -> serde_json::Result<String> {
    let (_, document) = OpenApiRouter::<ApiState>::with_openapi(Document::openapi())
        .merge(open_routes())
        .merge(closed_routes())
        .split_for_parts();
    document.to_pretty_json().map(|text| text + "\n")
}

pub(super) fn router_of(state: ApiState) -> Router {
    let (open, closed) = (open_routes(), closed_routes());
    let permissions = Permissions::of([open.get_openapi(), closed.get_openapi()]);
    let gate = auth::Gate {
        state: state.clone(),
        permissions: Arc::new(permissions),
        keys: Arc::new(RateLimiter::new(state.limits.rate_per_key)),
    };
    let closed = closed.route_layer(from_fn_with_state(gate.clone(), auth::authenticate));
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(open)
        .merge(closed)
        .route_layer(from_fn_with_state(gate, audit::record))
        .split_for_parts();
    let document = document.to_pretty_json().unwrap_or_default() + "\n";
    let router = router
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(Extension(DocumentText(Arc::from(document))));
    finished(router, state)
}

/// The router with what every answer has.
pub(super) fn finished(router: Router<ApiState>, state: ApiState) -> Router {
    let addresses = Arc::new(RateLimiter::new(state.limits.rate_per_address));
    router
        .layer(from_fn_with_state(addresses, rate::by_address))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), answer::finish))
        .with_state(state)
}

/// Routes without authentication.
fn open_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::show_document))
        .routes(routes!(iam::versions::list_versions))
        .routes(routes!(iam::tokens::create_token))
}

/// Routes that need a signature or a token.
fn closed_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(iam_routes())
        .merge(v3_routes())
        .merge(v5_job_routes())
        .merge(v5_other_routes())
}

fn iam_routes() -> OpenApiRouter<ApiState> {
    use iam::{domains, keys, projects, tokens};
    OpenApiRouter::new()
        .routes(routes!(tokens::show_token, tokens::revoke_token))
        .routes(routes!(projects::list_projects, projects::keystone_create_project))
        .routes(routes!(projects::keystone_show_project, projects::keystone_update_project))
        .routes(routes!(projects::list_auth_projects))
        .routes(routes!(domains::list_domains))
        .routes(routes!(keys::list_permanent_access_keys, keys::create_permanent_access_key))
        .routes(routes!(
            keys::show_permanent_access_key,
            keys::update_permanent_access_key,
            keys::delete_permanent_access_key
        ))
        .merge(iam_user_routes())
        .merge(iam_grant_routes())
}

fn iam_user_routes() -> OpenApiRouter<ApiState> {
    use iam::{groups, users};
    OpenApiRouter::new()
        .routes(routes!(users::list_users, users::keystone_create_user))
        .routes(routes!(
            users::keystone_show_user,
            users::keystone_update_user_by_admin,
            users::keystone_delete_user
        ))
        .routes(routes!(users::keystone_update_user_password))
        .routes(routes!(users::keystone_list_groups_for_user))
        .routes(routes!(users::keystone_list_projects_for_user))
        .routes(routes!(groups::keystone_list_groups, groups::keystone_create_group))
        .routes(routes!(
            groups::keystone_show_group,
            groups::keystone_update_group,
            groups::keystone_delete_group
        ))
        .routes(routes!(groups::keystone_list_users_for_group_by_admin))
        .routes(routes!(
            groups::keystone_add_user_to_group,
            groups::keystone_check_user_in_group,
            groups::keystone_remove_user_from_group
        ))
}

fn iam_grant_routes() -> OpenApiRouter<ApiState> {
    use iam::{grants, roles};
    OpenApiRouter::new()
        .routes(routes!(roles::keystone_list_permissions))
        .routes(routes!(roles::keystone_show_permission))
        .routes(routes!(roles::list_custom_policies, roles::create_cloud_service_custom_policy))
        .routes(routes!(
            roles::show_custom_policy,
            roles::update_cloud_service_custom_policy,
            roles::delete_custom_policy
        ))
        .routes(routes!(grants::keystone_list_project_permissions_for_group))
        .routes(routes!(
            grants::keystone_associate_group_with_project_permission,
            grants::keystone_check_project_permission_for_group,
            grants::keystone_remove_project_permission_from_group
        ))
        .routes(routes!(grants::keystone_list_project_permissions_for_user))
        .routes(routes!(
            grants::keystone_associate_user_with_project_permission,
            grants::keystone_check_project_permission_for_user,
            grants::keystone_remove_project_permission_from_user
        ))
        .routes(routes!(grants::keystone_list_domain_permissions_for_group))
        .routes(routes!(
            grants::keystone_associate_group_with_domain_permission,
            grants::keystone_check_domain_permission_for_group,
            grants::keystone_remove_domain_permission_from_group
        ))
        .routes(routes!(grants::keystone_list_domain_permissions_for_user))
        .routes(routes!(
            grants::keystone_associate_user_with_domain_permission,
            grants::keystone_check_domain_permission_for_user,
            grants::keystone_remove_domain_permission_from_user
        ))
}

fn v3_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(v3::list::show_job_list))
        .routes(routes!(v3::create::batch_create_jobs))
        .routes(routes!(v3::read::batch_list_job_status))
        .routes(routes!(v3::read::batch_list_job_details))
        .routes(routes!(v3::read::batch_list_progresses))
        .routes(routes!(v3::connection::batch_validate_connections))
        .routes(routes!(v3::connection::batch_validate_clusters_connections))
        .routes(routes!(v3::modify::batch_update_job))
        .routes(routes!(v3::policy::batch_set_policy))
        .routes(routes!(v3::transformation::batch_change_data))
        .routes(routes!(v3::objects::batch_set_objects))
        .routes(routes!(v3::precheck::batch_check_jobs))
        .routes(routes!(v3::precheck::batch_check_results))
        .routes(routes!(v3::operate::batch_start_jobs))
        .routes(routes!(v3::operate::batch_stop_jobs))
        .routes(routes!(v3::operate::batch_restore_task))
        .routes(routes!(v3::operate::batch_delete_jobs))
        .routes(routes!(v3::settings::batch_reset_password))
        .routes(routes!(v3::settings::batch_set_speed))
        .routes(routes!(v3::offers::list_available_node_types))
        .routes(routes!(v3::offers::list_available_zone))
        .routes(routes!(v3::offers::show_quotas))
        .routes(routes!(v3::tuning::query_tuning_params))
        .routes(routes!(v3::tuning::update_tuning_params))
        .merge(v3_comparison_routes())
}

fn v3_comparison_routes() -> OpenApiRouter<ApiState> {
    use v3::compare::{begin, file, objects, results, rows, whole};
    OpenApiRouter::new()
        .routes(routes!(
            begin::create_data_level_table_compare_job,
            begin::list_data_level_table_compare_jobs
        ))
        .routes(routes!(begin::start_promptly_data_level_table_compare_job))
        .routes(routes!(begin::delete_compare_job))
        .routes(routes!(file::create_compare_result_file, file::download_compare_result_file))
        .routes(routes!(
            objects::create_object_level_compare_job,
            objects::list_obeject_level_compare_overview
        ))
        .routes(routes!(objects::list_obeject_level_compare_detail))
        .routes(routes!(rows::list_data_compare_overview))
        .routes(routes!(rows::list_data_compare_detail))
        .routes(routes!(rows::list_content_compare_overview))
        .routes(routes!(rows::list_content_compare_detail))
        .routes(routes!(rows::list_content_compare_difference))
        .routes(routes!(whole::create_compare_task))
        .routes(routes!(results::list_compare_result))
}

fn v5_job_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(
            v5::list::list_jobs,
            v5::create::create_job,
            v5::delete::batch_delete_jobs_by_id
        ))
        .merge(v5_batch_routes())
        .routes(routes!(v5::create::copy_job))
        .routes(routes!(v5::name::validate_job_name))
        .routes(routes!(v5::action::batch_execute_job_actions))
        .routes(routes!(v5::action::batch_stop_jobs_action))
        .routes(routes!(
            v5::detail::show_job_detail,
            v5::update::update_job,
            v5::delete::delete_job
        ))
        .routes(routes!(
            v5::rereads::create_reread,
            v5::rereads::list_rereads,
            v5::rereads::delete_reread
        ))
        .routes(routes!(
            v5::object_file::upload_db_object_template,
            v5::object_file::download_db_object_template
        ))
        .routes(routes!(v5::object_file::show_db_object_template_progress))
        .routes(routes!(v5::object_file::show_db_object_template_result))
        .routes(routes!(v5::action::execute_job_action))
        .routes(routes!(v5::action::stop_job_action))
        .routes(routes!(v5::observe::show_actions))
        .routes(routes!(v5::observe::show_timeline))
        .routes(routes!(v5::observe::show_progress_data))
        .routes(routes!(v5::observe::show_monitor_data))
        .routes(routes!(v5::components::show_increment_components_detail))
        .routes(routes!(v5::observe::list_job_ddls))
        .routes(routes!(
            v5::compare_policy::show_compare_policy,
            v5::compare_policy::update_compare_policy
        ))
        .routes(routes!(v5::compare_run::pause_compare_jobs))
        .routes(routes!(v5::compare_run::restart_compare_jobs))
        .routes(routes!(v5::compare_run::show_compare_progress))
        .routes(routes!(v5::compare_policy::show_health_compare_job_list))
        .routes(routes!(v5::compare_policy::show_health_compare_job_detail))
        .routes(routes!(v5::compare_policy::show_health_object_compare_job_overview))
        .routes(routes!(v5::dirty_data::show_dirty_data, v5::dirty_data::settle_dirty_data))
        .routes(routes!(v5::observe::clean_alarms))
}

fn v5_batch_routes() -> OpenApiRouter<ApiState> {
    use v5::batch_async;
    OpenApiRouter::new()
        .routes(routes!(batch_async::batch_create_jobs_async))
        .routes(routes!(batch_async::list_async_jobs))
        .routes(routes!(batch_async::list_async_job_detail, batch_async::update_batch_async_jobs))
        .routes(routes!(batch_async::commit_async_job))
        .merge(v5_file_routes())
        .merge(v5_rule_routes())
}

fn v5_file_routes() -> OpenApiRouter<ApiState> {
    use v5::export::{creation, files, jobs};
    OpenApiRouter::new()
        .routes(routes!(jobs::export_job_list))
        .routes(routes!(files::show_files))
        .routes(routes!(files::download_file))
        .routes(routes!(files::show_export_progress))
        .routes(routes!(files::show_task_execute_progress))
        .routes(routes!(
            creation::download_batch_create_template,
            creation::import_batch_create_jobs
        ))
        .routes(routes!(creation::export_creation_template))
        .routes(routes!(creation::list_templates))
        .routes(routes!(creation::download_create_template))
        .routes(routes!(files::export_operation_info))
}

fn v5_rule_routes() -> OpenApiRouter<ApiState> {
    use v5::rules::{self, columns, filters};
    OpenApiRouter::new()
        .routes(routes!(rules::show_data_progress, rules::update_data_progress))
        .routes(routes!(rules::show_data_processing_rules_result))
        .routes(routes!(rules::list_extra_columns))
        .routes(routes!(rules::check_data_filter))
        .routes(routes!(rules::show_data_filtering_result))
        .routes(routes!(
            filters::collect_data_filter_rules,
            filters::save_data_filter_rules,
            filters::delete_data_filter_rules
        ))
        .routes(routes!(filters::check_data_filter_rules))
        .routes(routes!(columns::collect_columns))
        .routes(routes!(columns::show_column_info_result))
        .routes(routes!(columns::show_column_infos, columns::delete_column_infos))
        .routes(routes!(columns::modify_column_infos))
        .routes(routes!(columns::show_object_column_info))
        .routes(routes!(filters::show_data_filter_rules_result))
}

fn v5_other_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(v5::objects::collect_db_objects_info))
        .routes(routes!(v5::objects::collect_db_objects_async))
        .routes(routes!(v5::objects::show_db_object_collection_status))
        .routes(routes!(v5::objects::list_db_objects))
        .routes(routes!(v5::objects::show_db_objects_list))
        .routes(routes!(v5::objects::show_update_object_saving_status))
        .routes(routes!(v5::position::collect_position_async))
        .routes(routes!(v5::position::show_position_result))
        .routes(routes!(v5::objects::show_support_object_type))
        .routes(routes!(v5::parameters::list_job_parameters))
        .routes(routes!(v5::parameters::update_job_configurations))
        .routes(routes!(v5::parameters::list_job_history_parameters))
        .routes(routes!(v5::parameters::update_start_position))
        .routes(routes!(v5::links::list_support_links))
        .routes(routes!(v5::links::list_links))
        .routes(routes!(v5::tags::show_instance_tags))
        .routes(routes!(v5::tags::batch_tag_action))
        .routes(routes!(v5::tags::list_instance_tags))
        .routes(routes!(v5::tags::batch_create_tags))
        .routes(routes!(v5::tags::batch_delete_tags))
        .routes(routes!(v5::tags::list_tags))
        .routes(routes!(v5::tagged::count_instance_by_tags))
        .routes(routes!(v5::tagged::list_instance_by_tags))
        .routes(routes!(v5::tagged::list_project_tags))
        .routes(routes!(v5::enterprise::show_enterprise_project))
        .routes(routes!(v5::flavor::show_link_flavors))
        .routes(routes!(v5::flavor::change_job_flavor))
        .routes(routes!(v5::flavor::show_child_num))
        .routes(routes!(v5::mappings::show_object_mapping))
        .routes(routes!(v5::connections::list_connections, v5::connections::create_connection))
        .routes(routes!(v5::connections::modify_connection, v5::connections::delete_connection))
}

async fn unknown_path(method: Method, uri: Uri) -> ApiError {
    let path = uri.path();
    match not_offered::operation(&method, path) {
        Some(name) => not_offered_error(name, &method, path),
        None => {
            let message = Message::NoSuchPath { operation: format!("{method} {path}") };
            ApiError::gateway(StatusCode::NOT_FOUND, "APIGW.0101", message)
        }
    }
}

async fn unknown_method(method: Method, uri: Uri) -> ApiError {
    let path = uri.path();
    match not_offered::operation(&method, path) {
        Some(name) => not_offered_error(name, &method, path),
        None => {
            let message = Message::MethodNotAllowed { operation: format!("{method} {path}") };
            ApiError::gateway(StatusCode::METHOD_NOT_ALLOWED, "APIGW.0101", message)
        }
    }
}

fn not_offered_error(name: &str, method: &Method, path: &str) -> ApiError {
    let message = Message::NotOffered { operation: format!("{name} ({method} {path})") };
    ApiError::drs(StatusCode::NOT_IMPLEMENTED, "DRS.10000001", message)
}

/// A panic is a fault of ours: the caller learns that and the request id, the log has the rest.
fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    ApiError::internal(format!("panic: {text}")).into_response()
}
