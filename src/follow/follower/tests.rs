//! Stories of one kind each.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use super::Follower;
use crate::{
    engine::ServerState,
    follow::{
        connection::{Connection, Owner},
        heard::{Answer, Heard, ServerWord},
        limits::{Limits, Spared},
        reason::{Action, CutReason, Rules},
    },
};

const WRITE: &str = "write.db.internal";
const READ: &str = "read.db.internal";
const GRACE: Duration = Duration::from_secs(5);

fn at(server: u8) -> SocketAddr {
    SocketAddr::new([10, 0, 0, server].into(), 5432)
}

/// The servers with their states, and which of them a name says.
fn told(says: &[u8], states: &[(u8, ServerState)]) -> Heard {
    let servers = states
        .iter()
        .map(|&(server, state)| (at(server), ServerWord { state, is_in: says.contains(&server) }));
    let said: BTreeSet<_> = says.iter().map(|server| at(*server)).collect();
    let answer = if said.is_empty() { Answer::Nobody } else { Answer::Servers(said) };
    Heard { answer, servers: servers.collect() }
}

fn failed() -> Heard {
    Heard { answer: Answer::Failed, servers: BTreeMap::new() }
}

fn connection(cookie: u64, server: u8) -> Connection {
    let owner = Owner { uid: 1_000, cgroup: None, process: None };
    let local = "10.0.0.9:40000".parse().unwrap();
    Connection { cookie, local, remote: at(server), owner }
}

/// A follower whose clock goes on by a tenth of a second with each answer.
struct Play {
    follower: Follower,
    now: Duration,
}

impl Play {
    fn new(rules: Rules, limits: Limits) -> Self {
        let names = [WRITE, READ].map(Into::into);
        let follower = Follower::new(names, rules, limits, GRACE, Duration::from_secs(3));
        Self { follower, now: Duration::from_secs(1) }
    }

    fn hear(&mut self, name: &str, heard: &Heard) -> bool {
        self.now += Duration::from_millis(100);
        self.follower.hear(self.now, name, heard.clone()).is_some()
    }

    fn twice(&mut self, name: &str, heard: &Heard) {
        assert!(!self.hear(name, heard), "one answer is none");
        assert!(self.hear(name, heard));
    }

    /// The cookies of those that are cut, and why others live on.
    fn judge(&mut self, connections: &[Connection]) -> (Vec<u64>, Vec<Spared>) {
        let (mut cut, mut spared) = (Vec::new(), Vec::new());
        for verdict in self.follower.judge(self.now, connections) {
            match verdict.fate {
                Ok(()) => cut.push(connections[verdict.place].cookie),
                Err(why) => spared.push(why),
            }
        }
        (cut, spared)
    }
}

use ServerState::{Down, Primary, Replica, StalePrimary, Unknown};

#[test]
fn a_frozen_server_is_left_once_another_is_published() {
    let mut play = Play::new(Rules::default(), Limits::default());
    let all = [connection(1, 1), connection(2, 2), connection(3, 3)];
    play.hear(WRITE, &told(&[1], &[(1, Primary), (2, Replica)]));
    assert_eq!(play.judge(&all), (vec![], vec![]));
    play.hear(WRITE, &told(&[1], &[(1, Down), (2, Replica)]));
    assert_eq!(play.judge(&all), (vec![], vec![Spared::Rule]), "nobody has the name yet");
    play.twice(WRITE, &told(&[2], &[(1, Down), (2, Primary)]));
    assert_eq!(play.judge(&all), (vec![1], vec![]));
}

#[test]
fn each_state_has_its_rule() {
    for (state, is_cut, is_cut_later) in [
        (Down, true, true),
        (StalePrimary, true, true),
        (Primary, true, true),
        (Replica, false, true),
        (ServerState::OutOfService, false, true),
        (Unknown, false, false),
    ] {
        let mut play = Play::new(Rules::default(), Limits::default());
        let all = [connection(1, 1)];
        play.hear(WRITE, &told(&[1], &[(1, Primary), (2, Replica)]));
        let moved = told(&[2], &[(1, state), (2, Primary)]);
        play.twice(WRITE, &moved);
        assert_eq!(!play.judge(&all).0.is_empty(), is_cut, "{state}");
        play.now += GRACE;
        play.hear(WRITE, &moved);
        assert_eq!(!play.judge(&all).0.is_empty(), is_cut_later, "{state}");
    }
    let rules = Rules::default().with(CutReason::Down, Action::Leave);
    assert_eq!(rules.action(CutReason::Down), Action::Leave);
}

#[test]
fn nothing_is_cut_without_sight() {
    let mut play = Play::new(Rules::default(), Limits::default());
    let all = [connection(1, 1)];
    let before = told(&[1], &[(1, Primary), (2, Replica)]);
    let after = told(&[2], &[(1, Replica), (2, Primary)]);
    play.hear(WRITE, &before);
    for _ in 0..5 {
        play.hear(WRITE, &failed());
        play.hear(WRITE, &told(&[], &[(1, Down), (2, Replica)]));
        assert_eq!(play.judge(&all).0, [] as [u64; 0]);
    }
    play.twice(WRITE, &after);
    assert_eq!(play.judge(&all), (vec![], vec![Spared::Grace]));
    play.now += GRACE;
    assert_eq!(play.judge(&all), (vec![], vec![Spared::Unsure]), "the answer is old");
    play.hear(WRITE, &failed());
    assert_eq!(play.judge(&all), (vec![], vec![Spared::Unsure]));
    play.hear(WRITE, &after);
    assert_eq!(play.judge(&all), (vec![1], vec![]), "in sight again");
}

#[test]
fn two_instances_that_disagree_cut_nothing() {
    let mut play = Play::new(Rules::default(), Limits::default());
    let all = [connection(1, 1), connection(2, 2)];
    let one = told(&[1], &[(1, Primary), (2, StalePrimary)]);
    let other = told(&[2], &[(1, StalePrimary), (2, Primary)]);
    play.hear(WRITE, &one);
    for _ in 0..50 {
        for heard in [&other, &one] {
            play.hear(WRITE, heard);
            assert_eq!(play.judge(&all).0, [] as [u64; 0]);
        }
    }
    // One that leads back must last.
    play.hear(WRITE, &other);
    play.hear(WRITE, &other);
    assert_eq!(play.judge(&all).0, [1]);
    for _ in 0..100 {
        play.hear(WRITE, &one);
        assert_eq!(play.judge(&all).0, [] as [u64; 0]);
    }
    play.hear(WRITE, &one);
    assert_eq!(play.judge(&all).0, [2]);
}

#[test]
fn an_old_primary_that_serves_reads_keeps_its_readers() {
    let mut play = Play::new(Rules::default(), Limits::default());
    let states = [(1, Primary), (2, Replica)];
    play.hear(WRITE, &told(&[1], &states));
    play.hear(READ, &told(&[2], &states));
    let writer = connection(1, 1);
    // It becomes a replica, and then serves reads: whose connection it was is known by then.
    let states = [(1, Replica), (2, Primary)];
    play.hear(WRITE, &told(&[], &states));
    play.judge(std::slice::from_ref(&writer));
    play.hear(READ, &told(&[1], &states));
    play.hear(READ, &told(&[1], &states));
    play.twice(WRITE, &told(&[2], &states));
    play.now += GRACE;
    play.hear(WRITE, &told(&[2], &states));
    play.hear(READ, &told(&[1], &states));
    let all = [writer, connection(2, 1)];
    assert_eq!(play.judge(&all), (vec![1], vec![Spared::OtherName]));
}

#[test]
fn a_part_of_a_read_name_is_no_change() {
    let mut play = Play::new(Rules::default(), Limits::default());
    let whole = told(&[1, 2, 3], &[(1, Replica), (2, Replica), (3, Replica)]);
    let part = |server| Heard { answer: Answer::Servers([at(server)].into()), ..whole.clone() };
    let all = [connection(1, 1), connection(2, 2), connection(3, 3)];
    for server in [1, 2, 3, 3, 3, 2, 2, 1] {
        assert!(!play.hear(READ, &part(server)));
        assert_eq!(play.judge(&all), (vec![], vec![]));
    }
    // A text that contradicts the answer is waited out.
    let odd = Heard { answer: Answer::Servers([at(9)].into()), ..whole.clone() };
    for _ in 0..5 {
        assert!(!play.hear(READ, &odd));
        assert_eq!(play.judge(&all).0, [] as [u64; 0]);
    }
    // Where nobody tells, nothing is cut unless somebody says so.
    let bare = Heard { answer: Answer::Servers([at(2)].into()), servers: BTreeMap::new() };
    play.twice(READ, &bare);
    assert_eq!(play.judge(&all).1, [Spared::Rule, Spared::Rule]);
}

#[test]
fn no_more_are_cut_than_may_be() {
    let limits = Limits { at_most: 2, ..Limits::default() };
    let mut play = Play::new(Rules::default(), limits);
    let all: Vec<_> = (1..=5).map(|cookie| connection(cookie, 1)).collect();
    play.hear(WRITE, &told(&[1], &[(1, Primary)]));
    play.twice(WRITE, &told(&[2], &[(1, Down), (2, Primary)]));
    assert_eq!(play.judge(&all), (vec![1, 2], vec![Spared::Later; 3]));
    assert_eq!(play.judge(&all[2..]), (vec![3, 4], vec![Spared::Later]));
}

#[test]
fn after_a_long_absence_the_first_answer_cuts_nothing() {
    let mut play = Play::new(Rules::default(), Limits::default());
    play.hear(WRITE, &told(&[1], &[(1, Primary)]));
    play.now += Duration::from_secs(2 * 3_600);
    for _ in 0..3 {
        play.hear(WRITE, &told(&[2], &[(1, Down), (2, Primary)]));
        assert_eq!(play.judge(&[connection(1, 1)]), (vec![], vec![]));
    }
}
