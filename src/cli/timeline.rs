//! What has happened as a table, the newest at the bottom: rows may follow one by one.

use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};

use super::screen::{Screen, Table, Tone};
use crate::api::{EventEntry, EventKind, Severity};

/// The table and what its columns have come to.
#[derive(Debug)]
pub struct Timeline {
    screen: Screen,
    zone: TimeZone,
    /// Whether the clusters are told apart.
    with_cluster: bool,
    /// Columns do not get narrower when rows follow.
    widths: Vec<usize>,
}

impl Timeline {
    /// Times are those of `zone`. Clusters have a column unless only one is asked for.
    pub fn new(screen: Screen, zone: TimeZone, with_cluster: bool) -> Self {
        Self { screen, zone, with_cluster, widths: vec![0; COLUMNS] }
    }

    /// The heading and the first rows.
    pub fn begin(&mut self, entries: &[EventEntry]) -> String {
        let mut table = match self.with_cluster {
            true => Table::new(&["TIME", "CLUSTER", "ABOUT", "CHANGE"]),
            false => Table::new(&["TIME", "ABOUT", "CHANGE"]),
        };
        for entry in entries {
            self.add(&mut table, entry);
        }
        self.laid_out(&table)
    }

    /// One more row.
    pub fn row(&mut self, entry: &EventEntry) -> String {
        let mut table = Table::default();
        self.add(&mut table, entry);
        self.laid_out(&table)
    }

    fn laid_out(&mut self, table: &Table) -> String {
        for (width, new) in self.widths.iter_mut().zip(table.widths()) {
            *width = new.max(*width);
        }
        table.text_within(&self.widths, &self.screen)
    }

    fn add(&self, table: &mut Table, entry: &EventEntry) {
        let time = (Tone::Dim, local(&entry.at, &self.zone));
        let about = entry.server.as_deref().or(entry.name.as_deref()).unwrap_or("-");
        let about = (Tone::Bold, about.trim_end_matches('.').to_owned());
        let change = (tone(entry.severity), change(entry));
        match self.with_cluster {
            true => {
                let cluster = entry.cluster.clone().unwrap_or_else(|| "-".to_owned());
                table.row([time, (Tone::Plain, cluster), about, change]);
            }
            false => table.row([time, about, change]),
        }
    }
}

/// `Replica → Down: connection refused`
fn change(entry: &EventEntry) -> String {
    let EventEntry { kind, from, to, from_servers, to_servers, reason, detail, .. } = entry;
    let from = side(from.as_deref(), from_servers.as_deref());
    let to = side(to.as_deref(), to_servers.as_deref());
    let turn = match (from, to) {
        // What an operator lays is told by its reason.
        _ if *kind == EventKind::Override => String::new(),
        (None, None) => String::new(),
        (from, to) if from == to => format!("{} unchanged: ", or_none(to)),
        (None, Some(to)) if from_servers.is_none() => format!("{to}: "),
        (from, to) => format!("{} → {}: ", or_none(from), or_none(to)),
    };
    let mut text = turn + reason;
    if !detail.is_empty() {
        text += &format!(" ({detail})");
    }
    text
}

/// A state, or servers with commas between; `None` for nothing.
fn side(text: Option<&str>, servers: Option<&[String]>) -> Option<String> {
    let said = match servers {
        Some(servers) => servers.join(", "),
        // Of a service that tells no lists.
        None => text.unwrap_or_default().replace(',', ", "),
    };
    (!said.is_empty()).then_some(said)
}

fn or_none(side: Option<String>) -> String {
    side.unwrap_or_else(|| "none".to_owned())
}

/// A time (RFC 3339) in `zone` to the second, `2026-11-21 07:00:00+01`; as it is if it is none.
pub fn local(at: &str, zone: &TimeZone) -> String {
    let Ok(time) = at.parse::<Timestamp>() else { return at.to_owned() };
    let time = time.to_zoned(zone.clone());
    format!("{}{}", time.strftime("%F %T"), offset(time.offset()))
}

/// `Z`, `+01` or `+05:30`.
fn offset(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let sign = if minutes < 0 { '-' } else { '+' };
    match (minutes, rest) {
        (0, _) => "Z".to_owned(),
        (_, 0) => format!("{sign}{hours:02}"),
        _ => format!("{sign}{hours:02}:{rest:02}"),
    }
}

/// Of a list of what has been most ended well; the others stand out.
fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Ok | Severity::Wanted => Tone::Plain,
        Severity::Degraded => Tone::Doubtful,
        Severity::Outage => Tone::Bad,
    }
}

/// Columns of the wider table.
const COLUMNS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Screen = Screen { width: None, colour: false, now: 0 };

    fn entry(more: serde_json::Value) -> EventEntry {
        let mut entry = serde_json::json!({
            "id": 1, "at": "2026-11-21T06:00:00.250Z", "kind": "server_state", "cluster": "orders",
            "server": "db2", "name": null, "from": "Replica", "to": "Down", "severity": "outage",
            "reason": "refused", "detail": "",
        });
        let (serde_json::Value::Object(entry), serde_json::Value::Object(more)) =
            (&mut entry, more)
        else {
            panic!("objects")
        };
        entry.extend(more);
        serde_json::from_value(entry.clone().into()).expect("an event")
    }

    fn read_name() -> EventEntry {
        entry(serde_json::json!({
            "kind": "read_changed", "server": null, "name": "read.db.internal.", "severity": "ok",
            "from": "db2,db3", "to": "db1,db3", "from_servers": ["db2", "db3"],
            "to_servers": ["db1", "db3"], "reason": "so", "detail": "",
        }))
    }

    #[test]
    fn rows_stand_below_their_headings() {
        let entries = [entry(serde_json::json!({})), read_name()];
        let mut timeline = Timeline::new(WIDE, TimeZone::UTC, true);
        assert_eq!(
            timeline.begin(&entries),
            "  TIME                  CLUSTER  ABOUT             CHANGE\n\
             \x20 2026-11-21 06:00:00Z  orders   db2               Replica → Down: refused\n\
             \x20 2026-11-21 06:00:00Z  orders   read.db.internal  db2, db3 → db1, db3: so\n"
        );
        assert_eq!(
            timeline.row(&entry(serde_json::json!({"detail": "111"}))),
            "  2026-11-21 06:00:00Z  orders   db2               Replica → Down: refused (111)\n"
        );
        let mut timeline = Timeline::new(WIDE, TimeZone::UTC, false);
        let text = timeline.begin(&entries[..1]);
        assert!(text.contains("00Z  db2    Replica → Down") && !text.contains("orders"), "{text}");
    }

    #[test]
    fn rows_fit_a_terminal_and_are_coloured_there() {
        let long = "connection refused ".repeat(8);
        let entries = [entry(serde_json::json!({ "reason": long.trim() })), read_name()];
        let screen = Screen { width: Some(80), ..WIDE };
        let text = Timeline::new(screen, TimeZone::UTC, true).begin(&entries);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains("connectio\n"), "{text}");
        let screen = Screen { colour: true, ..screen };
        let text = Timeline::new(screen, TimeZone::UTC, true).begin(&entries);
        assert!(text.contains("\u{1b}[31mReplica → Down"), "{text}");
    }

    #[test]
    fn what_came_first_what_is_the_same_and_what_is_gone() {
        let told = |more: serde_json::Value| change(&entry(more));
        assert_eq!(told(serde_json::json!({"from": null})), "Down: refused");
        assert_eq!(told(serde_json::json!({"from": "Down"})), "Down unchanged: refused");
        let name = serde_json::json!({
            "kind": "write_changed", "from": null, "to": "db1", "from_servers": [],
            "to_servers": ["db1"],
        });
        assert_eq!(told(name), "none → db1: refused");
        let gone = serde_json::json!({"kind": "no_writer", "from": "db1", "to": null});
        assert_eq!(told(gone), "db1 → none: refused");
        let older = serde_json::json!({"kind": "read_changed", "from": "db1,db2", "to": "db1"});
        assert_eq!(told(older), "db1, db2 → db1: refused");
        let drain = serde_json::json!({
            "kind": "override", "from": null, "to": "drain", "reason": "drain created by ann@desk",
            "detail": "kernel",
        });
        assert_eq!(told(drain), "drain created by ann@desk (kernel)");
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let at = "2026-11-21T06:00:00.250Z";
        for (seconds, expected) in [
            (0, "2026-11-21 06:00:00Z"),
            (3_600, "2026-11-21 07:00:00+01"),
            (-12_600, "2026-11-21 02:30:00-03:30"),
        ] {
            let zone = TimeZone::fixed(Offset::from_seconds(seconds).expect("an offset"));
            assert_eq!(local(at, &zone), expected);
        }
        assert_eq!(local("never", &TimeZone::UTC), "never");
    }
}
