//! First administrator, logins, tokens, access keys.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tailrace::control::iam::{BootstrapValues, Credentials, Scope, ScopeWanted};
use tailrace::control::{Language, Refusal};

use crate::world::{BEGIN_MS, World};

const MINUTE_MS: i64 = 60_000;

async fn world_with_ops() -> World {
    let world = World::new().await;
    let values = BootstrapValues {
        project_id: Some("project-1".to_owned()),
        project_name: Some("region-1".to_owned()),
        domain: Some("acme".to_owned()),
        user: Some("ops".to_owned()),
        password: Some(SecretString::from("ops-password")),
        ak: Some("AK1".to_owned()),
        sk: Some(SecretString::from("ops-secret-key")),
    };
    let made = bootstrap(&world, values).await.unwrap().unwrap();
    assert_eq!(made.project_id, "project-1");
    world
}

async fn bootstrap(world: &World, values: BootstrapValues) -> Result<Option<Credentials>, Refusal> {
    let (store, vault) = (Arc::clone(&world.store), Arc::clone(&world.vault));
    Credentials::bootstrap(store.as_ref(), &vault, world.dir.path(), values, BEGIN_MS).await
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

async fn login(world: &World, password: &str) -> Result<SecretString, Refusal> {
    let scope = ScopeWanted::ProjectName("region-1".to_owned());
    let password = secret(password);
    let login = world.control.iam().login_password("acme", "ops", &password, scope);
    login.await.map(|issued| issued.token)
}

#[tokio::test]
async fn an_empty_store_is_filled_once() {
    let world = World::new().await;
    let made = bootstrap(&world, BootstrapValues::default()).await.unwrap().unwrap();
    let path = world.dir.path().join("credentials.json");
    let file: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(file["project_id"], made.project_id);
    let ak = file["access_key"].as_str().unwrap();
    let key = world.control.iam().access_key(ak).await.unwrap();
    assert_eq!(key.secret.expose_secret(), file["secret_key"].as_str().unwrap());
    let scope = ScopeWanted::ProjectId(made.project_id.clone());
    let password = secret(file["password"].as_str().unwrap());
    let iam = world.control.iam();
    iam.login_password(&made.domain_name, &made.user_name, &password, scope).await.unwrap();

    assert!(bootstrap(&world, BootstrapValues::default()).await.unwrap().is_none());
    let users = iam.users(&made.domain_id, None).await.unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!(iam.projects_of(&users[0].user, None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_fill_that_broke_off_is_completed() {
    let world = world_with_ops().await;
    let path = world.dir.path().join("credentials.json");
    let unfinished = world.dir.path().join("credentials.json.new");
    std::fs::rename(&path, &unfinished).unwrap();
    assert!(bootstrap(&world, BootstrapValues::default()).await.unwrap().is_none());
    assert!(path.is_file() && !unfinished.exists());
}

#[tokio::test]
async fn bad_values_are_named() {
    let world = World::new().await;
    let values = BootstrapValues { user: Some("a b".to_owned()), ..Default::default() };
    let Err(Refusal::Invalid { field, .. }) = bootstrap(&world, values).await else { panic!() };
    assert_eq!(field, "TAILRACE_BOOTSTRAP_USER");
}

#[tokio::test]
async fn a_password_gives_a_token_of_a_day() {
    let world = world_with_ops().await;
    let iam = world.control.iam();
    let token = login(&world, "ops-password").await.unwrap();
    let session = iam.validate_token(&token).await.unwrap();
    assert_eq!(
        (session.user.name.as_str(), session.expires_ms),
        ("ops", BEGIN_MS + 1440 * MINUTE_MS)
    );
    let Scope::Project(project) = &session.scope else { panic!("{session:?}") };
    assert_eq!(project.id, "project-1");
    let caller = iam.caller(&session.user, "project-1", Language::English).await.unwrap();
    assert_eq!((caller.user_name.as_str(), caller.project_id.as_str()), ("ops", "project-1"));
    let wrong = iam.caller(&session.user, "project-2", Language::English).await;
    assert_eq!(wrong, Err(Refusal::WrongProject));

    // A token for a token ends with the first one.
    world.clock.advance_ms(100 * MINUTE_MS);
    let second = iam.login_token(&token, ScopeWanted::Domain).await.unwrap();
    assert_eq!(second.session.expires_ms, session.expires_ms);
    assert_eq!(second.session.scope, Scope::Domain);
    world.clock.advance_ms(1340 * MINUTE_MS - 1);
    iam.validate_token(&token).await.unwrap();
    world.clock.advance_ms(1);
    for token in [&token, &second.token] {
        assert_eq!(iam.validate_token(token).await, Err(Refusal::LoginFailed));
    }
}

#[tokio::test]
async fn a_revoked_or_made_up_token_does_not_hold() {
    let world = world_with_ops().await;
    let iam = world.control.iam();
    let token = login(&world, "ops-password").await.unwrap();
    let other = login(&world, "ops-password").await.unwrap();
    assert_ne!(token.expose_secret(), other.expose_secret());
    iam.revoke(&token).await.unwrap();
    assert_eq!(iam.validate_token(&token).await, Err(Refusal::LoginFailed));
    iam.validate_token(&other).await.unwrap();
    assert_eq!(iam.validate_token(&secret("made up")).await, Err(Refusal::LoginFailed));
    let scope = ScopeWanted::ProjectId("nope".to_owned());
    let wrong = iam.login_token(&other, scope).await.map(|_| ());
    assert_eq!(wrong, Err(Refusal::WrongProject));

    // Only hashes are stored.
    world.store.close().await.unwrap();
    for file in std::fs::read_dir(world.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = other.expose_secret().as_bytes();
        assert!(!bytes.windows(text.len()).any(|window| window == text));
    }
}

#[tokio::test]
async fn five_wrong_passwords_lock_the_user_for_five_minutes() {
    let world = world_with_ops().await;
    for _ in 0..5 {
        assert_eq!(login(&world, "guess").await.map(|_| ()), Err(Refusal::LoginFailed));
    }
    let until_ms = BEGIN_MS + 5 * MINUTE_MS;
    let locked = login(&world, "ops-password").await.map(|_| ());
    assert_eq!(locked, Err(Refusal::Locked { until_ms }));
    world.clock.advance_ms(5 * MINUTE_MS);
    login(&world, "ops-password").await.unwrap();
    // A user that does not exist is locked alike, so that nobody learns who does.
    let nobody = async || {
        let iam = world.control.iam();
        let password = secret("x");
        let login = iam.login_password("acme", "nobody", &password, ScopeWanted::Domain);
        login.await.map(|_| ())
    };
    for _ in 0..5 {
        assert_eq!(nobody().await, Err(Refusal::LoginFailed));
    }
    assert!(matches!(nobody().await, Err(Refusal::Locked { .. })));
}

#[tokio::test]
async fn five_wrong_signatures_lock_the_key() {
    let world = world_with_ops().await;
    let iam = world.control.iam();
    let key = iam.access_key("AK1").await.unwrap();
    assert_eq!(key.secret.expose_secret(), "ops-secret-key");
    assert_eq!(key.user.domain.name, "acme");
    for _ in 0..4 {
        iam.signature_failed("AK1");
    }
    iam.signature_verified("AK1");
    for _ in 0..5 {
        iam.access_key("AK1").await.unwrap();
        iam.signature_failed("AK1");
    }
    let locked = iam.access_key("AK1").await.map(|_| ());
    assert_eq!(locked, Err(Refusal::Locked { until_ms: BEGIN_MS + 5 * MINUTE_MS }));
    assert_eq!(iam.access_key("AK2").await.map(|_| ()), Err(Refusal::LoginFailed));
}
