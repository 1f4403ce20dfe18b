//! A restart while nobody can be asked: names say what they said.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::Scene;
use crate::{
    patience::{poll, until},
    process::message,
};

/// The Extended DNS Error "Stale Answer" (RFC 8914 section 4.4).
const STALE: u16 = 3;

/// The Extended DNS Error "Not Ready" (RFC 8914 section 4.15).
const NOT_READY: u16 = 14;

#[test]
fn the_first_answer_after_a_kill_is_right_and_marked_though_all_servers_are_gone() {
    let mut scene = Scene::new([127, 53, 1], 5301);
    let mut service = scene.started();
    until("what names say is saved", || {
        let image = scene.image();
        let cluster = image.as_ref().and_then(|image| image.clusters.get("orders"));
        cluster.is_some_and(|cluster| {
            let reads = cluster.reads.get("db-read.internal.").map_or(0, Vec::len);
            cluster.write.as_deref() == Some("db1") && reads == 2
        })
    });
    let serial = scene.serial().expect("an answer");
    service.signal(Signal::KILL);
    assert_eq!(service.exit_code(Duration::from_secs(5)), None, "it was killed");
    for server in 0..3 {
        scene.servers.stop(server);
    }

    let service = scene.start();
    let first = poll(Duration::from_secs(10), || scene.answer("db-write")).expect("an answer");
    assert_eq!(first.addresses, ["127.53.1.2".parse::<std::net::IpAddr>().expect("an address")]);
    assert_eq!(first.errors.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [STALE], "{first}");
    let read = scene.answer("db-read").expect("an answer");
    assert_eq!(read.addresses.len(), 2, "{read}");
    assert!(scene.serial().expect("an answer") > serial);
    service.wait_for_line("a word about what is restored", |line| {
        line["fields"]["event"] == "restored" && message(line).contains("first round of probes")
    });
    // The doubt ends when the servers are heard.
    for server in 0..3 {
        scene.servers.resume(server);
    }
    until("it is confirmed", || {
        scene.answer("db-write").is_some_and(|answer| answer.errors.is_empty())
    });
    service.stop();
}

#[test]
fn without_a_file_names_have_no_answer_until_the_first_round_has_ended() {
    let mut scene = Scene::new([127, 53, 2], 5302);
    for server in 0..3 {
        scene.servers.stop(server);
    }
    let service = scene.start();
    let first = poll(Duration::from_secs(10), || scene.answer("db-write")).expect("an answer");
    assert_eq!(first.addresses, [] as [std::net::IpAddr; 0]);
    let codes: Vec<_> = first.errors.iter().map(|(code, _)| *code).collect();
    // Refused connections end the round at once, so it may have ended.
    assert!(codes == [NOT_READY] || first.errors[0].1.contains("no primary"), "{first}");
    service.stop();
}

#[test]
fn a_broken_file_is_set_aside_and_told() {
    let scene = Scene::new([127, 53, 3], 5303);
    std::fs::write(scene.folder().join("pointsman.state"), "pointsman-state 1 nonsense\n")
        .expect("a writable folder");
    let service = scene.started();
    service.wait_for_line("a word about the broken file", |line| {
        line["level"] == "ERROR" && line["fields"]["event"] == "state_broken"
    });
    let files = std::fs::read_dir(scene.folder()).expect("a folder");
    let aside = files
        .flatten()
        .any(|file| file.file_name().to_string_lossy().starts_with("pointsman.state.broken-"));
    assert!(aside);
    until("a new one is written", || scene.image().is_some());
    service.stop();
}

#[test]
fn a_second_process_does_not_start_with_the_same_folder() {
    let scene = Scene::new([127, 53, 4], 5304);
    let service = scene.started();
    let mut second = scene.start();
    assert_eq!(second.exit_code(Duration::from_secs(10)), Some(1));
    let expected = format!("is in use by process {}; stop that one", service.id());
    assert!(second.output().contains(&expected), "{}", second.output());
    service.stop();
}

#[test]
fn an_override_and_its_time_come_back_after_an_orderly_stop() {
    let scene = Scene::new([127, 53, 5], 5305);
    let service = scene.started();
    let drain = json!({
        "server": "db2", "for": "30m", "author": "anna", "reason": "kernel upgrade"
    });
    let (status, reply) = scene.post("/v1/drain", &drain).expect("a reply");
    assert_eq!((status, &reply["warnings"]), (200, &json!([])), "{reply}");
    let until_before = reply["override"]["until"].clone();
    assert!(until_before.is_string(), "{reply}");
    let serial = scene.serial().expect("an answer");
    service.stop();
    let image = scene.image().expect("it was saved");
    assert_eq!(image.serial_limit, serial, "after an orderly stop no serial is left out");

    let service = scene.start();
    let first = poll(Duration::from_secs(10), || scene.answer("db-read")).expect("an answer");
    assert_eq!(first.addresses.len(), 1, "db2 is drained from the first answer on: {first}");
    assert_eq!(scene.serial(), Some(serial.max(scene.serial().expect("an answer"))));
    let laid = &scene.image().expect("it was saved").clusters["orders"].overrides;
    assert_eq!(laid.len(), 1);
    assert_eq!((&*laid[0].author, &*laid[0].reason), ("anna", "kernel upgrade"));
    let until_ms = laid[0].until_ms.expect("a time");
    let before = image.clusters["orders"].overrides[0].until_ms.expect("a time");
    assert!(until_ms.abs_diff(before) < 1_000, "{until_ms} after {before}");
    service.stop();
}
