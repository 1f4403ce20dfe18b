//! The saver on a real file system, and in real time.

use std::sync::mpsc;

use tempfile::TempDir;

use super::*;
use crate::{
    chronicle::Entry,
    config::AddedServer,
    report::{Change, What},
    state::{ClusterImage, Opened, StateReport},
    wall_time::WallTime,
};

/// A save that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

fn start(opened: Opened) -> (Saver, Chronicle) {
    let image = opened.image.unwrap_or_default();
    let chronicle =
        Chronicle::continued(image.events.iter().cloned().map(Entry::from), image.next_event_id);
    let serial = Serial::first(opened.serial, 1_000);
    let saver = Saver::start(opened.folder, image, serial, chronicle.clone());
    (saver.expect("a thread"), chronicle)
}

fn open(folder: &TempDir) -> Opened {
    Folder::open(folder.path()).expect("nobody else has it")
}

/// Waits until everything has been saved, or could not be.
fn saved(keeper: &Keeper) -> Option<Box<str>> {
    let (end, ended) = mpsc::channel();
    keeper.when_saved(move |unsaved| _ = end.send(unsaved));
    ended.recv_timeout(PATIENCE).expect("an outcome")
}

fn writes_to(server: &str) -> (Box<str>, Option<Arc<ClusterImage>>) {
    let image = ClusterImage { write: Some(server.into()), ..ClusterImage::default() };
    ("orders".into(), Some(Arc::new(image)))
}

fn event() -> Change {
    Change { at: WallTime::default(), cluster: None, what: What::Isolated }
}

#[tokio::test]
async fn what_somebody_waits_for_is_in_the_file_when_they_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (saver, chronicle) = start(open(&folder));
    let keeper = saver.keeper();
    keeper.note([writes_to("db1"), ("gone".into(), None)]);
    keeper.note([writes_to("db2")]);
    let added = AddedServer {
        cluster: "orders".into(),
        name: "db9".into(),
        address: "127.53.0.9".into(),
        author: "me".into(),
        found: None,
    };
    keeper.note_added([added.clone()]);
    chronicle.add(event());
    assert_eq!(saved(&keeper), None);
    // Another process cannot look, for the folder is locked; the file can be read.
    let octets = std::fs::read(folder.path().join("pointsman.state")).expect("a file");
    let image = crate::state::decode(&octets).expect("a whole one");
    assert_eq!(image.clusters["orders"].write.as_deref(), Some("db2"));
    assert_eq!(image.clusters.len(), 1);
    assert_eq!(*image.added, [added]);
    assert_eq!((image.events.len(), image.next_event_id), (1, 2 + IDS_AHEAD));
    assert!(image.serial_limit >= image.serial + 300, "{image:?}");
    assert_eq!(keeper.serial_limit().value(), image.serial_limit);
    saver.stop().await;
    assert!(saved(&keeper).expect("nothing is saved any more").contains("stopping"));
}

#[tokio::test]
async fn after_the_last_save_the_next_process_begins_right_above() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (saver, chronicle) = start(open(&folder));
    let serial = Serial::new(2_000_000_000).expect("a serial");
    saver.keeper().note_serial(serial);
    let last = chronicle.add(event()).id;
    saver.stop().await;
    let opened = open(&folder);
    assert_eq!(opened.serial, Some(serial));
    assert_eq!(opened.image.expect("it was saved").next_event_id, last + 1);
}

#[tokio::test]
async fn a_failure_is_told_lets_the_limit_follow_the_clock_and_passes() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let path = parent.path().join("later");
    let (saver, _) = start(Folder::open(&path).expect("nobody has it"));
    let keeper = saver.keeper();
    keeper.note([writes_to("db1")]);
    let unsaved = saved(&keeper).expect("there is no folder");
    assert!(unsaved.contains("make the folder"), "{unsaved}");
    let fault = saver.health().fault().expect("the same");
    assert!(fault.contains("the state cannot be saved: "), "{fault}");
    assert_eq!(keeper.fault(), Some(fault));
    let (since_1970, limit) = (clock::unix_seconds(), keeper.serial_limit().value());
    assert!((since_1970 - 1..=since_1970).contains(&(u64::from(limit) + 1)), "{limit}");
    let report = saver.health().report();
    let (why, since) = report.fault.expect("the same");
    assert!(why.contains("the state cannot be saved: "), "{why}");
    assert!(since.unix_millis() <= clock::unix_millis() && since.unix_millis() > 0, "{since}");
    assert!(report.is_serial_limited, "no limit has been saved yet");

    std::fs::create_dir(&path).expect("a writable folder");
    assert_eq!(saved(&keeper), None);
    assert_eq!(saver.health().report(), StateReport::default());
    assert!(u64::from(keeper.serial_limit().value()) > clock::unix_seconds());
    saver.stop().await;
    let image = Folder::open(&path).expect("nobody has it").image.expect("it was saved");
    assert_eq!(image.clusters["orders"].write.as_deref(), Some("db1"));
}

#[test]
fn without_a_folder_whoever_waits_is_told_so() {
    let keeper = Keeper::nowhere();
    keeper.note([writes_to("db1")]);
    keeper.note_serial(Serial::MIN);
    assert!(saved(&keeper).expect("nothing is saved").starts_with("no `directory` is set"));
    assert_eq!((keeper.serial_limit(), keeper.fault()), (Serial::MAX, None));
}

#[tokio::test]
async fn a_file_of_no_use_is_told_until_somebody_takes_it_away() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("pointsman.state"), "nonsense").expect("a writable folder");
    let (saver, _) = start(open(&folder));
    let aside = saver.health().report().set_aside.expect("it was of no use");
    assert!(aside.why.starts_with("it is no state file: "), "{}", aside.why);
    assert_eq!(saved(&saver.keeper()), None);
    assert_eq!(saver.health().report().set_aside.as_ref(), Some(&aside), "it is there");
    std::fs::remove_file(&aside.path).expect("it is there");
    assert_eq!(saved(&saver.keeper()), None);
    assert_eq!(saver.health().report(), StateReport::default());
    saver.stop().await;
}
