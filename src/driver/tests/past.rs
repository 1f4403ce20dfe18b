//! What comes back after a restart, and what is told to those who remember.

use super::*;
use crate::{
    chronicle::{Chronicle, Entry},
    control::{AcceptRequest, Signed},
    engine::WishKey,
    report::{ChangeKind, Words},
    state::{
        ClusterImage, Image, OverrideImage, PositionImage, ReachImage, ServerImage, StreamImage,
    },
    wall_time::WallTime,
};

fn names(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|&name| name.into()).collect()
}

/// A cluster that said db1 for writes and these for reads, with these overrides.
fn image(reads: &[&str], overrides: Vec<OverrideImage>) -> Image {
    let cluster = ClusterImage {
        write: Some("DB1".into()),
        last_writer: Some("db1".into()),
        reads: [("db-read.internal.".into(), names(reads))].into_iter().collect(),
        overrides,
        ..ClusterImage::default()
    };
    let clusters = [("orders".into(), Arc::new(cluster)), ("gone".into(), Arc::default())];
    Image { saved_at_ms: clock::unix_millis(), clusters: clusters.into(), ..Image::default() }
}

fn drain(server: &str, since_ms: u64, until_ms: Option<u64>) -> OverrideImage {
    OverrideImage {
        kind: WishKey::Drain(()),
        server: Some(server.into()),
        force: false,
        author: "anna".into(),
        reason: "a test".into(),
        since_ms,
        until_ms,
    }
}

/// A driver with a past, and where it tells what happens.
fn restarted(image: Image) -> (Running, Chronicle) {
    let (observer, events) = mpsc::unbounded_channel();
    let (plan, advice) = plan(&[1, 2, 3], &[0, 1, 2]);
    let (control, ControlEnds { commands, .. }) = Control::new();
    let chronicle = Chronicle::default();
    let serial = Serial::new(2_000_000_000);
    let past = Past { image: Some(image), serial, chronicle: chronicle.clone(), ..Past::default() };
    let (driver, ends) = Driver::new(plan, commands, past, Some(observer));
    (Running { task: tokio::spawn(driver.run()), ends, control, advice, events }, chronicle)
}

/// A change in words.
#[derive(Debug)]
struct Told {
    id: u64,
    kind: ChangeKind,
    cluster: Option<Box<str>>,
    server: Option<Box<str>>,
    name: Option<Box<str>>,
    words: Words,
}

/// What the chronicle has.
fn told(chronicle: &Chronicle) -> Vec<Told> {
    let told = |entry: &Arc<Entry>| {
        let change = &entry.change;
        let [server, name] = [change.server(), change.name()].map(|one| one.map(Box::from));
        let (kind, words, cluster) = (change.kind(), change.words(), change.cluster.clone());
        Told { id: entry.id, kind, cluster, server, name, words }
    };
    chronicle.entries().iter().map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn names_say_what_they_said_until_the_first_round_has_ended() {
    let (running, _) = restarted(image(&["db3", "gone", "db2"], Vec::new()));
    assert_eq!(running.addresses("db-write"), ["127.27.1.1"]);
    assert_eq!(running.addresses("db-read"), ["127.27.1.2", "127.27.1.3"]);
    for name in ["db-write", "db-read"] {
        let note = running.note(name).expect("it is marked");
        assert_eq!(note.degradation, Degradation::Stale);
        assert!(note.text.contains("from before the restart"), "{note:?}");
    }
    assert_eq!(running.serial().value(), 2_000_000_000);
    for _ in 0..3 {
        running.round().await;
    }
    assert_eq!(running.addresses("db-write"), ["127.27.1.1"]);
    assert_eq!((running.note("db-write"), running.note("db-read")), (None, None));
    assert_eq!(running.serial().value(), 2_000_000_000, "the same records");
}

#[tokio::test(start_paused = true)]
async fn overrides_have_the_rest_of_their_time_and_those_without_any_are_told() {
    let now = clock::unix_millis();
    let hour = 3_600_000;
    let overrides = vec![
        drain("db2", now - hour, Some(now + 60_000)),
        drain("db3", now - hour, Some(now - 1)),
        drain("db9", now, None),
    ];
    let (running, chronicle) = restarted(image(&["db2", "db3"], overrides));
    assert_eq!(running.addresses("db-read"), ["127.27.1.3"], "from the first answer on");
    let status = running.told("_status.db-read");
    let since = WallTimeText::of(now - hour);
    assert!(status.iter().any(|line| line.contains("override=drain server=db2")), "{status:?}");
    assert!(status.iter().any(|line| line.contains(&since.0)), "{since:?} in {status:?}");
    let told = told(&chronicle);
    let dropped: Vec<_> = told
        .iter()
        .filter(|entry| entry.kind == ChangeKind::Override)
        .map(|entry| (entry.server.as_deref(), &*entry.words.reason))
        .collect();
    assert_eq!(
        dropped,
        [
            (Some("db3"), "drain expired: its time was over before the service started"),
            (Some("db9"), "drain expired: its server is not configured any more"),
        ]
    );
    for _ in 0..3 {
        running.round().await;
    }
    assert_eq!(running.addresses("db-read"), ["127.27.1.3"]);
    let deadline = Duration::from_secs(62);
    for _ in 0..deadline.as_secs() {
        sleep(Duration::from_secs(1)).await;
        running.round().await;
    }
    assert_eq!(running.addresses("db-read"), ["127.27.1.2", "127.27.1.3"], "its time is over");
}

/// A wall time to the second, less its last digit: the clock goes on between two looks at it.
#[derive(Debug)]
struct WallTimeText(String);

impl WallTimeText {
    fn of(unix_millis: u64) -> Self {
        let text = WallTime::from_unix_millis(unix_millis).to_string();
        Self(format!("since={}", &text[..16]))
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_told_in_names() {
    let (running, chronicle) = restarted(Image::default());
    for _ in 0..3 {
        running.round().await;
    }
    for _ in 0..3 {
        running.tell(1, refused()).await;
    }
    let entries = told(&chronicle);
    let one = |kind, to: &str| {
        let found = entries
            .iter()
            .find(|entry| entry.kind == kind && entry.words.to.as_deref() == Some(to));
        found.unwrap_or_else(|| panic!("no {kind:?} to {to} in {entries:?}"))
    };
    let write = one(ChangeKind::WriteChanged, "db1");
    assert_eq!(write.name.as_deref(), Some("db-write.internal."));
    assert_eq!(write.cluster.as_deref(), Some("orders"));
    assert_eq!(one(ChangeKind::ReadChanged, "db2,db3").name.as_deref(), Some("db-read.internal."));
    assert_eq!(one(ChangeKind::ReadChanged, "db3").words.from.as_deref(), Some("db2,db3"));
    let down = one(ChangeKind::ServerState, "Down");
    assert_eq!(
        (down.server.as_deref(), down.words.from.as_deref()),
        (Some("db2"), Some("Replica"))
    );
    let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");

    let signed = Signed::new("anna", "a restored backup");
    let request = AcceptRequest { cluster: "orders".into(), server: "db1".into(), signed };
    running.control.accept(request).await.expect("it answers");
    let entries = told(&chronicle);
    let accepted = entries.iter().find(|entry| entry.kind == ChangeKind::Accepted);
    let accepted = accepted.expect("it is told");
    assert_eq!(accepted.server.as_deref(), Some("db1"));
    assert_eq!(
        (&*accepted.words.reason, &*accepted.words.detail),
        ("history accepted by anna", "a restored backup")
    );
}

/// A server that an earlier process knew at the address of `db<number>`.
fn server_at(number: u8, name: &str) -> (Box<str>, ServerImage) {
    let addresses = vec![[127, 27, 1, number].into()];
    (name.into(), ServerImage { addresses, port: 5432, ..ServerImage::default() })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_renamed_while_nobody_looked_is_known_by_its_address() {
    let mut image = image(&["former2", "db3"], vec![drain("former2", 0, None)]);
    let cluster = image.clusters.get_mut("orders").and_then(Arc::get_mut).expect("just made");
    cluster.write = Some("Former1".into());
    cluster.servers = [server_at(1, "former1"), server_at(2, "former2"), server_at(3, "db3")]
        .into_iter()
        .collect();
    let (running, _) = restarted(image);
    assert_eq!(running.addresses("db-write"), ["127.27.1.1"]);
    assert_eq!(running.addresses("db-read"), ["127.27.1.3"], "its drain is still in force");
    let status = running.told("_status.db-read");
    assert!(status.iter().any(|line| line.contains("override=drain server=db2")), "{status:?}");
}

fn pin(server: &str) -> OverrideImage {
    let since_ms = clock::unix_millis();
    OverrideImage { kind: WishKey::Pin, ..drain(server, since_ms, None) }
}

/// A pin never brings back a server that has said that it is not writable, and silence is no other
/// word: neither before the restart nor after it.
#[tokio::test(start_paused = true)]
async fn what_a_pin_was_denied_is_denied_after_a_restart() {
    for (denied, expected) in [(false, &["127.27.1.1"][..]), (true, &[])] {
        let mut image = image(&["db2", "db3"], vec![pin("db1")]);
        let cluster = image.clusters.get_mut("orders").and_then(Arc::get_mut).expect("just made");
        cluster.pin_denied = denied;
        let (running, _) = restarted(image);
        assert_eq!(running.addresses("db-write"), expected, "at once, denied: {denied}");
        for _ in 0..3 {
            for server in 1..3 {
                running.tell(server, answer(server)).await;
            }
            running.tell(0, refused()).await;
        }
        assert_eq!(running.addresses("db-write"), expected, "when it is silent, denied: {denied}");
        for _ in 0..3 {
            running.round().await;
        }
        assert_eq!(running.addresses("db-write"), ["127.27.1.1"], "when it is writable again");
    }
}

#[test]
fn moments_begin_with_the_oldest_position_that_is_remembered() {
    let now = clock::unix_millis();
    let mut image = image(&[], vec![drain("db2", now - 60_000, None)]);
    let cluster = image.clusters.get_mut("orders").and_then(Arc::get_mut).expect("just made");
    let seen =
        [3_600_000, 1_000].map(|age| PositionImage { segment: 0, offset: 1, seen_ms: now - age });
    cluster.reach = vec![ReachImage { stream: StreamImage::Wal, seen: seen.into() }];
    let past = Past { image: Some(image), ..Past::default() };
    let (least, most) = (Duration::from_secs(3_600), Duration::from_secs(3_660));
    assert!((least..most).contains(&past.age()), "{:?}", past.age());
}
