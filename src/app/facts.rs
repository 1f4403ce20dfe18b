//! What a server said in one probe, in the words of its own documentation.
//!
//! A fact that the probe's user may not see is told as such; a fact that the server does not have is
//! left out.

use std::{fmt, time::Duration};

use crate::{
    engine::{
        Channel, Facts, Flavour, Group, GroupRole, GtidState, IoThread, MySqlFacts, PostgresFacts,
        PostgresRole, Receiver, Writability,
    },
    report::Fact,
};

/// The facts, in the order in which an operator asks for them.
pub fn facts(facts: &Facts) -> Vec<Fact> {
    let mut list = List(Vec::new());
    match facts {
        Facts::Postgres(facts) => postgres(facts, &mut list),
        Facts::MySql(facts) => mysql(facts, &mut list),
        Facts::Tcp => list.add("accepts connections", "yes"),
    }
    list.0
}

struct List(Vec<Fact>);

impl List {
    fn add(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        let value = value.to_string().chars().take(VALUE_CHARS).collect();
        self.0.push(Fact { name: name.into(), value });
    }

    /// What is not there because the right to see it is missing, or for want of anything to see.
    fn add_or(&mut self, name: &str, value: Option<impl fmt::Display>, otherwise: &str) {
        match value {
            Some(value) => self.add(name, value),
            None => self.add(name, otherwise),
        }
    }
}

fn postgres(facts: &PostgresFacts, list: &mut List) {
    match &facts.role {
        PostgresRole::Primary { read_only, timeline, position } => {
            list.add("pg_is_in_recovery", "no");
            list.add("transaction_read_only", on_off(*read_only));
            list.add("pg_current_wal_lsn", position);
            list.add("timeline", timeline);
        }
        PostgresRole::Standby {
            receiver,
            timeline,
            received,
            replayed,
            replay_age,
            paused,
            apply_delay,
            sender,
            heard: _,
            recovery_timeline,
        } => {
            list.add("pg_is_in_recovery", "yes");
            list.add("wal receiver", receiver_words(*receiver));
            let sender = sender.as_ref().map(|from| format!("{}:{}", from.host, from.port));
            list.add_or("sender", sender, "not shown");
            list.add_or("pg_last_wal_receive_lsn", *received, "none: nothing was streamed");
            list.add_or("pg_last_wal_replay_lsn", *replayed, "none");
            let age = replay_age.map(|age| format!("{} ago", seconds(age)));
            list.add_or("last replayed commit", age, "none");
            list.add("pg_is_wal_replay_paused", yes_no(*paused));
            list.add("recovery_min_apply_delay", seconds(*apply_delay));
            list.add_or("timeline", *timeline, "not known");
            list.add_or("timeline by the control file", *recovery_timeline, "none yet");
        }
    }
    list.add("system_identifier", facts.system_identifier);
    list.add_or("client sessions", facts.sessions, HIDDEN);
}

fn mysql(facts: &MySqlFacts, list: &mut List) {
    let family = match facts.flavour {
        Flavour::MySql => "MySQL",
        Flavour::MariaDb => "MariaDB",
    };
    list.add("family", family);
    list.add("writes", writability(facts.writability));
    match &facts.channels {
        None => list.add("replication", HIDDEN),
        Some(channels) if channels.is_empty() => list.add("replication", "none: it has no source"),
        Some(channels) => channels.iter().for_each(|one| channel(one, list)),
    }
    if facts.gtid != GtidState::Unknown {
        list.add("gtid", &facts.gtid);
    }
    if let Some(position) = facts.position {
        list.add("binary log position", position);
    }
    match &facts.group {
        Some(Group::Replication(member)) => {
            let role = match member.role {
                GroupRole::Primary => "PRIMARY",
                GroupRole::Secondary => "SECONDARY",
            };
            list.add("group member", if member.online { "ONLINE" } else { "not ONLINE" });
            list.add("MEMBER_ROLE", role);
            list.add("majority of the group", yes_no(member.majority));
            list.add("transactions to be applied", member.queue);
            list.add_or("group_replication_group_name", member.group_name.as_ref(), "not told");
            members(&member.members, list);
        }
        Some(Group::Galera(node)) => {
            list.add("wsrep_ready", on_off(node.ready));
            list.add(
                "wsrep_cluster_status",
                match node.primary_component {
                    true => "Primary",
                    false => "not Primary",
                },
            );
            list.add("wsrep_local_state", node.local_state);
            list.add("wsrep_local_recv_queue", node.receive_queue);
            list.add("keeps clients away", yes_no(node.refuses_clients));
            members(&node.members, list);
        }
        None => {}
    }
    if let Some(uuid) = &facts.identity.uuid {
        list.add("server_uuid", uuid);
    }
    list.add("server_id", facts.identity.server_id);
    list.add_or("client sessions", facts.sessions, HIDDEN);
}

/// The members of a group as one of them sees it.
fn members(names: &[Box<str>], list: &mut List) {
    match names {
        [] => list.add("members in its view", "not told"),
        names => {
            list.add("members in its view", format_args!("{}: {}", names.len(), names.join(", ")))
        }
    }
}

/// One replication channel; several are told apart by their names.
fn channel(channel: &Channel, list: &mut List) {
    let name = |what: &str| match &*channel.name {
        "" => what.to_owned(),
        name => format!("{what} of {name}"),
    };
    let from = &channel.source.endpoint;
    list.add(name("source"), format_args!("{}:{}", from.host, from.port));
    list.add(
        name("receiver thread"),
        match channel.io {
            IoThread::Running => "runs",
            IoThread::Connecting => "is connecting",
            IoThread::Stopped => "stopped",
        },
    );
    let applier = match (channel.sql_running, channel.sql_errno) {
        (true, _) => "runs".to_owned(),
        (false, 0) => "stopped".to_owned(),
        (false, number) => format!("stopped by error {number}"),
    };
    list.add(name("applier thread"), applier);
    let behind = channel.seconds_behind.map(|seconds| format!("{seconds} s"));
    list.add_or(&name("seconds behind source"), behind, "NULL: a thread does not run");
    if let Some(received) = channel.received {
        list.add(name("received"), received);
    }
    if let Some(applied) = channel.applied {
        list.add(name("applied"), applied);
    }
    if !channel.delay.is_zero() {
        list.add(name("delay on purpose"), seconds(channel.delay));
    }
}

fn receiver_words(receiver: Receiver) -> &'static str {
    match receiver {
        Receiver::Streaming => "streaming",
        Receiver::Hidden => "there; its status is hidden from the probe's user",
        Receiver::NotStreaming => "there, and not streaming",
        Receiver::Absent => "absent",
    }
}

fn writability(writability: Writability) -> &'static str {
    match writability {
        Writability::Writable => "allowed: read_only is off",
        Writability::ReadOnly => "forbidden: read_only is on",
        Writability::SuperReadOnly => "forbidden: super_read_only is on",
        Writability::InnodbReadOnly => "forbidden: innodb_read_only is on",
        Writability::OfflineMode => "forbidden: offline_mode is on",
    }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn seconds(span: Duration) -> String {
    format!("{}.{:03} s", span.as_secs(), span.subsec_millis())
}

/// What the probe's user has no right to see.
const HIDDEN: &str = "hidden: the probe's user lacks the right (`pointsman grants`)";

/// A GTID set can be long.
const VALUE_CHARS: usize = 1_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::facts;
    use crate::engine::{
        Endpoint, Facts, Heartbeat, Position, PostgresFacts, PostgresRole, Receiver,
    };

    #[test]
    fn a_standby_tells_its_source_and_how_far_it_has_come() {
        let role = PostgresRole::Standby {
            receiver: Receiver::Streaming,
            timeline: Some(3),
            recovery_timeline: Some(2),
            received: Position::parse_lsn("16/B374D848"),
            heard: None,
            replayed: Position::parse_lsn("16/B374D000"),
            replay_age: Some(Duration::from_millis(1_250)),
            paused: true,
            apply_delay: Duration::ZERO,
            sender: Some(Endpoint { host: "db1".into(), port: 5432 }),
        };
        let (system_identifier, heartbeat) = (7, Heartbeat::NotTried);
        let said = PostgresFacts { system_identifier, role, sessions: None, heartbeat };
        let told = facts(&Facts::Postgres(said));
        let told: Vec<_> = told.iter().map(|fact| (&*fact.name, &*fact.value)).collect();
        for expected in [
            ("pg_is_in_recovery", "yes"),
            ("wal receiver", "streaming"),
            ("sender", "db1:5432"),
            ("pg_last_wal_receive_lsn", "16/B374D848"),
            ("pg_last_wal_replay_lsn", "16/B374D000"),
            ("last replayed commit", "1.250 s ago"),
            ("pg_is_wal_replay_paused", "yes"),
            ("timeline", "3"),
            ("timeline by the control file", "2"),
        ] {
            assert!(told.contains(&expected), "{expected:?} in {told:?}");
        }
        assert!(told.iter().any(|(name, value)| {
            *name == "client sessions" && value.contains("pointsman grants")
        }));
    }
}
