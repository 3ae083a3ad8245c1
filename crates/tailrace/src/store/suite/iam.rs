use crate::control::iam::{Domain, Project, User};
use crate::store::*;

fn bootstrap() -> Bootstrap {
    let domain = Domain { id: "d1".to_owned(), name: "acme".to_owned() };
    Bootstrap {
        project: Project {
            id: "p1".to_owned(),
            domain_id: "d1".to_owned(),
            name: "region-1".to_owned(),
            description: String::new(),
        },
        user: UserRow {
            user: User { id: "u1".to_owned(), name: "ops".to_owned(), domain: domain.clone() },
            password_hash: "$hash".to_owned(),
            enabled: true,
            description: String::new(),
            created_ms: 3,
        },
        domain,
        roles: vec!["secu_admin".to_owned()],
        ak: "AK1".to_owned(),
        sealed: vec![1, 2],
        at_ms: 3,
    }
}

pub(in crate::store) async fn an_empty_store_is_filled_once(store: &dyn Store) {
    assert!(!store.has_domain().await.unwrap());
    let with = bootstrap();
    assert!(store.bootstrap(&with).await.unwrap());
    assert!(!store.bootstrap(&with).await.unwrap());
    assert!(store.has_domain().await.unwrap());
    assert_eq!(store.domain("d1").await.unwrap(), Some(with.domain));
    assert_eq!(store.project("p1").await.unwrap(), Some(with.project.clone()));
    assert_eq!(store.project("p2").await.unwrap(), None);
    let projects = async |domain, name| store.projects(domain, name).await.unwrap();
    assert_eq!(projects("d1", None).await, std::slice::from_ref(&with.project));
    assert_eq!(projects("d1", Some("region-1")).await, [with.project]);
    assert_eq!(projects("d1", Some("region-2")).await, []);
    assert_eq!(projects("d2", None).await, []);
    let user = Some(with.user.clone());
    assert_eq!(store.user("u1").await.unwrap(), user);
    assert_eq!(store.user_by_name("acme", "ops").await.unwrap(), user);
    assert_eq!(store.user_by_name("other", "ops").await.unwrap(), None);
    assert_eq!(store.users("d1", None).await.unwrap(), std::slice::from_ref(&with.user));
    assert_eq!(store.users("d1", Some("x")).await.unwrap(), []);
    let key = store.access_key("AK1").await.unwrap().unwrap();
    let expected = AccessKeyRow {
        ak: "AK1".to_owned(),
        sealed: vec![1, 2],
        user: with.user.user,
        enabled: true,
    };
    assert_eq!(key, expected);
    assert_eq!(store.access_key("AK2").await.unwrap(), None);
}

pub(in crate::store) async fn tokens_are_kept_until_they_expire(store: &dyn Store) {
    store.bootstrap(&bootstrap()).await.unwrap();
    let token = |hash: u8, project: Option<&str>, issued_ms, expires_ms| TokenRow {
        hash: [hash; 32],
        user_id: "u1".to_owned(),
        project_id: project.map(str::to_owned),
        issued_ms,
        expires_ms,
    };
    let (first, second) = (token(1, Some("p1"), 0, 10), token(2, None, 5, 15));
    store.add_token(&first).await.unwrap();
    store.add_token(&second).await.unwrap();
    assert_eq!(store.token(&[1; 32]).await.unwrap(), Some(first));
    store.add_token(&token(3, None, 10, 20)).await.unwrap();
    assert_eq!(store.token(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.token(&[2; 32]).await.unwrap(), Some(second));
    store.remove_token(&[2; 32]).await.unwrap();
    store.remove_token(&[2; 32]).await.unwrap();
    assert_eq!(store.token(&[2; 32]).await.unwrap(), None);
}
