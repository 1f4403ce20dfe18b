//! What the stories of session kicks on PostgreSQL and on MySQL and MariaDB have in common.

use std::time::Duration;

use serde_json::Value;

use crate::{
    patience,
    pointsman::{Cluster, Pointsman},
};

/// How long is watched that nothing happens.
const A_WHILE: Duration = Duration::from_secs(2);

/// The report of a server.
///
/// # Panics
/// When there is none.
pub(super) fn report(pointsman: &Pointsman, server: &str) -> Value {
    let (code, text) = pointsman.command(&["sessions", server, "--json"]);
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).expect("a JSON document")
}

/// The sessions of `user` in a report: how many, how many would be ended, and why not the others.
pub(super) fn of_user(report: &Value, user: &str) -> (u64, u64, Vec<String>) {
    let groups = report["groups"].as_array().expect("groups");
    let own: Vec<_> = groups.iter().filter(|group| group["user"] == user).collect();
    let sum = |field: &str| own.iter().filter_map(|group| group[field].as_u64()).sum();
    let spared = own.iter().filter_map(|group| group["spared"].as_str().map(str::to_owned));
    (sum("sessions"), sum("would_end"), spared.collect())
}

/// Waits until the write name says this server and no other.
pub(super) fn wait_for_writer(pointsman: &Pointsman, cluster: &Cluster, server: usize) {
    let mut dns = pointsman.client();
    let wanted = [std::net::IpAddr::V4(cluster.servers[server])];
    patience::until("the write name says the server", || {
        dns.addresses(&cluster.write_name()).is_some_and(|answer| answer.addresses == wanted)
    });
}

/// Waits until the log has a line with this text.
pub(super) fn wait_for_log(pointsman: &Pointsman, text: &str) {
    let found =
        patience::poll(Duration::from_secs(20), || pointsman.log().contains(text).then_some(()));
    assert!(found.is_some(), "no {text:?} in\n{}", pointsman.log().text());
}

/// Watches for a while that nothing happens to what `holds`.
pub(super) fn watch(what: &str, mut holds: impl FnMut() -> bool) {
    let broken = patience::poll(A_WHILE, || (!holds()).then_some(()));
    assert!(broken.is_none(), "{what}");
}

/// The number of ended sessions, or of those that a dry run found, by the metrics.
pub(super) fn counted(pointsman: &Pointsman, server: &str, mode: &str) -> Option<u64> {
    let metrics = pointsman.metrics();
    let marks = [format!("node=\"{server}\""), format!("mode=\"{mode}\"")];
    let mut lines = metrics.lines().filter(|line| {
        line.starts_with("pointsman_sessions_terminated_total{")
            && marks.iter().all(|mark| line.contains(mark))
    });
    lines.next()?.rsplit_once(' ')?.1.parse().ok()
}

/// Waits until the metrics count so many: a session has ended a moment before its round is counted.
pub(super) fn wait_for_count(pointsman: &Pointsman, server: &str, mode: &str, count: u64) {
    patience::until("the sessions are counted", || counted(pointsman, server, mode) == Some(count));
}
