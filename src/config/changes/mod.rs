//! What differs between two configurations, for people: one line per thing.
//!
//! No line shows a password, an authority or a cookie secret.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::Arc,
};

use super::{ClusterConfig, Config, DnsConfig, HookConfig, KickConfig, ProbeConfig, ServerConfig};
use crate::{
    answers::{NameRole, ServedName, Zone},
    engine::{ReadPolicy, Thresholds, WritePolicy},
};

/// The differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that a running service takes over.
    pub changed: Vec<String>,
    /// Those that need another start.
    pub needs_restart: Vec<String>,
}

impl Changes {
    /// From one configuration to the next.
    pub fn between(before: &Config, after: &Config) -> Self {
        let mut changes = Self::default();
        changes.zones(&before.zones, &after.zones);
        changes.clusters(&before.clusters, &after.clusters);
        changes.hooks(&before.hooks, &after.hooks);
        changes.restarts(before, after);
        changes
    }

    fn zones(&mut self, before: &[Zone], after: &[Zone]) {
        for zone in after {
            let origin = zone.origin();
            match before.iter().find(|known| known.origin() == origin) {
                None => self.changed.push(format!("zone {origin} is new")),
                Some(known) if !known.equals(zone) => {
                    self.changed.push(format!("zone {origin} has other records"));
                }
                Some(_) => {}
            }
        }
        for zone in before {
            if !after.iter().any(|kept| kept.origin() == zone.origin()) {
                self.changed.push(format!("zone {} is gone", zone.origin()));
            }
        }
    }

    fn clusters(&mut self, before: &[ClusterConfig], after: &[ClusterConfig]) {
        let by_name = |clusters: &[ClusterConfig]| -> HashMap<String, usize> {
            let names = clusters.iter().map(|cluster| cluster.name.to_string());
            names.zip(0..).collect()
        };
        let (earlier, later) = (by_name(before), by_name(after));
        for (index, cluster) in after.iter().enumerate() {
            let name = &cluster.name;
            match earlier.get(&**name) {
                None => {
                    let servers = cluster.servers.len();
                    self.changed.push(format!("{name} is new, with {servers} servers"));
                }
                Some(&place) => {
                    let mut words = Words::default();
                    words.cluster(&before[place], cluster);
                    if before.len() == after.len() && place != index {
                        words.add("another place among the clusters");
                    }
                    self.changed.extend(words.lines(name));
                }
            }
        }
        for cluster in before {
            let name = &cluster.name;
            if !later.contains_key(&**name) {
                self.changed.push(format!("{name} is gone"));
            }
        }
    }

    fn hooks(&mut self, before: &[Arc<HookConfig>], after: &[Arc<HookConfig>]) {
        let named = |hooks: &[Arc<HookConfig>], name: &str| {
            hooks.iter().find(|known| known.name.eq_ignore_ascii_case(name)).cloned()
        };
        for hook in after {
            match named(before, &hook.name) {
                None => self.changed.push(format!("hook {} is new", hook.name)),
                Some(known) if known != *hook => {
                    self.changed.push(format!("hook {} differs", hook.name));
                }
                Some(_) => {}
            }
        }
        for hook in before {
            if named(after, &hook.name).is_none() {
                self.changed.push(format!("hook {} is gone", hook.name));
            }
        }
    }

    /// What is bound, or is given to a thread of its own, at the start.
    fn restarts(&mut self, before: &Config, after: &Config) {
        let (old, new) = (&before.dns, &after.dns);
        let DnsConfig {
            listen,
            workers,
            identity,
            allow_query,
            cookie_secrets,
            tcp,
            tls,
            rate_limit,
            expose,
        } = new;
        let (admin, state) = (&after.admin, &after.state);
        for (key, differs) in [
            ("[dns] listen", old.listen != *listen),
            ("[dns] workers", old.workers != *workers),
            ("[dns] identity", old.identity != *identity),
            ("[dns] allow_query", old.allow_query != *allow_query),
            ("[dns] cookie_secret_file", old.cookie_secrets != *cookie_secrets),
            ("[dns.tcp]", old.tcp != *tcp),
            ("[dns.tls]", old.tls != *tls),
            ("[dns.rate_limit]", old.rate_limit != *rate_limit),
            ("[dns.expose]", old.expose != *expose),
            ("[admin] socket", before.admin.socket != admin.socket),
            ("[admin] http", before.admin.http != admin.http),
            ("[admin] token_file", before.admin.token_file != admin.token_file),
            ("[state]", before.state != *state),
        ] {
            if differs {
                self.needs_restart.push(format!("{key} differs and needs a restart"));
            }
        }
    }
}

/// What is to be said of one cluster.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, words: impl Into<String>) {
        self.0.push(words.into());
    }

    /// Each with the cluster in front.
    fn lines(self, cluster: &str) -> impl Iterator<Item = String> {
        self.0.into_iter().map(move |words| format!("{cluster}: {words}"))
    }

    /// Says that a setting differs, with both values.
    fn setting<T: PartialEq + Debug>(&mut self, of: &str, key: &str, (from, to): (&T, &T)) {
        if from != to {
            self.add(format!("{of}{key} is {to:?}, was {from:?}"));
        }
    }

    fn cluster(&mut self, before: &ClusterConfig, after: &ClusterConfig) {
        self.setting("", "engine", (&before.kind, &after.kind));
        self.servers(before, after);
        self.names(before, after);
        self.write(before.write.as_ref(), after.write.as_ref());
        self.probe(&before.probe, &after.probe);
        self.kick(before.kick.as_ref(), after.kick.as_ref());
        self.thresholds(&before.thresholds, &after.thresholds);
    }

    fn servers(&mut self, before: &ClusterConfig, after: &ClusterConfig) {
        for server in &after.servers {
            match before.server(&server.name) {
                None => self.add(format!("{} joins", server.name)),
                Some(known) => self.server(known, server),
            }
        }
        for server in &before.servers {
            if after.server(&server.name).is_none() {
                self.add(format!("{} leaves", server.name));
            }
        }
        let stay = |one: &ClusterConfig, other: &ClusterConfig| -> Vec<String> {
            let names = one.servers.iter().map(|server| &*server.name);
            names.filter(|name| other.server(name).is_some()).map(str::to_owned).collect()
        };
        if stay(before, after) != stay(after, before) {
            self.add("its servers are in another order");
        }
    }

    fn server(&mut self, was: &ServerConfig, is: &ServerConfig) {
        let ServerConfig { name, addresses, port, priority, weight, target, checks } = is;
        let of = format!("{name} ");
        self.setting(&of, "address", (&was.addresses, addresses));
        self.setting(&of, "port", (&was.port, port));
        self.setting(&of, "weight", (&was.weight, weight));
        self.setting(&of, "priority", (&was.priority, priority));
        if was.target != *target {
            self.add(format!("{of}is probed at {target}, was at {}", was.target));
        }
        if was.checks != *checks {
            self.add(format!("{of}has other checks"));
        }
    }

    fn names(&mut self, before: &ClusterConfig, after: &ClusterConfig) {
        fn by_name(names: &[ServedName]) -> HashMap<String, &ServedName> {
            names.iter().map(|name| (name.name.to_string(), name)).collect()
        }
        let earlier = by_name(&before.names);
        for name in &after.names {
            let Some(known) = earlier.get(&name.name.to_string()) else {
                self.add(format!("{} is served", name.name));
                continue;
            };
            let of = format!("{} ", name.name);
            self.setting(&of, "ttl", (&known.ttl, &name.ttl));
            self.setting(&of, "ttl_unstable", (&known.ttl_unstable, &name.ttl_unstable));
            match (known.role, name.role) {
                (NameRole::Write, NameRole::Write) => {}
                (NameRole::Read { .. }, NameRole::Read { .. }) => {
                    self.read(&of, (before, known.role), (after, name.role));
                }
                _ => self.add(format!("{of}is for something else")),
            }
        }
        let later: HashSet<_> = after.names.iter().map(|name| name.name.to_string()).collect();
        for name in earlier.keys().filter(|name| !later.contains(*name)) {
            self.add(format!("{name} is no longer served"));
        }
    }

    fn read(&mut self, of: &str, was: (&ClusterConfig, NameRole), is: (&ClusterConfig, NameRole)) {
        let ((old, from), (new, to)) = (was, is);
        let (
            NameRole::Read { index: from, balance: was, max_answers: most },
            NameRole::Read { index: to, balance: is, max_answers: now },
        ) = (from, to)
        else {
            return;
        };
        self.setting(of, "balance", (&was, &is));
        self.setting(of, "max_answers", (&most, &now));
        let ReadPolicy { max_lag, min_servers, include_primary, by_sessions: _ } = &new.reads[to];
        let was = &old.reads[from];
        self.setting(of, "max_lag", (&was.max_lag, max_lag));
        self.setting(of, "min_servers", (&was.min_servers, min_servers));
        self.setting(of, "include_primary", (&was.include_primary, include_primary));
    }

    fn write(&mut self, before: Option<&WritePolicy>, after: Option<&WritePolicy>) {
        let (Some(was), Some(is)) = (before, after) else {
            return;
        };
        let WritePolicy {
            on_not_writable,
            on_split_brain,
            on_newer_timeline,
            shared_storage,
            failback,
            flap_block,
        } = is;
        self.setting("", "on_not_writable", (&was.on_not_writable, on_not_writable));
        self.setting("", "on_split_brain", (&was.on_split_brain, on_split_brain));
        self.setting("", "on_newer_timeline", (&was.on_newer_timeline, on_newer_timeline));
        self.setting("", "shared_storage", (&was.shared_storage, shared_storage));
        self.setting("", "failback", (&was.failback, failback));
        self.setting("", "flap_block", (&was.flap_block, flap_block));
    }

    fn probe(&mut self, was: &ProbeConfig, is: &ProbeConfig) {
        let ProbeConfig {
            user,
            password,
            database,
            tls,
            interval,
            fast_interval,
            timeout,
            heartbeat_write,
        } = is;
        self.setting("probe ", "user", (&was.user, user));
        if was.password != *password {
            self.add("probe password is another one");
        }
        self.setting("probe ", "database", (&was.database, database));
        if was.tls != *tls {
            self.add(format!("probe tls is {tls:?}, or its authorities are others"));
        }
        self.setting("probe ", "interval", (&was.interval, interval));
        self.setting("probe ", "fast_interval", (&was.fast_interval, fast_interval));
        self.setting("probe ", "timeout", (&was.timeout, timeout));
        self.setting("probe ", "heartbeat_write", (&was.heartbeat_write, heartbeat_write));
    }

    fn kick(&mut self, was: Option<&KickConfig>, is: Option<&KickConfig>) {
        match (was, is) {
            (None, None) => {}
            (None, Some(is)) => self.add(format!("has a kick, {}", is.mode)),
            (Some(_), None) => self.add("has no kick any more"),
            (Some(was), Some(is)) => {
                let KickConfig { mode, users, databases, login } = is;
                self.setting("kick ", "mode", (&was.mode.name(), &mode.name()));
                self.setting("kick ", "users", (&was.users, users));
                self.setting("kick ", "databases", (&was.databases, databases));
                if was.login != *login {
                    self.add("kick user or its password is another one");
                }
            }
        }
    }

    fn thresholds(&mut self, was: &Thresholds, is: &Thresholds) {
        // The others follow from settings of the probe.
        let Thresholds { fall, rise, stale_after: _, first_round: _ } = is;
        self.setting("probe ", "fall", (&was.fall, fall));
        self.setting("probe ", "rise", (&was.rise, rise));
    }
}

#[cfg(test)]
mod tests;
