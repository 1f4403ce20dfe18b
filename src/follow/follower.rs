//! Which connections are cut: what was answered, which connections there are, and the rules.

#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use super::{
    connection::Connection,
    heard::Heard,
    limits::{Limits, Spared},
    name_watch::{Moved, NameWatch},
    reason::{Action, CutReason, Rules},
};

/// Everything that is known, and the rules. Times are those since the start of the agent.
#[derive(Clone, Debug)]
pub struct Follower {
    names: BTreeMap<Box<str>, NameWatch>,
    rules: Rules,
    limits: Limits,
    grace: Duration,
    fresh: Duration,
    /// The connections that a server had when it was about to lose a name, and no other name said
    /// it: they are that name's, whatever the server becomes.
    held: BTreeMap<SocketAddr, BTreeSet<u64>>,
}

/// What is done about one connection to a server that a name has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// Its place among the connections.
    pub place: usize,
    /// The name that was left.
    pub name: &'a str,
    /// Why it would be cut.
    pub reason: CutReason,
    /// Whether it is, and why not.
    pub fate: Result<(), Spared>,
}

impl Follower {
    /// One that has heard nothing yet. Connections of a server that is alive are cut after `grace`; an
    /// answer that is older than `fresh` is no reason for anything.
    pub fn new(
        names: impl IntoIterator<Item = Box<str>>,
        rules: Rules,
        limits: Limits,
        grace: Duration,
        fresh: Duration,
    ) -> Self {
        let names = names.into_iter().map(|name| (name, NameWatch::default())).collect();
        Self { names, rules, limits, grace, fresh, held: BTreeMap::new() }
    }

    /// Takes what was answered for `name`. Tells when it has come to say others.
    pub fn hear(&mut self, now: Duration, name: &str, heard: Heard) -> Option<Moved> {
        let moved = self.names.get_mut(name)?.hear(now, heard);
        if !self.wants_a_look(now) {
            self.held.clear();
        }
        moved
    }

    /// Whether the next answer for `name` should be asked for soon.
    pub fn is_in_doubt(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(NameWatch::is_in_doubt)
    }

    /// Whether connections must be looked at: a server has lost a name, or may be about to.
    pub fn wants_a_look(&self, now: Duration) -> bool {
        self.names.values().any(|name| name.is_uneasy() || name.has_left_somebody(now))
    }

    /// The servers whose connections must be looked at: those that a name has left, or may be about to.
    pub fn suspects(&self, now: Duration) -> BTreeSet<SocketAddr> {
        self.names.values().flat_map(|watch| watch.suspects(now)).collect()
    }

    /// What is done about those of `connections` that lead to a server that a name has left. Each
    /// is told once. Those to other servers than [`Self::suspects`] do not count.
    pub fn judge(&mut self, now: Duration, connections: &[Connection]) -> Vec<Verdict<'_>> {
        self.hold(now, connections);
        let mut verdicts: BTreeMap<usize, Verdict<'_>> = BTreeMap::new();
        let mut cut = 0;
        for (name, watch) in &self.names {
            for (server, left, reason) in watch.lost(now) {
                let is_said = self.is_said_elsewhere(name, &server);
                let mut to_it = connections.iter().enumerate();
                while let Some((place, connection)) = to_it.find(|(_, one)| one.remote == server) {
                    let is_cut = verdicts.get(&place).is_some_and(|told| told.fate.is_ok());
                    if is_cut {
                        continue;
                    }
                    let is_held = self.is_held(connection);
                    let mut fate = match () {
                        () if is_said && !is_held => Err(Spared::OtherName),
                        () => self.fate(now, watch, left, reason, connection),
                    };
                    if fate.is_ok() && cut == self.limits.at_most {
                        fate = Err(Spared::Later);
                    }
                    cut += usize::from(fate.is_ok());
                    verdicts.insert(place, Verdict { place, name, reason, fate });
                }
            }
        }
        verdicts.into_values().collect()
    }

    fn fate(
        &self,
        now: Duration,
        watch: &NameWatch,
        left: Duration,
        reason: CutReason,
        connection: &Connection,
    ) -> Result<(), Spared> {
        self.limits.check(connection)?;
        if !watch.is_sure(now, self.fresh) {
            return Err(Spared::Unsure);
        }
        match self.rules.action(reason) {
            Action::Leave => Err(Spared::Rule),
            Action::Grace if now < left + self.grace => Err(Spared::Grace),
            Action::Grace | Action::Now => Ok(()),
        }
    }

    /// Notes whose connections are those of a name that is about to leave.
    fn hold(&mut self, now: Duration, connections: &[Connection]) {
        let mut at_risk: BTreeSet<SocketAddr> = BTreeSet::new();
        for (name, watch) in &self.names {
            at_risk
                .extend(watch.suspects(now).filter(|server| !self.is_said_elsewhere(name, server)));
        }
        for server in at_risk {
            self.held.entry(server).or_insert_with(|| {
                let to_it = connections.iter().filter(|one| one.remote == server);
                to_it.map(|one| one.cookie).collect()
            });
        }
        let names = &self.names;
        self.held.retain(|server, _| {
            names.values().any(|watch| {
                let is_leaving = watch.is_uneasy() && watch.said().any(|said| said == server);
                is_leaving || watch.lost(now).any(|(lost, ..)| lost == *server)
            })
        });
    }

    fn is_held(&self, connection: &Connection) -> bool {
        let held = self.held.get(&connection.remote);
        held.is_some_and(|held| held.contains(&connection.cookie))
    }

    /// Whether another name than `name` may lead somebody to `server`.
    fn is_said_elsewhere(&self, name: &str, server: &SocketAddr) -> bool {
        let mut others = self.names.iter().filter(|(other, _)| ***other != *name);
        others.any(|(_, watch)| watch.may_say(server))
    }
}
