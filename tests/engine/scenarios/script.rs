//! The head of a story, and its operations by their time.
//!
//! ```text
//! write on_not_writable=hold            or empty
//! write on_split_brain=empty            or keep
//! write on_newer_timeline=hold          or follow
//! write failback=preferred              or stay
//! write shared_storage=true flap_block=60s
//! read max_lag=10s min_servers=1 include_primary=true
//! ```

use std::{collections::BTreeMap, time::Duration};

use pointsman::engine::{
    Check, ClusterKind, ClusterPolicy, Failback, Moment, OnNewerTimeline, OnNotWritable,
    OnSplitBrain, ReadPolicy, Thresholds, WritePolicy,
};

use crate::world::{Breed, server_policy};

pub(super) struct Script {
    pub breed: Breed,
    pub policy: ClusterPolicy,
    /// The servers of the world, whether configured or not.
    pub hosts: Vec<String>,
    pub every: Duration,
    pub until: Moment,
    pub heartbeats: bool,
    pub gtids: bool,
    pub side_domain: bool,
    pub own_domains: bool,
    pub multi_primary: bool,
    pub operations: BTreeMap<Moment, Vec<Vec<String>>>,
}

impl Script {
    pub(super) fn parse(text: &str) -> Self {
        let mut script = Self {
            breed: Breed::Postgres,
            policy: policy(),
            hosts: vec![],
            every: Duration::from_millis(500),
            until: Moment::START,
            heartbeats: false,
            gtids: true,
            side_domain: false,
            own_domains: false,
            multi_primary: false,
            operations: BTreeMap::new(),
        };
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if !words.is_empty() {
                script.heed(&words);
            }
        }
        script
    }

    fn heed(&mut self, words: &[&str]) {
        match words {
            ["cluster", breed, servers @ ..] => {
                self.breed = self::breed(breed);
                self.policy.kind = self.breed.kind();
                let named = servers.iter().zip(self.hosts.len()..);
                self.policy.servers = named.map(|(name, at)| server_policy(name, at)).collect();
                self.hosts.extend(servers.iter().map(|name| (*name).to_owned()));
            }
            // `outside` before the cluster's own, so that the first of them is the founder.
            ["later" | "outside", names @ ..] => {
                self.hosts.extend(names.iter().map(|name| (*name).to_owned()));
            }
            ["write", settings @ ..] => set_write(&mut self.policy, settings),
            ["read", settings @ ..] => self.policy.reads.push(read_policy(settings)),
            ["thresholds", settings @ ..] => set_thresholds(&mut self.policy, settings),
            ["priority", name, priority] => {
                let mut named = self.policy.servers.iter_mut();
                let server = named.find(|server| &*server.name == *name);
                let priority = priority.parse().expect("a number");
                server.expect("a server of the cluster").priority = priority;
            }
            ["checks", names @ ..] => {
                let checks: Vec<Check> = names.iter().copied().map(check).collect();
                let servers = self.policy.servers.iter_mut();
                servers.for_each(|server| server.witnesses.clone_from(&checks));
            }
            ["every", period] => self.every = duration(period),
            ["heartbeats"] => self.heartbeats = true,
            ["no", "gtids"] => self.gtids = false,
            ["no", "write", "name"] => self.policy.write = None,
            ["own", "domains"] => self.own_domains = true,
            ["two", "domains"] => self.side_domain = true,
            ["multi-primary"] => self.multi_primary = true,
            ["until", end] => self.until = moment(end),
            [at, operation @ ..] => {
                let operation = operation.iter().map(|word| (*word).to_owned()).collect();
                self.operations.entry(moment(at)).or_default().push(operation);
            }
            [] => {}
        }
    }
}

fn policy() -> ClusterPolicy {
    ClusterPolicy {
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
    }
}

fn breed(name: &str) -> Breed {
    match name {
        "postgres" => Breed::Postgres,
        "mariadb" => Breed::MariaDb,
        "mysql" => Breed::MySql,
        "galera" => Breed::Galera,
        "group" => Breed::Group,
        "tcp" => Breed::Tcp,
        odd => panic!("no such engine: {odd}"),
    }
}

fn set_write(policy: &mut ClusterPolicy, settings: &[&str]) {
    let write = policy.write.as_mut().expect("not switched off before");
    for setting in settings {
        match setting.split_once('=').expect("name=value") {
            ("on_not_writable", "hold") => write.on_not_writable = OnNotWritable::Hold,
            ("on_not_writable", "empty") => write.on_not_writable = OnNotWritable::Empty,
            ("on_split_brain", "empty") => write.on_split_brain = OnSplitBrain::Empty,
            ("on_split_brain", "keep") => write.on_split_brain = OnSplitBrain::Keep,
            ("on_newer_timeline", "hold") => write.on_newer_timeline = OnNewerTimeline::Hold,
            ("on_newer_timeline", "follow") => write.on_newer_timeline = OnNewerTimeline::Follow,
            ("failback", "preferred") => write.failback = Failback::Preferred,
            ("failback", "stay") => write.failback = Failback::Stay,
            ("shared_storage", value) => write.shared_storage = value == "true",
            ("flap_block", value) => write.flap_block = duration(value),
            odd => panic!("no such setting: {odd:?}"),
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

fn set_thresholds(policy: &mut ClusterPolicy, settings: &[&str]) {
    let thresholds = &mut policy.thresholds;
    for setting in settings {
        match setting.split_once('=').expect("name=value") {
            ("fall", value) => thresholds.fall = value.parse().expect("a number"),
            ("rise", value) => thresholds.rise = value.parse().expect("a number"),
            ("stale_after", value) => thresholds.stale_after = duration(value),
            ("first_round", value) => thresholds.first_round = duration(value),
            odd => panic!("no such threshold: {odd:?}"),
        }
    }
}

fn check(name: &str) -> Check {
    let found = Check::ALL.into_iter().find(|check| check.name() == name);
    found.unwrap_or_else(|| panic!("no such check: {name}"))
}

pub(super) fn moment(text: &str) -> Moment {
    Moment::from_start(duration(text))
}

pub(super) fn duration(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().unwrap_or_else(|_| panic!("no duration: {text}"));
    match &text[digits.len()..] {
        "ms" => Duration::from_secs_f64(number / 1000.0),
        "s" => Duration::from_secs_f64(number),
        _ => panic!("no unit: {text}"),
    }
}
