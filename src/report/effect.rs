//! What a change does to the names of a cluster, and what about it should be thought over.

use std::{collections::HashMap, fmt};

use super::{ClusterView, NameReason, Override, Wish};

/// What a change does to the names of its cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Every name of the cluster, the write name first.
    pub names: Vec<NameEffect>,
    /// The override of the same kind, and of the same server, that it takes the place of.
    pub replaced: Option<Override>,
    /// What somebody might not have meant.
    pub dangers: Vec<Danger>,
}

/// What a change does to one name. It prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameEffect {
    /// The name, with the dot at its end.
    pub name: Box<str>,
    /// The servers that it said before, in config order.
    pub before: Vec<Box<str>>,
    /// Those that it says then.
    pub after: Vec<Box<str>>,
    /// Why it says them.
    pub reason: NameReason,
}

/// What somebody who asks for a change might not have meant. It prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Danger {
    /// A name loses its last address.
    NameEmpty {
        /// Which.
        name: Box<str>,
        /// Why.
        reason: NameReason,
    },
    /// All readers of a name go to the primary.
    ReadsOnPrimary {
        /// Which.
        name: Box<str>,
        /// The primary.
        primary: Box<str>,
    },
    /// A drained server is still the writer: whoever restarts it has an outage.
    DrainedWrites {
        /// The server.
        server: Box<str>,
        /// The write name that says it.
        name: Box<str>,
    },
    /// It takes the place of what somebody else wished.
    Replaces(Box<Override>),
}

impl Effect {
    /// What has led from one view of a cluster to the other, and what of it follows from `laid`, if
    /// it is an override that has been laid.
    pub fn between(before: &ClusterView, after: &ClusterView, laid: Option<&Override>) -> Self {
        let names = after.names.iter().map(|name| {
            let earlier = before.names.iter().find(|earlier| earlier.name == name.name);
            NameEffect {
                name: name.name.clone(),
                before: earlier.map(|earlier| earlier.servers.clone()).unwrap_or_default(),
                after: name.servers.clone(),
                reason: name.reason,
            }
        });
        let mut effect = Self { names: names.collect(), ..Self::default() };
        let writer = effect.names.iter().find(|name| matches!(name.reason, NameReason::Write(_)));
        let writer = writer.and_then(|name| Some((name.name.clone(), name.after.first()?.clone())));
        for name in effect.names.iter().filter(|name| name.changes()) {
            let is_read = matches!(name.reason, NameReason::Read(_));
            match (&name.after[..], &writer) {
                ([], _) => {
                    let (name, reason) = (name.name.clone(), name.reason);
                    effect.dangers.push(Danger::NameEmpty { name, reason });
                }
                ([only], Some((_, primary))) if is_read && only == primary => {
                    let (name, primary) = (name.name.clone(), primary.clone());
                    effect.dangers.push(Danger::ReadsOnPrimary { name, primary });
                }
                _ => {}
            }
        }
        let Some(laid) = laid else { return effect };
        if let (Wish::Drain { server, .. }, Some((name, primary))) = (&laid.wish, writer)
            && *server == primary
        {
            effect.dangers.push(Danger::DrainedWrites { server: primary, name });
        }
        let key = laid.wish.clone().key();
        let replaced = before.overrides.iter().find(|one| one.wish.clone().key() == key);
        effect.replaced = replaced.cloned();
        if let Some(replaced) = replaced.filter(|replaced| replaced.author != laid.author) {
            effect.dangers.push(Danger::Replaces(Box::new(replaced.clone())));
        }
        effect
    }
}

impl Effect {
    /// What has led from all clusters of before to those of after: the names that say other servers.
    pub fn of_all(before: &[ClusterView], after: &[ClusterView]) -> Self {
        let earlier: HashMap<_, _> =
            before.iter().map(|cluster| (&*cluster.name, cluster)).collect();
        let mut whole = Self::default();
        for cluster in after {
            let Some(earlier) = earlier.get(&*cluster.name) else { continue };
            let Self { names, dangers, .. } = Self::between(earlier, cluster, None);
            whole.names.extend(names.into_iter().filter(NameEffect::changes));
            whole.dangers.extend(dangers);
        }
        whole
    }
}

impl NameEffect {
    /// Whether it says other servers than before.
    pub fn changes(&self) -> bool {
        self.before != self.after
    }
}

impl fmt::Display for NameEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, before, after, reason } = self;
        let name = name.trim_end_matches('.');
        match self.changes() {
            true => write!(f, "{name}: {} -> {} ({reason})", listed(before), listed(after)),
            false => write!(f, "{name}: {}, unchanged ({reason})", listed(after)),
        }
    }
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |name: &str| name.trim_end_matches('.').to_owned();
        match self {
            Self::NameEmpty { name, .. } => write!(f, "{} is left without an address", bare(name)),
            Self::ReadsOnPrimary { name, primary } => {
                write!(f, "all readers of {} go to the primary, {primary}", bare(name))
            }
            Self::DrainedWrites { server, name } => write!(
                f,
                "{server} is drained of reads alone and still is what {} says: promote another \
                 server before it is stopped, or use --force",
                bare(name)
            ),
            Self::Replaces(other) => {
                let Override { author, reason, until, .. } = &**other;
                write!(f, "it takes the place of what {author} wished ({reason}), ")?;
                match until {
                    Some(until) => write!(f, "which would have ended at {until}"),
                    None => f.write_str("which had no end"),
                }
            }
        }
    }
}

/// `db1, db2`; `none` for none.
fn listed(servers: &[Box<str>]) -> String {
    if servers.is_empty() { "none".to_owned() } else { servers.join(", ") }
}

#[cfg(test)]
mod tests;
