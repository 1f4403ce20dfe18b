//! A full disk and a folder that cannot be written to: answers go on, and the alarm is raised.

use std::{thread, time::Duration};

use pointsman_testbed::disk::{self, Disk};
use serde_json::json;

use super::Scene;
use crate::{patience::until, process::Service};

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

/// When saving works again, what was not saved is.
fn is_made_up_for(scene: &Scene, service: &Service) {
    service.wait_for_line("the end of the alarm", |line| line["fields"]["event"] == "state_saved");
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
