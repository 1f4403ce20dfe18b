//! How servers, answers and decisions are told.

use std::{fmt, net::IpAddr};

use hickory_proto::op::ResponseCode;

use super::{
    resolver::Answer,
    settings::{HOSTS, READ_NAME, WRITE_NAME},
};
use crate::engine::{Event, ServerIndex, ServerState};

/// What both names say.
#[derive(Clone, Debug)]
pub struct Scenery {
    /// The write name.
    pub write: Answer,
    /// The read name.
    pub read: Answer,
}

impl Scenery {
    /// Both names with what they say, the write name first.
    pub fn names(&self) -> [(&'static str, &Answer); 2] {
        [(WRITE_NAME, &self.write), (READ_NAME, &self.read)]
    }
}

/// Both names with what they say.
impl fmt::Display for Scenery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [write, read] = self.names().map(|(name, answer)| told(name, answer));
        write!(f, "{write}; {read}")
    }
}

/// `read.db.internal: db1 (127.0.10.1), EDE "demo: too few replicas, so the primary helps out"`
pub fn told(name: &str, answer: &Answer) -> String {
    let mut said: Vec<String> = answer.addresses.iter().map(|address| placed(*address)).collect();
    match answer.code {
        ResponseCode::NoError if said.is_empty() => said.push("no address".to_owned()),
        ResponseCode::NoError => {}
        code => said.push(code.to_string()),
    }
    if let Some(note) = &answer.note {
        said.push(format!("EDE \"{note}\""));
    }
    format!("{}: {}", without_root(name), said.join(", "))
}

/// `write.db.internal -> db2 (127.0.10.2): it is the one writable primary`
pub fn decision(
    name: &str,
    from: &[ServerIndex],
    to: &[ServerIndex],
    reason: &dyn fmt::Display,
) -> String {
    let arrow = if from == to { "stays" } else { "->" };
    let servers: Vec<_> = to.iter().map(|server| with_address(*server)).collect();
    let servers = if servers.is_empty() { "none".to_owned() } else { servers.join(", ") };
    format!("{} {arrow} {servers}: {reason}", without_root(name))
}

/// The last of `events` about each subject, in the order in which they came: what has come of them.
pub fn last_of_each(events: Vec<Event>) -> Vec<Event> {
    let mut last: Vec<Event> = Vec::new();
    for event in events {
        last.retain(|earlier| !is_about_the_same(earlier, &event));
        last.push(event);
    }
    // The writer first, for the others are seen in its light.
    last.sort_by_key(|event| !is_primary(event));
    last
}

fn is_primary(event: &Event) -> bool {
    matches!(event, Event::State { to: ServerState::Primary, .. })
}

fn is_about_the_same(one: &Event, other: &Event) -> bool {
    match (one, other) {
        (Event::State { server: one, .. }, Event::State { server: other, .. }) => one == other,
        (Event::Write { .. }, Event::Write { .. }) | (Event::Read { .. }, Event::Read { .. }) => {
            true
        }
        _ => false,
    }
}

/// A server as the configuration calls it.
pub fn name(server: ServerIndex) -> String {
    format!("db{}", server.place() + 1)
}

/// A name as people write it.
pub fn without_root(name: &str) -> &str {
    name.trim_end_matches('.')
}

/// `db2 (127.0.10.2)`; the name alone of a server that somebody has added.
fn with_address(server: ServerIndex) -> String {
    match HOSTS.get(server.place()) {
        Some(address) => format!("{} ({address})", name(server)),
        None => name(server),
    }
}

/// The same of the server with this address; the address alone where it is nobody's.
fn placed(address: IpAddr) -> String {
    match HOSTS.iter().position(|host| *host == address) {
        Some(index) => with_address(ServerIndex::new(index)),
        None => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ClusterId, ReadReason};

    const DB1: ServerIndex = ServerIndex::new(0);
    const DB2: ServerIndex = ServerIndex::new(1);
    const DB3: ServerIndex = ServerIndex::new(2);

    #[test]
    fn answers_are_told_with_their_reasons() {
        let scenery = Scenery {
            write: Answer::of(&[], Some("demo: no address")),
            read: Answer::of(&[DB2, DB3], None),
        };
        assert_eq!(
            scenery.to_string(),
            "write.db.internal: no address, EDE \"demo: no address\"; \
             read.db.internal: db2 (127.0.10.2), db3 (127.0.10.3)"
        );
        let elsewhere = Answer {
            addresses: ["10.0.0.9".parse().expect("an address")].into(),
            ..Answer::of(&[], None)
        };
        assert_eq!(told(READ_NAME, &elsewhere), "read.db.internal: 10.0.0.9");
    }

    #[test]
    fn decisions_are_told_with_their_reasons() {
        assert_eq!(
            decision(WRITE_NAME, &[DB1], &[DB2], &"a reason"),
            "write.db.internal -> db2 (127.0.10.2): a reason"
        );
        let added = [DB2, ServerIndex::new(3)];
        assert_eq!(
            decision(READ_NAME, &added, &added, &"why"),
            "read.db.internal stays db2 (127.0.10.2), db4: why"
        );
        assert_eq!(decision(READ_NAME, &[], &[], &"why"), "read.db.internal stays none: why");
    }

    #[test]
    fn of_a_beginning_only_what_came_of_it_is_told() {
        let read = |to: &[ServerIndex]| Event::Read {
            cluster: ClusterId(0),
            name: 0,
            from: Vec::new(),
            to: to.to_vec(),
            reason: ReadReason::NotReady,
        };
        let events = vec![read(&[DB2]), Event::Isolated, read(&[DB2, DB3])];
        assert_eq!(last_of_each(events), [Event::Isolated, read(&[DB2, DB3])]);
    }
}
