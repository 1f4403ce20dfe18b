//! One story per file in `tests/scenarios`: operations with their times in, the whole timeline of
//! what the engine said out. `UPDATE_SCENARIOS=1` writes the timelines anew; read the difference
//! before keeping it.
//!
//! ```text
//! cluster postgres db1 db2 db3          the first server is the primary of the others
//! read max_lag=10s min_servers=1        one line per read name
//! write failback=preferred
//! every 500ms                           how often each server is probed
//! heartbeats                            probes write where they are told to
//! checks patroni agent                  who is asked about each server, beside itself
//! 5s   kill db1                         an operation
//! 8s   promote db2
//! 9s   agent of db3 says drain          what a witness says from now on; `nothing` is silence
//! 9s   lay freeze for 5s                what an operator does, see `operators`
//! until 20s
//! ---
//! 5.000s  ...                           what the engine said
//! ```

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, time::Duration};

use pointsman::engine::{
    Check, ClusterId, ClusterKind, ClusterPolicy, Engine, Event, Failback, FailureKind, Moment,
    OnNewerTimeline, OnNotWritable, OnSplitBrain, ReadPolicy, ServerId, ServerIndex, Stability,
    Thresholds, Word, WritePolicy,
};

use crate::{
    operators::operate,
    witnesses::Witnesses,
    world::{Process, World, server_policy},
};

#[test]
fn every_story_is_told_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut stories: Vec<_> = fs::read_dir(&folder)
        .expect("tests/scenarios exists")
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    stories.sort();
    assert!(stories.len() >= 10, "stories are missing from {}", folder.display());
    let mut wrong = String::new();
    for path in stories {
        let text = fs::read_to_string(&path).expect("a readable story");
        let (script, expected) = text.split_once("---\n").unwrap_or((&text, ""));
        let told = Story::parse(script).tell();
        if told == expected {
            continue;
        }
        if std::env::var_os("UPDATE_SCENARIOS").is_some() {
            fs::write(&path, format!("{script}---\n{told}")).expect("a writable story");
        } else {
            let name = path.display();
            writeln!(wrong, "{name}\n--- expected\n{expected}--- told\n{told}").expect("memory");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

struct Story {
    policy: ClusterPolicy,
    every: Duration,
    until: Moment,
    heartbeats: bool,
    operations: BTreeMap<Moment, Vec<Vec<String>>>,
}

impl Story {
    fn parse(script: &str) -> Self {
        let mut policy = ClusterPolicy {
            name: "orders".into(),
            kind: ClusterKind::Postgres,
            servers: vec![],
            write: Some(WritePolicy {
                on_not_writable: OnNotWritable::Empty,
                on_split_brain: OnSplitBrain::Keep,
                on_newer_timeline: OnNewerTimeline::Follow,
                shared_storage: false,
                failback: Failback::Stay,
                flap_block: Duration::from_secs(60),
            }),
            reads: vec![],
            thresholds: Thresholds {
                fall: 3,
                rise: 2,
                stale_after: Duration::from_secs(8),
                first_round: Duration::from_secs(2),
            },
        };
        let mut story_end = Moment::START;
        let mut every = Duration::from_millis(500);
        let mut heartbeats = false;
        let mut operations: BTreeMap<Moment, Vec<Vec<String>>> = BTreeMap::new();
        for line in script.lines().map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [comment, ..] if comment.starts_with('#') => {}
                ["cluster", kind, servers @ ..] => {
                    policy.kind = match *kind {
                        "postgres" => ClusterKind::Postgres,
                        "mariadb" => ClusterKind::MySql,
                        "tcp" => ClusterKind::Tcp,
                        odd => panic!("no such engine: {odd}"),
                    };
                    let named = servers.iter().enumerate();
                    policy.servers = named.map(|(at, name)| server_policy(name, at)).collect();
                }
                ["write", settings @ ..] => set_write(&mut policy, settings),
                ["read", settings @ ..] => policy.reads.push(read_policy(settings)),
                ["checks", names @ ..] => {
                    let checks: Vec<Check> = names.iter().copied().map(check).collect();
                    policy.servers.iter_mut().for_each(|server| server.witnesses = checks.clone());
                }
                ["every", period] => every = duration(period),
                ["heartbeats"] => heartbeats = true,
                ["until", end] => story_end = moment(end),
                [at, operation @ ..] => {
                    let operation = operation.iter().map(|word| (*word).to_owned()).collect();
                    operations.entry(moment(at)).or_default().push(operation);
                }
            }
        }
        Self { policy, every, until: story_end, heartbeats, operations }
    }

    fn tell(mut self) -> String {
        let mut world = World::new(self.policy.kind, self.policy.servers.len());
        world.heartbeats = self.heartbeats;
        let mut engine = Engine::new(vec![self.policy.clone()], Moment::START);
        let mut told = String::new();
        let mut silent = vec![false; self.policy.servers.len()];
        let mut stability = Stability::Unrest;
        let mut witnesses = Witnesses::default();
        let mut now = Moment::START;
        while now <= self.until {
            let due = self.operations.split_off(&(now + Duration::from_nanos(1)));
            for operation in std::mem::replace(&mut self.operations, due).into_values().flatten() {
                writeln!(told, "{now:>9}  * {}", operation.join(" ")).expect("memory");
                let policy = &self.policy;
                if let Some(answer) = operate(&mut engine, policy, &operation, duration, now) {
                    if !answer.is_empty() {
                        writeln!(told, "{now:>9}    {answer}").expect("memory");
                    }
                } else if !witnesses.apply(&self.policy, &operation) {
                    apply(&mut world, &mut silent, &self.policy, &operation);
                }
            }
            world.tick();
            for (index, host) in world.hosts.iter_mut().enumerate() {
                let (cluster, server) = (ClusterId(0), ServerIndex(index));
                host.beats = engine.advice(ServerId { cluster, server }).heartbeat;
            }
            for index in (0..silent.len()).filter(|&index| !silent[index]) {
                engine.observe(world.observe(index, now), now);
            }
            for observation in witnesses.observe(&self.policy, &world, now) {
                engine.observe(observation, now);
            }
            engine.decide(now);
            for event in engine.take_events() {
                writeln!(told, "{now:>9}  {}", describe(&event, &self.policy)).expect("memory");
            }
            let current = engine.decision(ClusterId(0)).stability;
            if std::mem::replace(&mut stability, current) != current {
                writeln!(told, "{now:>9}    {current}").expect("memory");
            }
            now = now + self.every;
        }
        told
    }
}

fn set_write(policy: &mut ClusterPolicy, settings: &[&str]) {
    let write = policy.write.as_mut().expect("not switched off before");
    for setting in settings {
        match *setting {
            "on_not_writable=hold" => write.on_not_writable = OnNotWritable::Hold,
            "on_split_brain=empty" => write.on_split_brain = OnSplitBrain::Empty,
            "failback=preferred" => write.failback = Failback::Preferred,
            odd => panic!("no such setting: {odd}"),
        }
    }
}

fn read_policy(settings: &[&str]) -> ReadPolicy {
    let mut read = ReadPolicy {
        max_lag: Duration::from_secs(10),
        min_servers: 1,
        include_primary: false,
        by_sessions: false,
    };
    for setting in settings {
        match setting.split_once('=') {
            Some(("max_lag", value)) => read.max_lag = duration(value),
            Some(("min_servers", value)) => read.min_servers = value.parse().expect("a number"),
            Some(("include_primary", value)) => read.include_primary = value == "true",
            _ => panic!("no such setting: {setting}"),
        }
    }
    read
}

fn apply(world: &mut World, silent: &mut [bool], policy: &ClusterPolicy, operation: &[String]) {
    let words: Vec<&str> = operation.iter().map(String::as_str).collect();
    let server = |name: &str| {
        let found = policy.servers.iter().position(|server| &*server.name == name);
        found.unwrap_or_else(|| panic!("no such server: {name}"))
    };
    match words.as_slice() {
        ["kill", name] => world.kill(server(name)),
        ["start", name] => world.start(server(name)),
        ["freeze", name] => world.freeze(server(name)),
        ["thaw", name] => world.thaw(server(name)),
        ["promote", name] => world.promote(server(name)),
        ["rebuild", name, "of", source] => world.rebuild(server(name), server(source)),
        ["follow", name, source] => world.follow(server(name), server(source)),
        ["pause", name] => world.hosts[server(name)].paused = true,
        ["resume", name] => world.hosts[server(name)].paused = false,
        ["break", name] => world.hosts[server(name)].broken = true,
        ["mend", name] => world.hosts[server(name)].broken = false,
        ["unplug", name] => world.hosts[server(name)].unplugged = true,
        ["plug", name] => world.hosts[server(name)].unplugged = false,
        ["cut", "off", name] => world.hosts[server(name)].cut_off = true,
        ["reconnect", name] => world.hosts[server(name)].cut_off = false,
        ["stall", name] => world.hosts[server(name)].stalled = true,
        ["recover", name] => world.hosts[server(name)].stalled = false,
        ["ring", name, source] => world.hosts[server(name)].ring_of = Some(server(source)),
        ["read-only", name] => world.hosts[server(name)].read_only = true,
        ["read-write", name] => world.hosts[server(name)].read_only = false,
        ["foreign", name] => world.hosts[server(name)].system = 2,
        ["silence", name] => silent[server(name)] = true,
        ["unsilence", name] => silent[server(name)] = false,
        ["stop", "writes"] => world.writes = false,
        ["restart-as-primary", name] => {
            let host = &mut world.hosts[server(name)];
            host.process = Process::Running;
            host.read_only = false;
        }
        [name, "refuses", kind] => {
            world.hosts[server(name)].refuses = Some(failure_kind(kind));
        }
        [name, "accepts"] => world.hosts[server(name)].refuses = None,
        _ => panic!("no such operation: {operation:?}"),
    }
}

fn check(name: &str) -> Check {
    let found = Check::ALL.into_iter().find(|check| check.name() == name);
    found.unwrap_or_else(|| panic!("no such check: {name}"))
}

fn failure_kind(word: &str) -> FailureKind {
    let found = FailureKind::ALL.into_iter().find(|kind| format!("{kind:?}") == word);
    found.unwrap_or_else(|| panic!("no such failure: {word}"))
}

fn describe(event: &Event, policy: &ClusterPolicy) -> String {
    let name = |server: ServerIndex| policy.servers[server.0].name.to_string();
    let one = |server: Option<ServerIndex>| server.map_or_else(|| "nobody".to_owned(), name);
    let all = |servers: &[ServerIndex]| match servers {
        [] => "nobody".to_owned(),
        servers => servers.iter().map(|server| name(*server)).collect::<Vec<_>>().join(" "),
    };
    match event {
        Event::State { server, from, to, reason, .. } => {
            format!("{} {from} -> {to}: {reason}", name(server.server))
        }
        Event::Write { from, to, reason, .. } => {
            format!("  write {} -> {}: {reason}", one(*from), one(*to))
        }
        Event::Read { from, to, reason, .. } => {
            format!("  read {} -> {}: {reason}", all(from), all(to))
        }
        Event::Witness { server, check, from, to, .. } => {
            let said = |word: &Option<Word>| word.map_or("silent".to_owned(), |w| w.to_string());
            format!("{} {} -> {}: {check}", name(server.server), said(from), said(to))
        }
        Event::Override { laid, turn, .. } => {
            let server = laid.wish.server().map_or_else(String::new, |it| format!(" {}", name(it)));
            format!("  {}{server} {turn}", laid.wish)
        }
        Event::Accepted { accepted, .. } => format!("  {} accepted", name(accepted.server)),
        Event::Isolated => "  isolated".to_owned(),
        Event::Reconnected => "  reconnected".to_owned(),
    }
}

fn moment(text: &str) -> Moment {
    Moment::from_start(duration(text))
}

fn duration(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().unwrap_or_else(|_| panic!("no duration: {text}"));
    match &text[digits.len()..] {
        "ms" => Duration::from_secs_f64(number / 1000.0),
        "s" => Duration::from_secs_f64(number),
        _ => panic!("no unit: {text}"),
    }
}
