use crate::control::exports::ExportKind;
use crate::store::export::EXPORTS_KEPT_MAX;
use crate::store::*;

pub(in crate::store) async fn files_of_a_kind_are_kept_for_a_while(store: &dyn Store) {
    let row = |id: &str, project: &str, kind, created_ms| ExportRow {
        id: id.to_owned(),
        project_id: project.to_owned(),
        kind,
        file_name: format!("{id}.xlsx"),
        created_ms,
    };
    let (first, other) =
        (row("e", "p1", ExportKind::Jobs, 1), row("t", "p1", ExportKind::Template, 0));
    store.add_export(&other, b"other").await.unwrap();
    store.add_export(&first, b"first").await.unwrap();
    store.add_export(&row("far", "p2", ExportKind::Jobs, 0), b"far").await.unwrap();
    assert_eq!(store.exports("p1").await.unwrap(), [first, other]);
    assert_eq!(store.export_content("e").await.unwrap().as_deref(), Some(b"first".as_slice()));
    for i in 0..EXPORTS_KEPT_MAX {
        store.add_export(&row(&format!("e{i}"), "p1", ExportKind::Jobs, 2), b"").await.unwrap();
    }
    assert_eq!(store.export_content("e").await.unwrap(), None);
    for id in ["t", "far", "e0"] {
        assert!(store.export_content(id).await.unwrap().is_some(), "{id}");
    }
}
