//! A thousand random stories of a cluster, what is answered of it, and the connections of a host.
//! Whoever is cut must have deserved it by the truth of the story.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::{Follower, Verdict};
use crate::{
    engine::ServerState,
    follow::{
        connection::{Connection, Owner},
        heard::{Answer, Heard, ServerWord},
        limits::Limits,
        reason::Rules,
    },
};

const STORIES: u64 = 1_000;
const STEPS: u32 = 120;
const NAMES: [&str; 2] = ["write.db.internal", "read.db.internal"];
const SERVERS: u8 = 4;
/// Its connections must never be cut.
const EXCLUDED: u32 = 105;

/// The truth, and what has been said of it.
struct Story {
    random: StdRng,
    now: Duration,
    /// Whom each name says, as Pointsman has it.
    truth: [BTreeSet<u8>; 2],
    states: BTreeMap<u8, ServerState>,
    /// What each name was last known to say, before that, and whether the last answer counted.
    heard: [Vec<BTreeSet<u8>>; 2],
    counts: [bool; 2],
    connections: Vec<Connection>,
    cookies: u64,
}

fn at(server: u8) -> SocketAddr {
    SocketAddr::new([10, 0, 0, server].into(), 5432)
}

impl Story {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            now: Duration::from_secs(1),
            truth: [[1].into(), [2, 3].into()],
            states: (1..=SERVERS).map(|server| (server, ServerState::Replica)).collect(),
            heard: [Vec::new(), Vec::new()],
            counts: [false; 2],
            connections: Vec::new(),
            cookies: 0,
        }
    }

    /// Something happens to the servers or to the connections.
    fn happen(&mut self) {
        let server = self.random.random_range(1..=SERVERS);
        match self.random.random_range(0..8) {
            0 => self.truth[0] = [server].into(),
            1 => self.truth[0] = BTreeSet::new(),
            2 => self.truth[1] = (1..=SERVERS).filter(|_| self.random.random_bool(0.5)).collect(),
            3 => {
                let state = *ServerState::ALL.choose(&mut self.random).unwrap();
                self.states.insert(server, state);
            }
            4 => self.connections.retain(|_| self.random.random_bool(0.8)),
            _ => {
                self.cookies += 1;
                let uid = if self.random.random_bool(0.3) { EXCLUDED } else { 1_000 };
                let port = u16::try_from(30_000 + self.cookies).unwrap();
                self.connections.push(Connection {
                    cookie: self.cookies,
                    local: SocketAddr::new([10, 0, 0, 99].into(), port),
                    remote: at(self.random.random_range(1..=SERVERS + 2)),
                    owner: Owner { uid, cgroup: None, process: None },
                });
            }
        }
    }

    /// What comes of asking for a name: mostly the truth, sometimes a text of another moment, sometimes
    /// nothing.
    fn answer(&mut self, name: usize) -> Heard {
        let says = &self.truth[name];
        let roll = self.random.random_range(0..20);
        let servers = self.states.iter().map(|(server, state)| {
            (at(*server), ServerWord { state: *state, is_in: says.contains(server) })
        });
        let mut servers: BTreeMap<_, _> = servers.collect();
        if roll == 0 {
            self.counts[name] = false;
            return Heard { answer: Answer::Failed, servers: BTreeMap::new() };
        }
        if roll == 1 {
            servers.clear();
        }
        let answer = match says.is_empty() {
            true => Answer::Nobody,
            false => Answer::Servers(says.iter().map(|server| at(*server)).collect()),
        };
        self.counts[name] = !says.is_empty();
        if self.counts[name] && self.heard[name].last() != Some(says) {
            self.heard[name].push(says.clone());
        }
        Heard { answer, servers }
    }

    /// Whether some name has left the server of this connection, by all that was answered, and whether
    /// its user may be cut.
    fn deserves_it(&self, connection: &Connection) -> bool {
        let is_left = (0..NAMES.len()).any(|name| {
            let heard = &self.heard[name];
            let says = |said: &BTreeSet<u8>| said.iter().any(|one| at(*one) == connection.remote);
            self.counts[name]
                && heard.last().is_some_and(|last| !last.is_empty() && !says(last))
                && heard.iter().any(says)
        });
        is_left && connection.owner.uid != EXCLUDED
    }
}

#[test]
fn in_a_thousand_random_stories_only_connections_to_demoted_servers_are_cut() {
    let mut cut = 0;
    for seed in 0..STORIES {
        let mut story = Story::new(seed);
        let limits = Limits { never_uids: [EXCLUDED].into(), ..Limits::default() };
        let (grace, fresh) = (Duration::from_secs(5), Duration::from_secs(3));
        let names = NAMES.map(Into::into);
        let mut follower = Follower::new(names, Rules::default(), limits, grace, fresh);
        for step in 0..STEPS {
            if story.random.random_bool(0.3) {
                story.happen();
            }
            story.now += Duration::from_millis(story.random.random_range(20..1_500));
            for (name, called) in NAMES.iter().enumerate() {
                let heard = story.answer(name);
                follower.hear(story.now, called, heard);
            }
            // An agent that looks at the connections of suspects alone comes to the same.
            let suspects = follower.suspects(story.now);
            let mut of_suspects = story.connections.clone();
            of_suspects.retain(|one| suspects.contains(&one.remote));
            let mut thrifty = follower.clone();
            let told = |verdicts: &[Verdict<'_>], connections: &[Connection]| -> Vec<_> {
                let told = |it: &Verdict<'_>| (connections[it.place].cookie, it.fate);
                verdicts.iter().map(told).collect()
            };
            let verdicts = follower.judge(story.now, &story.connections);
            assert_eq!(
                told(&thrifty.judge(story.now, &of_suspects), &of_suspects),
                told(&verdicts, &story.connections)
            );
            let meant = verdicts.iter().filter(|verdict| verdict.fate.is_ok());
            let places: BTreeSet<_> = meant.map(|verdict| verdict.place).collect();
            for place in &places {
                let connection = &story.connections[*place];
                assert!(
                    story.deserves_it(connection),
                    "story {seed}, step {step}: {connection:?} is cut while the names say {:?}",
                    story.truth
                );
            }
            cut += places.len();
            let mut place = 0;
            story.connections.retain(|_| {
                place += 1;
                !places.contains(&(place - 1))
            });
        }
    }
    assert!(cut > 1_000, "only {cut} were cut: the stories show nothing");
}
