//! A full disk and a folder that cannot be written to: answers go on, and the alarm is raised.

use std::{thread, time::Duration};

use pointsman_testbed::disk::{self, Disk};
use serde_json::json;

use super::Scene;
use crate::{
    patience::until,
    process::{Service, run},
};

/// In mounts of its own: only this thread and its processes see the small disk.
fn on_a_small_disk(network: [u8; 3], port: u16, story: impl FnOnce(&mut Scene, &Disk) + Send) {
    thread::scope(|scope| {
        let told = scope.spawn(|| {
            disk::enter_private_mounts();
            let mut scene = Scene::new(network, port);
            std::fs::remove_dir(scene.folder()).expect("an empty folder");
            let disk = Disk::with_size(&scene.folder(), "256k");
            story(&mut scene, &disk);
        });
        told.join().expect("the story has a good end");
    });
}

/// Waits for the alarm, then shows that a change is answered and followed all the same. The serial was `serial` before.
fn goes_on(scene: &mut Scene, service: &Service, advice: &str, serial: u32) {
    service.wait_for_line("the alarm", |line| {
        line["level"] == "ERROR" && line["fields"]["event"] == "state_unsaved"
    });
    let drain = json!({ "server": "db2", "author": "anna", "reason": "disk" });
    let (status, reply) = scene.post("/v1/drain", &drain).expect("a reply");
    assert_eq!(status, 200, "{reply}");
    let warning = reply["warnings"][0].as_str().expect("it was not saved");
    assert!(warning.contains(advice), "{warning}");
    is_told_everywhere(scene, advice);
    let read = scene.answer("db-read").expect("an answer");
    assert_eq!(read.addresses.len(), 1, "{read}");
    // Without a limit that was saved it follows the clock.
    until("the serial grows", || scene.serial().expect("an answer") > serial);
    // Servers are followed, too.
    scene.servers.stop(0);
    until("the write name moves", || {
        let write = scene.answer("db-write").expect("an answer");
        write.addresses.iter().all(|address| !address.to_string().ends_with(".2"))
    });
}

/// The alarm is in the status for programs and for people, on the page in both forms, and in the metrics.
fn is_told_everywhere(scene: &Scene, advice: &str) {
    let status = scene.status();
    let state = &status["state"];
    assert_eq!(state["saved"], false, "{status}");
    assert!(state["fault"].as_str().expect("a reason").contains(advice), "{status}");
    assert!(state["unsaved_since"].as_str().expect("a time").ends_with('Z'), "{status}");
    let warning = status["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains(advice) && warning.contains("nothing is saved"), "{warning}");
    assert_eq!(status["ready"], true, "serving goes on");
    let told = run(&["status", "--config", &scene.settings.file()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.contains("warning: the state cannot be saved: "), "{told:?}");
    assert!(told.stdout.contains(advice), "{told:?}");
    let text = scene.get("/", "*/*");
    assert!(text.contains("\nwarning: the state cannot be saved: "), "{text}");
    assert!(
        text.lines().next().is_some_and(|line| line.contains("Pointsman itself has")),
        "{text}"
    );
    let page = scene.get("/", "text/html");
    let (_, banner) = page.split_once("id=\"warnings\"").expect("a banner");
    // Its meaning is in a sign and in words, not in its colour alone.
    assert!(banner.contains("▲</span> Warnings</h2>") && banner.contains(advice), "{page}");
    // Counted once a second.
    until("the metrics tell it", || {
        scene.get("/metrics", "").lines().any(|line| line == "pointsman_state_saved 0")
    });
}

/// When saving works again, what was not saved is.
fn is_made_up_for(scene: &Scene, service: &Service) {
    service.wait_for_line("the end of the alarm", |line| line["fields"]["event"] == "state_saved");
    let status = scene.status();
    assert_eq!((&status["state"]["saved"], &status["warnings"]), (&json!(true), &json!([])));
    let image = scene.image().expect("it was saved");
    assert_eq!(&*image.clusters["orders"].overrides[0].reason, "disk");
}

#[test]
fn on_a_full_disk_serving_goes_on_and_the_alarm_is_raised() {
    on_a_small_disk([127, 53, 6], 5306, |scene, disk| {
        let service = scene.started();
        until("the state is saved", || scene.image().is_some());
        let serial = scene.serial().expect("an answer");
        disk.fill();
        scene.servers.stop(1);
        goes_on(scene, &service, "make room on that disk", serial);
        disk.free();
        is_made_up_for(scene, &service);
        service.stop();
    });
}

#[test]
fn in_a_read_only_folder_serving_goes_on_and_the_alarm_is_raised() {
    on_a_small_disk([127, 53, 7], 5307, |scene, disk| {
        disk.allow_writing(false);
        let service = scene.started();
        let serial = scene.serial().expect("an answer");
        goes_on(scene, &service, "make the file system writable", serial);
        disk.allow_writing(true);
        is_made_up_for(scene, &service);
        service.stop();
    });
}

#[test]
fn a_folder_that_is_missing_is_told_and_used_when_it_is_there() {
    let mut scene = Scene::new([127, 53, 8], 5308);
    std::fs::remove_dir(scene.folder()).expect("an empty folder");
    let mut service = scene.started();
    let serial = scene.serial().expect("an answer");
    goes_on(&mut scene, &service, "make the folder", serial);
    std::fs::create_dir(scene.folder()).expect("a folder can be made");
    is_made_up_for(&scene, &service);
    service.signal(rustix::process::Signal::TERM);
    assert_eq!(service.exit_code(Duration::from_secs(5)), Some(0));
}

#[test]
fn a_file_of_no_use_is_told_until_it_is_taken_away() {
    let scene = Scene::new([127, 63, 9], 5309);
    std::fs::write(scene.folder().join("pointsman.state"), "nonsense").expect("a file");
    let service = scene.started();
    let status = scene.status();
    let warning = status["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("of no use (it is no state file"), "{warning}");
    let aside = status["state"]["set_aside"].as_str().expect("it is somewhere").to_owned();
    assert!(warning.ends_with(&format!("then remove {aside}")), "{warning}");
    assert_eq!(status["state"]["saved"], true, "{status}");
    std::fs::remove_file(aside).expect("it is there");
    let drain =
        json!({ "server": "db2", "author": "anna", "reason": "so that something is saved" });
    assert_eq!(scene.post("/v1/drain", &drain).expect("a reply").0, 200);
    assert_eq!(scene.status()["warnings"], json!([]));
    service.stop();
}

#[test]
fn kills_without_a_disk_do_not_take_the_serial_back() {
    on_a_small_disk([127, 63, 10], 5310, |scene, disk| {
        disk.allow_writing(false);
        let mut before = 0;
        for turn in ["first", "second", "third"] {
            let service = scene.started();
            let serial = scene.serial().expect("an answer");
            assert!(serial > before, "{turn}: {serial} after {before}");
            assert_eq!(scene.status()["state"]["serial_limited"], true);
            let drain = json!({ "server": "db2", "author": "anna", "reason": turn });
            assert_eq!(scene.post("/v1/drain", &drain).expect("a reply").0, 200);
            until("the serial follows the change", || {
                before = scene.serial().expect("an answer");
                before > serial
            });
            // Dropped, it is killed.
            drop(service);
        }
    });
}
