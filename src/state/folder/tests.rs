//! The folder on a real file system.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn image(serial_limit: u32) -> Image {
    Image { serial_limit, ..Image::default() }
}

fn opened(folder: &TempDir) -> Opened {
    Folder::open(folder.path()).expect("nobody else has it")
}

fn names(folder: &TempDir) -> Vec<String> {
    let files = fs::read_dir(folder.path()).expect("a folder");
    let mut names: Vec<_> = files
        .map(|file| file.expect("an entry").file_name().into_string().expect("ASCII"))
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_saved_is_found_again_by_its_owner_alone() {
    let folder = folder();
    let mut first = opened(&folder);
    assert!(first.image.is_none() && first.serial.is_none());
    first.folder.save(&image(7)).expect("a writable folder");
    first.folder.save(&image(8)).expect("a writable folder");
    drop(first);
    assert_eq!(names(&folder), [LOCK, STATE]);
    let mode = fs::metadata(folder.path().join(STATE)).expect("a file").mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    let second = opened(&folder);
    assert_eq!(second.image, Some(image(8)));
    assert_eq!(second.serial, Serial::new(8));
}

#[test]
fn a_file_that_was_left_half_written_is_replaced() {
    let folder = folder();
    let next = folder.path().join(NEXT);
    fs::write(&next, "half").expect("a writable folder");
    fs::set_permissions(&next, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let mut opened = opened(&folder);
    opened.folder.save(&image(1)).expect("a writable folder");
    assert_eq!(names(&folder), [LOCK, STATE]);
    let mode = fs::metadata(folder.path().join(STATE)).expect("a file").mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
}

#[test]
fn two_do_not_share_a_folder() {
    let folder = folder();
    let first = opened(&folder);
    let refused = Folder::open(folder.path()).expect_err("it is in use").to_string();
    assert!(
        refused.contains(&format!("is in use by process {}; stop", process::id())),
        "{refused}"
    );
    drop(first);
    drop(opened(&folder));
}

/// Neither the lock nor the next state is written through a link that somebody has put there.
#[test]
fn a_link_leads_nowhere() {
    let (folder, elsewhere) = (folder(), folder());
    let victim = elsewhere.path().join("victim");
    fs::write(&victim, "precious").expect("a writable folder");
    for name in [LOCK, NEXT, STATE] {
        symlink(&victim, folder.path().join(name)).expect("a writable folder");
    }
    let mut linked = opened(&folder);
    let refused = linked.folder.save(&image(1)).expect_err("a link").to_string();
    assert!(refused.contains(LOCK) && refused.contains("; remove the symbolic link"), "{refused}");
    drop(linked);
    fs::remove_file(folder.path().join(LOCK)).expect("it is ours");
    opened(&folder).folder.save(&image(1)).expect("a writable folder");
    assert_eq!(fs::read_to_string(&victim).expect("a text"), "precious");
}

#[test]
fn files_of_no_use_are_set_aside_and_the_last_three_are_kept() {
    let folder = folder();
    for number in 1..=5 {
        fs::write(folder.path().join(STATE), format!("broken {number}"))
            .expect("a writable folder");
        let opened = opened(&folder);
        assert!(opened.image.is_none() && opened.serial.is_none());
    }
    let mut texts: Vec<_> = names(&folder)
        .into_iter()
        .filter(|name| name.starts_with(BROKEN))
        .map(|name| fs::read_to_string(folder.path().join(name)).expect("a text"))
        .collect();
    texts.sort();
    assert_eq!(texts, ["broken 3", "broken 4", "broken 5"]);
    assert!(!folder.path().join(STATE).exists());
}

#[test]
fn a_file_that_is_set_aside_is_the_newest_whatever_the_clock_says() {
    let folder = folder();
    for year in ["2990", "2991", "2992"] {
        let name = format!("{BROKEN}{year}0101T000000.000Z");
        fs::write(folder.path().join(name), "of another clock").expect("a writable folder");
    }
    for number in 1..=2 {
        fs::write(folder.path().join(STATE), format!("broken {number}"))
            .expect("a writable folder");
        drop(opened(&folder));
    }
    let broken = names(&folder).into_iter().filter(|name| name.starts_with(BROKEN));
    let mut broken: Vec<_> = broken.collect();
    broken.sort();
    let texts = broken.iter().map(|name| fs::read_to_string(folder.path().join(name)));
    let texts: Vec<_> = texts.map(|text| text.expect("a text")).collect();
    assert_eq!(texts, ["of another clock", "broken 1", "broken 2"]);
}

#[test]
fn the_serial_of_a_newer_format_is_kept() {
    let folder = folder();
    let octets = encode(&image(77)).expect("an image can be written");
    let text = String::from_utf8(octets).expect("JSON");
    let newer = text.replacen("pointsman-state 2 ", "pointsman-state 9 ", 1);
    fs::write(folder.path().join(STATE), newer).expect("a writable folder");
    let opened = opened(&folder);
    assert!(opened.image.is_none());
    assert_eq!(opened.serial, Serial::new(77));
}

#[test]
fn a_folder_that_comes_late_keeps_what_it_brings() {
    let parent = folder();
    let path = parent.path().join("late");
    let mut opened = Folder::open(&path).expect("nobody has it");
    let refused = opened.folder.save(&image(1)).expect_err("no folder").to_string();
    assert!(refused.ends_with("make the folder that `directory` in [state] names"), "{refused}");
    fs::create_dir(&path).expect("a writable folder");
    fs::write(path.join(STATE), encode(&image(5)).expect("an image")).expect("a writable folder");
    opened.folder.save(&image(2)).expect("a writable folder");
    let found: Vec<_> = fs::read_dir(&path).expect("a folder").flatten().collect();
    let aside = found.iter().find(|file| file.file_name().to_string_lossy().starts_with(BROKEN));
    let aside = fs::read(aside.expect("it was set aside").path()).expect("a file");
    assert_eq!(decode(&aside).expect("what was there"), image(5));
    drop(opened);
    assert_eq!(Folder::open(&path).expect("nobody has it").image, Some(image(2)));
}
