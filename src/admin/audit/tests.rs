//! Lines come into the file, wherever it is, or are counted as missing.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use tempfile::tempdir;

use super::*;

fn request() -> Request {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "/v1/drain".parse().unwrap();
    request.extensions_mut().insert(Peer::Local { uid: Some(7) });
    request
}

fn entries(path: &Path) -> Vec<AuditEntry> {
    let log = last(path, 100, |_| true).unwrap();
    assert_eq!(log.unreadable, 0);
    log.entries
}

/// Asks for a change with this reason, which is done; the reply's body.
async fn change(audit: &Audit, reason: &str) -> String {
    let recording = Recording::begin(audit, &request());
    let body = serde_json::json!({"author": "ann", "server": "db2", "reason": reason});
    recording.note().take_body(body.to_string().as_bytes());
    let response = recording.finish(Response::new(Body::from("{\"done\":\"it\"}\n"))).await;
    let octets = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(octets.to_vec()).unwrap()
}

#[tokio::test]
async fn each_change_is_a_line_in_whatever_file_is_there() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let audit = Audit::start(Some(&path)).unwrap();
    assert_eq!(change(&audit, "one\ntwo").await, "{\"done\":\"it\"}\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let [one] = &entries(&path)[..] else { panic!("{text}") };
    assert_eq!((one.uid, one.via, one.outcome), (Some(7), AuditVia::Socket, AuditOutcome::Done));
    assert_eq!((one.author.as_deref(), one.server.as_deref()), (Some("ann"), Some("db2")));
    // logrotate moves it away.
    fs::rename(&path, folder.path().join("audit.log.1")).unwrap();
    change(&audit, "moved").await;
    assert_eq!(entries(&path)[0].reason.as_deref(), Some("moved"));
    // A process died in the middle of a line.
    fs::write(&path, "{\"at\":").unwrap();
    let audit = Audit::start(Some(&path)).unwrap();
    change(&audit, "after").await;
    let log = last(&path, 9, |_| true).unwrap();
    assert_eq!((log.entries.len(), log.unreadable), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_written_is_told_and_counted() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.log");
    symlink("/dev/full", &path).unwrap();
    let audit = Audit::start(Some(&path)).unwrap();
    for _ in 0..3 {
        let told = change(&audit, "lost").await;
        assert!(told.contains("\"warnings\":[\"this is not in the audit file"), "{told}");
        assert!(told.contains("\"done\":\"it\""), "{told}");
    }
    assert!(audit.fault().is_some());
    fs::remove_file(&path).unwrap();
    assert_eq!(change(&audit, "kept").await, "{\"done\":\"it\"}\n");
    assert_eq!(audit.fault(), None);
    assert_eq!(entries(&path)[0].missing, 3);
}

#[tokio::test]
async fn who_does_not_wait_leaves_a_line_too_and_strangers_leave_few() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let audit = Audit::start(Some(&path)).unwrap();
    drop(Recording::begin(&audit, &request()));
    audit.flush();
    assert_eq!(entries(&path)[0].outcome, AuditOutcome::Unknown);
    for _ in 0..50 {
        let mut refused = Response::new(Body::empty());
        *refused.status_mut() = axum::http::StatusCode::UNAUTHORIZED;
        Recording::begin(&audit, &request()).finish_stranger(refused).await;
    }
    change(&audit, "at last").await;
    let entries = entries(&path);
    let missing: u64 = entries.iter().map(|entry| entry.missing).sum();
    assert_eq!(entries.len() as u64 + missing, 52);
    assert!(entries.len() < 20, "{entries:?}");
    assert_eq!(entries[1].status, Some(401));
}
