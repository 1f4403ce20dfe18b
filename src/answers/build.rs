//! Decisions in, an answer table out.
//!
//! A write name gets exactly one record per address family: resolvers shuffle records, so a second
//! one would send writes to either. A read name gets every published address of every server in its
//! set.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use super::{
    AnswerTable, Balance, Layout, NameRole, Note, PublishedServer, Serial, ServedName,
    balance::{Share, name_hash},
    set::ServedSet,
    table::{Authority, ServedAnswer},
};
use crate::engine::{
    Decision, Degradation, Override, ReadDecision, ReadReason, ReadServer, Wish, WriteDecision,
    WriteReason,
};

/// What a table is built from, for one cluster.
#[derive(Clone, Copy, Debug)]
pub struct ClusterAnswers<'a> {
    /// Its name in the configuration, for the reasons.
    pub name: &'a str,
    /// Its servers in config order.
    pub servers: &'a [PublishedServer],
    /// What is to be published.
    pub decision: &'a Decision,
    /// What operators have laid over it: a reason that tells of one tells who and why, too.
    pub overrides: &'a [Override],
}

/// Freezes the decisions of all clusters (by [`crate::engine::ClusterId`]) into a table.
///
/// A served name whose cluster, or whose part of the decision, is missing is not ready.
pub fn build(
    layout: &Arc<Layout>,
    clusters: &[ClusterAnswers<'_>],
    generation: u64,
    serial: Serial,
) -> AnswerTable {
    let served = layout
        .served()
        .iter()
        .map(|name| Arc::new(answer(name, clusters.get(name.cluster.0).copied())))
        .collect();
    AnswerTable {
        generation,
        serial,
        owes_a_serial: false,
        authorities: Authority::of(layout, serial),
        layout: Arc::clone(layout),
        served,
    }
}

/// What one served name says.
pub fn answer(name: &ServedName, cluster: Option<ClusterAnswers<'_>>) -> ServedAnswer {
    let Some(cluster) = cluster else {
        let reason = WriteReason::NotReady;
        return empty(note(reason.degradation(), "", &reason));
    };
    match name.role {
        NameRole::Write => match &cluster.decision.write {
            Some(write) => write_answer(name, cluster, write),
            None => {
                let reason = WriteReason::NotReady;
                empty(note(reason.degradation(), cluster.name, &reason))
            }
        },
        NameRole::Read { index, balance, max_answers } => match cluster.decision.reads.get(index) {
            Some(read) => read_answer(name, cluster, read, balance, max_answers),
            None => {
                let reason = ReadReason::NotReady;
                empty(note(reason.degradation(), cluster.name, &reason))
            }
        },
    }
}

/// The one published server, with its first address of each family.
fn write_answer(
    name: &ServedName,
    cluster: ClusterAnswers<'_>,
    write: &WriteDecision,
) -> ServedAnswer {
    let ttl = name.ttl_while(cluster.decision.stability);
    let server = write.server.and_then(|index| cluster.servers.get(index.place()));
    let only = |family: fn(&IpAddr) -> bool| {
        let only = server.and_then(|server| {
            let address = server.addresses.iter().copied().find(family)?;
            // One server has no place among others.
            let share = Share { weight: 0, sessions: None, name_hash: 0 };
            Some((share, vec![address]))
        });
        ServedSet::new(only, ttl, Balance::Shuffle, None)
    };
    ServedAnswer {
        servers: write.server.into_iter().collect(),
        ttl,
        v4: only(IpAddr::is_ipv4),
        v6: only(IpAddr::is_ipv6),
        note: signed(
            note(write.reason.degradation(), cluster.name, &write.reason),
            cluster.overrides,
            |wish| wish.decides_write(write.reason),
        ),
    }
}

/// All servers of the set, with all their addresses. An address that two servers share is named
/// once (RFC 2181 section 5: no duplicates in a set).
fn read_answer(
    name: &ServedName,
    cluster: ClusterAnswers<'_>,
    read: &ReadDecision,
    balance: Balance,
    max_answers: Option<usize>,
) -> ServedAnswer {
    let ttl = name.ttl_while(cluster.decision.stability);
    let all = |family: fn(&IpAddr) -> bool| {
        let mut seen = BTreeSet::new();
        let servers = read.servers.iter().filter_map(|member| {
            let server = cluster.servers.get(member.server.place())?;
            let addresses = server.addresses.iter().copied().filter(family);
            let unseen = addresses.filter(|&address| seen.insert(address)).collect();
            Some((share(server, *member, balance), unseen))
        });
        ServedSet::new(servers, ttl, balance, max_answers)
    };
    ServedAnswer {
        servers: read.servers.iter().map(|member| member.server).collect(),
        ttl,
        v4: all(IpAddr::is_ipv4),
        v6: all(IpAddr::is_ipv6),
        note: signed(
            note(read.reason.degradation(), cluster.name, &read.reason),
            cluster.overrides,
            |wish| wish.decides_read(read.reason),
        ),
    }
}

/// What the server's place depends on under `balance`, and nothing else: two tables that differ in
/// something that matters to no answer are equal.
fn share(server: &PublishedServer, member: ReadServer, balance: Balance) -> Share {
    let mut share = Share { weight: 0, sessions: None, name_hash: 0 };
    match balance {
        Balance::Shuffle => {}
        // In hundredths, so that a part of a small weight is not nothing.
        Balance::Weighted => share.weight = server.weight.saturating_mul(member.percent.into()),
        Balance::LeastConnections => share.sessions = member.sessions,
        Balance::ClientHash => share.name_hash = name_hash(&server.name),
    }
    share
}

fn note(degradation: Degradation, cluster: &str, reason: &impl std::fmt::Display) -> Option<Note> {
    let text = match (degradation, cluster) {
        (Degradation::None, _) => return None,
        (_, "") => reason.to_string(),
        (_, cluster) => format!("{cluster}: {reason}"),
    };
    Some(Note { degradation, text: text.into() })
}

/// The note with the author and the reason of the override that decides the name.
fn signed(
    note: Option<Note>,
    overrides: &[Override],
    decides: impl Fn(&Wish) -> bool,
) -> Option<Note> {
    let Note { degradation, text } = note?;
    let text = match overrides.iter().find(|laid| decides(&laid.wish)) {
        Some(Override { author, reason, .. }) => format!("{text} ({author}: {reason})").into(),
        None => text,
    };
    Some(Note { degradation, text })
}

fn empty(note: Option<Note>) -> ServedAnswer {
    let none = || ServedSet::new(None, 0, Balance::Shuffle, None);
    ServedAnswer { servers: Box::default(), ttl: 1, v4: none(), v6: none(), note }
}

#[cfg(test)]
mod tests;
