//! The drain report: what was found on a server, in groups.

use std::collections::BTreeMap;

use super::{
    server::{Server, SessionList},
    session::{Session, SessionKind, Spared},
};
use crate::{
    config::{KickConfig, KickMode},
    report::{KickForecast, SessionGroup, SessionReport},
    wall_time::WallTime,
};

/// By user, database and address.
type Place<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

#[derive(Default)]
struct Group<'a> {
    sessions: u64,
    states: BTreeMap<&'a str, u64>,
    oldest: Option<u64>,
    would_end: u64,
    /// The weightiest reason.
    spared: Option<Spared>,
}

/// What was found on `server` at `at`.
pub fn report(server: &Server, look: &SessionList, at: WallTime) -> SessionReport {
    let kick = server.kick();
    let fault = look.fault.as_ref();
    let groups = groups(&look.sessions, kick, fault.is_some());
    let count = |kind| {
        let of_kind = look.sessions.iter().filter(|session| session.kind == kind);
        u64::try_from(of_kind.count()).unwrap_or(u64::MAX)
    };
    SessionReport {
        cluster: server.cluster.clone(),
        server: server.name.clone(),
        at,
        clients: count(SessionKind::Client),
        oldest_seconds: groups.iter().filter_map(|group| group.oldest_seconds).max(),
        replication: count(SessionKind::Replication),
        own: count(SessionKind::Own),
        kick: KickForecast {
            mode: kick.map_or(KickMode::Off, |kick| kick.mode).name(),
            would_end: groups.iter().map(|group| group.would_end).sum(),
            fault: fault.map(ToString::to_string),
        },
        groups,
    }
}

/// The clients' sessions in groups, those with the most first.
fn groups(sessions: &[Session], kick: Option<&KickConfig>, is_kept: bool) -> Vec<SessionGroup> {
    let mut groups: BTreeMap<Place<'_>, Group<'_>> = BTreeMap::new();
    for session in sessions.iter().filter(|session| session.kind == SessionKind::Client) {
        let place = (&*session.user, session.database.as_deref(), session.address.as_deref());
        let group = groups.entry(place).or_default();
        group.sessions += 1;
        *group.states.entry(&session.state).or_default() += 1;
        group.oldest = group.oldest.max(session.age);
        match kick.map(|kick| session.fate(kick)) {
            Some(Ok(())) if !is_kept => group.would_end += 1,
            Some(Err(spared)) if !(is_kept && spared == Spared::Privileged) => {
                group.spared = group.spared.max(Some(spared));
            }
            _ => {}
        }
    }
    let told = |((user, database, address), group): (Place<'_>, Group<'_>)| {
        let Group { sessions, states, oldest, would_end, spared } = group;
        let states = states.into_iter().map(|(state, sessions)| (state.into(), sessions));
        SessionGroup {
            user: user.into(),
            database: database.map(Box::from),
            address: address.map(Box::from),
            sessions,
            states: states.collect(),
            oldest_seconds: oldest,
            would_end,
            spared: spared.map(|spared| spared.to_string()),
        }
    };
    let mut groups: Vec<_> = groups.into_iter().map(told).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.sessions));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(user: &str, state: &str, age: u64) -> Session {
        Session {
            id: age,
            born: 0,
            kind: SessionKind::Client,
            user: user.into(),
            database: Some("shop".into()),
            address: Some("10.0.0.9".into()),
            state: state.into(),
            age: Some(age),
            is_privileged: false,
            may_end: true,
        }
    }

    fn found() -> Vec<Session> {
        let replica =
            Session { kind: SessionKind::Replication, ..session("repl", "active", 1_000) };
        let root = Session { is_privileged: true, ..session("app2", "idle", 5) };
        vec![
            root,
            session("app", "idle", 7),
            session("app", "active", 90),
            session("ops", "idle", 3),
            replica,
            session("app", "idle", 8),
        ]
    }

    fn kick() -> KickConfig {
        KickConfig {
            mode: KickMode::On,
            users: vec!["app".into(), "app2".into()],
            databases: Vec::new(),
            login: None,
        }
    }

    #[test]
    fn clients_are_counted_by_place_and_the_largest_group_is_first() {
        let groups = groups(&found(), Some(&kick()), false);
        let told: Vec<_> = groups
            .iter()
            .map(|group| (&*group.user, group.sessions, group.would_end, group.spared.as_deref()))
            .collect();
        let rights = Some("the user has special rights");
        assert_eq!(
            told,
            [("app", 3, 3, None), ("app2", 1, 0, rights), ("ops", 1, 0, Some("not of `users`"))]
        );
        assert_eq!(groups[0].oldest_seconds, Some(90));
        let states: Vec<_> =
            groups[0].states.iter().map(|(state, sessions)| (&**state, *sessions)).collect();
        assert_eq!(states, [("active", 1), ("idle", 2)]);
    }

    #[test]
    fn without_a_kick_or_with_a_fault_none_would_be_ended() {
        for (kick, is_kept) in [(None, false), (Some(kick()), true)] {
            let groups = groups(&found(), kick.as_ref(), is_kept);
            assert!(groups.iter().all(|group| group.would_end == 0));
            assert_eq!(groups.iter().map(|group| group.sessions).sum::<u64>(), 5);
        }
    }
}
