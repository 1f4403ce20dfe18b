//! One story: a world that changes, sources that name and lie, and what comes of it.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use pointsman::{
    discovery::{
        Action, Find, FindHost, FoundMember, Labels, Ledger, Member, Mode, Newcomer, Notice,
        Published, Rules, Sighting, SourceKind, SourceReply, Word, replication_finds,
    },
    engine::{
        ClusterId, ClusterKind, ClusterPolicy, Engine, Failback, Failure, FailureKind, MayWrite,
        Moment, Observation, OnNewerTimeline, OnNotWritable, OnSplitBrain, Outcome, Override,
        ReadPolicy, ServerId, ServerIndex, ServerPolicy, ServerState, Thresholds, Wish, WishKey,
        WritePolicy,
    },
};

use crate::{
    random::Random,
    world::{PORT, World, inside},
};

const CLUSTER: ClusterId = ClusterId(0);

/// Seconds of one story.
const STEPS: u64 = 60;

const FORGET_AFTER: Duration = Duration::from_secs(10);

const MAX_SERVERS: usize = 6;

/// A server of the configuration.
#[derive(Clone, Debug)]
struct Configured {
    name: Box<str>,
    at: SocketAddr,
    found: Option<FoundMember>,
    /// Since when its probes fail.
    fails_since: Option<u64>,
    replies: u32,
    /// It was once seen following one of ours, by the truth of the world.
    word: Option<Arc<Word>>,
}

pub(crate) struct Story {
    random: Random,
    world: World,
    ledger: Ledger,
    engine: Engine,
    servers: Vec<Configured>,
    step: u64,
    /// When a source last named an address.
    named: std::collections::BTreeMap<SocketAddr, u64>,
    pub(crate) broken: Vec<String>,
    pub(crate) log: Vec<String>,
    pub(crate) joined: u64,
    pub(crate) strangers: u64,
    pub(crate) removed: u64,
    pub(crate) moved: u64,
    pub(crate) restarts: u64,
}

impl Story {
    pub(crate) fn play(seed: u64) -> Self {
        let mut story = Self::new(seed);
        for step in 0..STEPS {
            story.step = step;
            if story.broken.is_empty() {
                story.go_on();
            }
        }
        story
    }

    fn new(seed: u64) -> Self {
        let random = Random::new(seed);
        let world = World::new();
        let server = |index: usize| Configured {
            name: format!("db{}", index + 1).into(),
            at: SocketAddr::new(world.servers[index].address, PORT),
            found: None,
            fails_since: None,
            replies: 0,
            word: None,
        };
        let servers: Vec<_> = (0..2).map(server).collect();
        let rules = Rules {
            kind: ClusterKind::Postgres,
            port: PORT,
            sources: vec![SourceKind::Replication, SourceKind::File],
            mode: Mode::Join,
            networks: Some(["10.0.0.0/24".parse().expect("a network")].into()),
            publish: Published::Probed,
            exclude: vec![],
            max_servers: MAX_SERVERS,
            interval: Duration::from_secs(1),
            forget_after: Some(FORGET_AFTER),
            rise: 2,
            attributes: vec![],
        };
        let engine = Engine::new(vec![policy(&servers)], Moment::START);
        Self {
            ledger: Ledger::new(rules, vec![], vec![]),
            engine,
            random,
            world,
            servers,
            step: 0,
            named: std::collections::BTreeMap::new(),
            broken: Vec::new(),
            log: Vec::new(),
            joined: 0,
            strangers: 0,
            removed: 0,
            moved: 0,
            restarts: 0,
        }
    }

    fn now(&self) -> Moment {
        Moment::from_millis(self.step * 1000)
    }

    fn tell(&mut self, what: impl Into<String>) {
        let line = format!("{:>3} {}", self.step, what.into());
        self.log.push(line);
    }

    fn break_promise(&mut self, what: String) {
        self.tell(format!("BROKEN {what}"));
        self.broken.push(what);
    }

    /// One second.
    fn go_on(&mut self) {
        self.change_world();
        self.world.write();
        // Two rounds of probes a second, as a promotion needs two replies.
        for half in [0, 500] {
            self.probe(Moment::from_millis(self.step * 1000 + half));
        }
        self.check_names();
        self.discover();
    }

    fn change_world(&mut self) {
        let ours = |world: &World, running: bool| -> Vec<usize> {
            let all = 0..world.servers.len();
            all.filter(|&one| world.servers[one].ours && world.servers[one].runs == running)
                .collect()
        };
        // The world is small enough for all of it to happen in one story.
        if self.random.once_in(8) && self.world.servers.len() < 12 {
            let running = ours(&self.world, true);
            if !running.is_empty() {
                let of = running[self.random.below(running.len())];
                let new = self.world.clone_of(of);
                self.tell(format!("standby {new} of {of}"));
            }
        }
        if self.random.once_in(20) && self.world.servers.len() < 12 {
            let ahead = u32::try_from(self.random.below(3)).expect("small");
            let new = match self.random.below(4) {
                0 => self.world.foreign(),
                1 => self.world.liar(),
                _ => self.world.restore(ahead),
            };
            self.tell(format!("stranger {new}"));
            if self.random.once_in(2) {
                let follower = self.world.clone_of(new);
                self.tell(format!("standby {follower} of the stranger"));
            }
        }
        if self.random.once_in(15) {
            let primary = self.world.primary();
            let streaming: Vec<_> = ours(&self.world, true)
                .into_iter()
                .filter(|&one| Some(one) != primary && self.world.streams(one))
                .collect();
            if !streaming.is_empty() {
                let heir = streaming[self.random.below(streaming.len())];
                self.world.fail_over(heir);
                self.tell(format!("{heir} takes over"));
            }
        }
        if self.random.once_in(12) {
            let running: Vec<_> = ours(&self.world, true)
                .into_iter()
                .filter(|&one| Some(one) != self.world.primary())
                .collect();
            if !running.is_empty() {
                let one = running[self.random.below(running.len())];
                self.world.servers[one].runs = false;
                self.tell(format!("{one} stops"));
            }
        }
        if self.random.once_in(15) {
            let stopped = ours(&self.world, false);
            if !stopped.is_empty() {
                let one = stopped[self.random.below(stopped.len())];
                self.world.rejoin(one);
                self.tell(format!("{one} is back"));
            }
        }
        if self.random.once_in(15) {
            let one = self.random.below(self.world.servers.len());
            // Those of the file stay where the file says.
            if one >= 2 {
                self.world.move_away(one);
                self.moved += 1;
                let address = self.world.servers[one].address;
                self.tell(format!("{one} moves to {address}"));
            }
        }
    }

    fn probe(&mut self, now: Moment) {
        for index in 0..self.servers.len() {
            let at = self.servers[index].at;
            let word = self.world.at(at).map(|one| self.world.word(one));
            let outcome = match &word {
                Some(word) => Outcome::Answered(word.facts.clone()),
                None => Outcome::Failed(Failure::new(FailureKind::Refused, "")),
            };
            let id = ServerId { cluster: CLUSTER, server: ServerIndex::new(index) };
            self.engine.observe(Observation { server: id, asked: now, outcome }, now);
            let server = &mut self.servers[index];
            match word {
                Some(_) => {
                    server.fails_since = None;
                    server.replies += 1;
                }
                None => {
                    server.fails_since = Some(server.fails_since.unwrap_or(self.step));
                    server.replies = 0;
                }
            }
            server.word = word.map(Arc::new);
        }
        self.engine.decide(now);
    }

    /// The promises about names.
    fn check_names(&mut self) {
        let decision = self.engine.decision(CLUSTER);
        let writer = decision.write.and_then(|write| write.server);
        let readers = decision.reads.iter().flat_map(|read| &read.servers).map(|read| read.server);
        for server in writer.into_iter().chain(readers.collect::<Vec<_>>()) {
            let at = self.servers[server.place()].at;
            // Nobody can be led to what does not run.
            if let Some(one) = self.world.at(at)
                && !self.world.servers[one].ours
            {
                let role = if writer == Some(server) { "write" } else { "read" };
                self.break_promise(format!("stranger {one} at {at} is in a {role} name"));
            }
        }
    }

    fn members(&self) -> Vec<Member> {
        let member = |(index, server): (usize, &Configured)| {
            let id = ServerId { cluster: CLUSTER, server: ServerIndex::new(index) };
            let standing = self.engine.standing(id);
            let down = standing.state == ServerState::Down;
            let drained = |found: &FoundMember| FoundMember {
                drained: self.engine.overrides(CLUSTER).iter().any(|laid| {
                    laid.wish == Wish::Drain { server: ServerIndex::new(index), force: false }
                }),
                ..found.clone()
            };
            Member {
                name: server.name.clone(),
                addresses: vec![server.at.ip()],
                port: PORT,
                aliases: vec![],
                found: server.found.as_ref().map(drained),
                state: standing.state,
                down_for: down.then(|| self.now().since(standing.since)),
                word: server.word.clone(),
                replies: server.replies,
            }
        };
        self.servers.iter().enumerate().map(member).collect()
    }

    /// Another process goes on with what this one has left.
    fn restart(&mut self) {
        let (names, buried) = self.ledger.remembered();
        let (names, buried) = (names.to_vec(), buried.to_vec());
        self.ledger = Ledger::new(self.ledger.rules().clone(), names, buried);
        self.restarts += 1;
        self.tell("a restart");
    }

    fn discover(&mut self) {
        if self.random.once_in(30) {
            self.restart();
        }
        let members = self.members();
        let replication = replication_finds(&members);
        self.ledger.see(members, Arc::new(BTreeSet::from(["db9".into()])));
        let mut actions = self.hear(SourceKind::Replication, &replication);
        let listed = self.listed();
        actions.extend(self.hear(SourceKind::File, &listed));
        actions.extend(self.ledger.act(self.now()));
        // What comes of an action may ask for more.
        while !actions.is_empty() {
            let mut more = Vec::new();
            for action in actions {
                more.extend(self.carry_out(action));
            }
            actions = more;
        }
    }

    fn hear(&mut self, kind: SourceKind, reply: &SourceReply) -> Vec<Action> {
        let sighting = |find: &Find| Sighting {
            find: find.clone(),
            addresses: match &find.host {
                FindHost::Address(address) => vec![*address],
                FindHost::Name(_) => vec![[127, 0, 0, 1].into()],
            },
        };
        let sightings: Vec<_> = reply.finds().iter().map(sighting).collect();
        for sighting in &sightings {
            for address in &sighting.addresses {
                self.named.insert(SocketAddr::new(*address, PORT), self.step);
            }
        }
        self.ledger.heard(kind, reply, &sightings, self.now())
    }

    /// A list that somebody keeps by hand, well or not.
    fn listed(&mut self) -> SourceReply {
        let find = |host| Find {
            source: SourceKind::File,
            name: None,
            host,
            port: Some(PORT),
            labels: Labels::default(),
        };
        match self.random.below(12) {
            0 => return SourceReply::Whole(vec![]),
            1 => return SourceReply::failed("garbage"),
            2 => {
                let lies = [[127, 0, 0, 1], [192, 0, 2, 1], [0, 0, 0, 0], [224, 0, 0, 1]];
                let lies = lies.map(|address| find(FindHost::Address(address.into())));
                let name = find(FindHost::Name("rogue.example".into()));
                return SourceReply::of(lies.into_iter().chain([name]).collect(), Some("odd rows"));
            }
            3 => {
                let many = (0..10_000_u32).map(|n| {
                    find(FindHost::Address(
                        std::net::Ipv4Addr::from(0x0a00_0000 + n % 65_536).into(),
                    ))
                });
                // Rarely: it is a lot of work.
                if self.random.once_in(20) {
                    return SourceReply::of(many.take(1_500).collect(), None);
                }
            }
            _ => {}
        }
        // Strangers are listed as well as ours; what has left stays listed for a while.
        let mut finds = Vec::new();
        for one in 0..self.world.servers.len() {
            let server = &self.world.servers[one];
            let (address, runs) = (server.address, server.runs);
            if runs && !self.random.once_in(6) || self.random.once_in(10) {
                finds.push(find(FindHost::Address(address)));
            }
        }
        if self.random.once_in(9) {
            finds.push(find(FindHost::Address(inside(200))));
        }
        SourceReply::of(finds, None)
    }

    fn carry_out(&mut self, action: Action) -> Vec<Action> {
        match action {
            Action::Examine(at) => {
                let outside =
                    !matches!(at.ip(), std::net::IpAddr::V4(v4) if v4.octets()[..3] == [10, 0, 0]);
                if outside {
                    self.break_promise(format!("{at} is contacted, outside of the networks"));
                }
                let came = match self.world.at(at) {
                    Some(one) => Ok(self.world.word(one)),
                    None => Err(FailureKind::Refused),
                };
                self.ledger.examined(at, came, self.now())
            }
            Action::Join(newcomer) => {
                self.join(newcomer);
                Vec::new()
            }
            Action::Ready(name) => {
                let index = self.servers.iter().position(|server| server.name == name);
                let index = index.expect("a member is ready");
                self.tell(format!("{name} is ready"));
                self.engine.lift(CLUSTER, WishKey::Drain(ServerIndex::new(index)), "discovery");
                self.engine.decide(self.now());
                Vec::new()
            }
            Action::Remove(name) => {
                self.remove(&name);
                Vec::new()
            }
            Action::Tell(Notice::Stranger { at }) => {
                self.strangers += 1;
                self.tell(format!("stranger at {at}"));
                Vec::new()
            }
            Action::Locate(newcomer, endpoint) => {
                self.break_promise(format!("{newcomer:?} is to be published as {endpoint:?}"));
                Vec::new()
            }
            Action::Tell(_) => Vec::new(),
        }
    }

    fn join(&mut self, newcomer: Newcomer) {
        let Newcomer { name, at, depth, instance, .. } = newcomer;
        match self.world.at(at) {
            Some(one) if self.world.servers[one].ours => {
                if !self.world.streams(one) {
                    self.break_promise(format!("{one} at {at} joins and follows nobody"));
                }
            }
            other => self.break_promise(format!("{other:?} at {at} joins")),
        }
        if self.servers.iter().any(|server| server.name == name || server.at == at) {
            self.break_promise(format!("a second {name} at {at}"));
        }
        if self.servers.len() >= MAX_SERVERS {
            self.break_promise(format!("{name} is one too many"));
        }
        self.tell(format!("{name} joins at {at}"));
        self.joined += 1;
        let found = Some(FoundMember { depth, instance, drained: true });
        let (fails_since, replies, word) = (None, 0, None);
        self.servers.push(Configured { name, at, found, fails_since, replies, word });
        let now = self.now();
        self.engine.reconfigure(vec![policy(&self.servers)], now);
        let server = ServerIndex::new(self.servers.len() - 1);
        let drain = Override {
            wish: Wish::Drain { server, force: false },
            author: "discovery".into(),
            reason: "found".into(),
            since: now,
            until: None,
        };
        if self.engine.lay(CLUSTER, drain, now).is_err() {
            self.break_promise("a newcomer is not drained".to_owned());
        }
        self.engine.decide(now);
    }

    fn remove(&mut self, name: &str) {
        let Some(index) = self.servers.iter().position(|server| &*server.name == name) else {
            return self.break_promise(format!("{name} leaves and is nobody"));
        };
        let server = &self.servers[index];
        let time = FORGET_AFTER.as_secs();
        let since = server.fails_since.map(|since| self.step - since);
        let named = self.named.get(&server.at).map(|named| self.step - named);
        let is_right = server.found.is_some()
            && since.is_some_and(|lasts| lasts + 1 >= time)
            && named.is_none_or(|ago| ago + 1 >= time);
        if !is_right {
            self.break_promise(format!("{name} leaves: fails for {since:?}, named {named:?} ago"));
        }
        self.tell(format!("{name} leaves"));
        self.removed += 1;
        self.servers.remove(index);
        self.engine.reconfigure(vec![policy(&self.servers)], self.now());
        self.engine.decide(self.now());
    }
}

fn policy(servers: &[Configured]) -> ClusterPolicy {
    let server = |server: &Configured| ServerPolicy {
        name: (&*server.name).into(),
        priority: 100,
        aliases: [server.at.ip().to_string().into()].into(),
        addresses: [server.at.ip()].into(),
        port: PORT,
        witnesses: vec![],
        may_write: match server.found {
            Some(_) => MayWrite::SeenFollowing,
            None => MayWrite::Always,
        },
    };
    ClusterPolicy {
        name: "orders".into(),
        kind: ClusterKind::Postgres,
        servers: servers.iter().map(server).collect(),
        write: Some(WritePolicy {
            on_not_writable: OnNotWritable::Empty,
            on_split_brain: OnSplitBrain::Keep,
            on_newer_timeline: OnNewerTimeline::Follow,
            shared_storage: false,
            failback: Failback::Stay,
            flap_block: Duration::from_secs(60),
        }),
        reads: vec![ReadPolicy {
            max_lag: Duration::from_secs(10),
            min_servers: 1,
            include_primary: false,
            by_sessions: false,
        }],
        thresholds: Thresholds {
            fall: 3,
            rise: 2,
            stale_after: Duration::from_secs(8),
            first_round: Duration::from_secs(2),
        },
    }
}
