use super::*;

fn entry(number: u16) -> AuditEntry {
    AuditEntry {
        at: "2026-11-24T02:00:00.000000Z".into(),
        request_id: format!("request-{number}"),
        user_id: Some("u1".into()),
        user_name: Some(if number.is_multiple_of(2) { "even" } else { "odd" }.into()),
        access_key: Some("AK1".into()),
        address: Some("192.0.2.1".into()),
        operation: "delete_job".into(),
        method: "DELETE".into(),
        path: format!("/v5/p/jobs/{number}"),
        status: if number < 3 { 403 } else { 200 },
        code: (number < 3).then(|| "DRS.M00102".into()),
    }
}

fn numbers(entries: &[AuditEntry]) -> Vec<u16> {
    let number = |entry: &AuditEntry| entry.path.rsplit('/').next().unwrap().parse().unwrap();
    entries.iter().map(number).collect()
}

#[test]
fn the_log_is_bounded_and_its_newest_entries_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let line = serde_json::to_vec(&entry(1000)).unwrap().len() as u64 + 1;
    let bounds = AuditBounds { file_bytes_max: 10 * line, files_max: 3 };
    let log = AuditLog::open(dir.path(), bounds).unwrap();
    for number in 1000..1100 {
        log.append(&entry(number)).unwrap();
    }
    let mut files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let names: Vec<_> = files.iter().map(|file| file.file_name().into_string().unwrap()).collect();
    assert_eq!(names, ["audit.log", "audit.log.1", "audit.log.2"]);
    for file in &files {
        use std::os::unix::fs::PermissionsExt as _;
        let data = file.metadata().unwrap();
        assert!(data.len() <= bounds.file_bytes_max, "{file:?}");
        assert_eq!(data.permissions().mode() & 0o777, 0o600);
    }
    let all = read_audit(dir.path(), &AuditFilter::default(), 1000).unwrap();
    assert_eq!(numbers(&all), (1070..1100).collect::<Vec<_>>());
    let newest = read_audit(dir.path(), &AuditFilter::default(), 3).unwrap();
    assert_eq!(numbers(&newest), [1097, 1098, 1099]);
    assert_eq!(newest[2], entry(1099));
    // A new process goes on where the last one ended.
    let log = AuditLog::open(dir.path(), bounds).unwrap();
    log.append(&entry(1100)).unwrap();
    let newest = read_audit(dir.path(), &AuditFilter::default(), 2).unwrap();
    assert_eq!(numbers(&newest), [1099, 1100]);
}

#[test]
fn entries_are_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let log = AuditLog::open(dir.path(), AuditBounds::default()).unwrap();
    for number in 1..=6 {
        log.append(&entry(number)).unwrap();
    }
    let path = dir.path().join(AUDIT_FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(b"half a line that a full disk left\n");
    std::fs::write(&path, bytes).unwrap();
    let chosen = |filter: AuditFilter| numbers(&read_audit(dir.path(), &filter, 100).unwrap());
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(chosen(AuditFilter { user: text("even"), ..Default::default() }), [2, 4, 6]);
    assert_eq!(chosen(AuditFilter { user: text("u1"), ..Default::default() }).len(), 6);
    assert!(chosen(AuditFilter { operation: text("create_job"), ..Default::default() }).is_empty());
    assert_eq!(chosen(AuditFilter { target: text("jobs/5"), ..Default::default() }), [5]);
    assert_eq!(chosen(AuditFilter { refused: true, ..Default::default() }), [1, 2]);
}

#[test]
fn a_log_of_one_file_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = AuditBounds { file_bytes_max: 1, files_max: 1 };
    let log = AuditLog::open(dir.path(), bounds).unwrap();
    for number in 1..=3 {
        log.append(&entry(number)).unwrap();
    }
    let all = read_audit(dir.path(), &AuditFilter::default(), 100).unwrap();
    assert_eq!(numbers(&all), [3]);
}
