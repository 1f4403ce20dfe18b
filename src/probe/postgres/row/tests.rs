//! Rows as servers send them, and rows that no server should send.

use std::time::Duration;

use super::{COLUMNS, facts, setting};
use crate::engine::{
    Endpoint, Failure, FailureKind, Heartbeat, Position, PostgresFacts, PostgresRole, Receiver,
};

type Texts = Vec<(&'static str, Option<&'static str>)>;

fn with(mut row: Texts, name: &str, text: Option<&'static str>) -> Texts {
    let column = row.iter_mut().find(|(column, _)| *column == name);
    column.expect("a known column").1 = text;
    row
}

fn row_of(texts: [Option<&'static str>; 18]) -> Texts {
    COLUMNS.into_iter().zip(texts).collect()
}

fn primary_row() -> Texts {
    row_of([
        Some("7319245698132145678"),
        Some("f"),
        Some("f"),
        Some("0000000A"),
        Some("16/B374D848"),
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        Some("3"),
    ])
}

fn standby_row() -> Texts {
    row_of([
        Some("7319245698132145678"),
        Some("t"),
        None,
        None,
        None,
        Some("t"),
        Some("streaming"),
        Some("3"),
        Some("2"),
        Some("0/3000148"),
        Some("0/3000060"),
        Some("12.25"),
        Some("f"),
        Some("5min"),
        Some("10.0.0.1"),
        Some("5432"),
        Some("1763719100250000"),
        None,
    ])
}

fn standby_of(row: &Texts) -> (Receiver, Option<u32>, Option<Endpoint>) {
    match facts(row).expect("a standby").role {
        PostgresRole::Standby { receiver, timeline, sender, .. } => (receiver, timeline, sender),
        PostgresRole::Primary { .. } => panic!("a standby became a primary"),
    }
}

fn garbled(row: &[(&str, Option<&str>)]) {
    match facts(row) {
        Err(Failure { kind: FailureKind::Garbled, .. }) => {}
        other => panic!("{row:?} became {other:?}"),
    }
}

#[test]
fn a_primary_is_read_whole() {
    assert_eq!(
        facts(&primary_row()),
        Ok(PostgresFacts {
            system_identifier: 7_319_245_698_132_145_678,
            role: PostgresRole::Primary {
                read_only: false,
                timeline: 10,
                position: Position::lsn(0x16_B374_D848),
            },
            sessions: Some(3),
            heartbeat: Heartbeat::NotTried,
        })
    );
}

#[test]
fn a_standby_is_read_whole() {
    assert_eq!(
        facts(&standby_row()),
        Ok(PostgresFacts {
            system_identifier: 7_319_245_698_132_145_678,
            role: PostgresRole::Standby {
                receiver: Receiver::Streaming,
                timeline: Some(3),
                recovery_timeline: Some(2),
                received: Some(Position::lsn(0x300_0148)),
                heard: Some(1_763_719_100_250_000),
                replayed: Some(Position::lsn(0x300_0060)),
                replay_age: Some(Duration::from_millis(12_250)),
                paused: false,
                apply_delay: Duration::from_secs(300),
                sender: Some(Endpoint { host: "10.0.0.1".into(), port: 5432 }),
            },
            sessions: None,
            heartbeat: Heartbeat::NotTried,
        })
    );
}

#[test]
fn an_identifier_above_the_signed_range_is_printed_negative() {
    let row = with(primary_row(), "system_identifier", Some("-2"));
    assert_eq!(facts(&row).map(|facts| facts.system_identifier), Ok(u64::MAX - 1));
}

fn recovery_timeline(row: &[(&str, Option<&str>)]) -> Option<u32> {
    match facts(row).expect("a whole row").role {
        PostgresRole::Standby { recovery_timeline, .. } => recovery_timeline,
        other @ PostgresRole::Primary { .. } => panic!("{other:?}"),
    }
}

#[test]
fn a_standby_without_rights_is_attached_and_keeps_its_control_files_timeline() {
    let mut row = standby_row();
    for hidden in ["receiver_status", "received_timeline", "sender_host", "sender_port", "heard"] {
        row = with(row, hidden, None);
    }
    assert_eq!(standby_of(&row), (Receiver::Hidden, None, None));
    assert_eq!(recovery_timeline(&row), Some(2));
    let young = with(row, "recovery_timeline", Some("0"));
    assert_eq!(recovery_timeline(&young), None);
}

#[test]
fn receivers_that_do_not_stream() {
    let waiting = with(standby_row(), "receiver_status", Some("waiting"));
    assert_eq!(standby_of(&waiting).0, Receiver::NotStreaming);
    let mut absent = with(standby_row(), "receiver", Some("f"));
    absent = with(absent, "receiver_status", None);
    assert_eq!(standby_of(&absent).0, Receiver::Absent);
}

#[test]
fn a_standby_that_was_just_restarted_lacks_positions() {
    let mut row = standby_row();
    for unknown in ["receive_lsn", "replay_lsn", "replay_age"] {
        row = with(row, unknown, None);
    }
    assert!(facts(&row).is_ok());
    let skewed = with(standby_row(), "replay_age", Some("-0.5"));
    assert!(facts(&skewed).is_ok());
}

#[test]
fn rows_of_another_shape_are_garbled() {
    garbled(&[]);
    garbled(&primary_row()[..17]);
    let mut more = primary_row();
    more.push(("extra", Some("f")));
    garbled(&more);
    let mut swapped = primary_row();
    swapped.swap(0, 1);
    garbled(&swapped);
    let mut twice = primary_row();
    twice[2].0 = "in_recovery";
    garbled(&twice);
}

#[test]
fn each_text_that_a_primary_needs_must_be_there_and_make_sense() {
    for needed in ["system_identifier", "in_recovery", "read_only", "timeline", "wal_lsn"] {
        garbled(&with(primary_row(), needed, None));
        for odd in ["", " ", "off", "F", "false", "0x1", "-", "é", "99999999999999999999"] {
            garbled(&with(primary_row(), needed, Some(odd)));
        }
    }
    garbled(&with(primary_row(), "timeline", Some("00000000")));
    garbled(&with(primary_row(), "timeline", Some("+0000001")));
    garbled(&with(primary_row(), "sessions", Some("-1")));
}

#[test]
fn each_text_that_a_standby_needs_must_be_there_and_make_sense() {
    for needed in ["receiver", "paused", "apply_delay"] {
        garbled(&with(standby_row(), needed, None));
        garbled(&with(standby_row(), needed, Some("perhaps")));
    }
    for (column, odd) in [
        ("received_timeline", "-1"),
        ("recovery_timeline", "x"),
        ("receive_lsn", "0"),
        ("replay_lsn", "0/G"),
        ("replay_age", "NaN"),
        ("replay_age", "inf"),
        ("sender_port", "65536"),
        ("heard", "-1"),
    ] {
        garbled(&with(standby_row(), column, Some(odd)));
    }
}

#[test]
fn delays_come_in_every_unit() {
    for (text, delay) in [
        ("0", Some(Duration::ZERO)),
        ("250", Some(Duration::from_millis(250))),
        ("7us", Some(Duration::from_micros(7))),
        ("1500ms", Some(Duration::from_millis(1500))),
        ("30s", Some(Duration::from_secs(30))),
        ("5min", Some(Duration::from_secs(300))),
        ("2h", Some(Duration::from_secs(7200))),
        ("24d", Some(Duration::from_secs(24 * 86_400))),
        ("", None),
        ("min", None),
        ("-1", None),
        ("5 min", None),
        ("5weeks", None),
        ("99999999999999999999d", None),
        ("99999999999999999d", None),
    ] {
        assert_eq!(setting(text), delay, "{text:?}");
    }
}
