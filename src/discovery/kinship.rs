//! Whether a server that was found belongs to the cluster: the same identity, a live link to a member,
//! an id of its own. A system identifier alone proves nothing: a restored copy has it, too.

use std::net::SocketAddr;

use super::{ExaminedReason, Login, Member, Proof, Word};
use crate::engine::{
    Channel, Facts, Galera, Group, GroupMember, IoThread, MySqlFacts, PostgresFacts, PostgresRole,
    Writability,
};

/// A server that was asked what it is.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Where it was asked.
    pub at: SocketAddr,
    /// What it said.
    pub word: &'a Word,
}

/// How `candidate` has proven that it belongs to `members`.
///
/// # Errors
/// Why it has not.
pub fn judge(candidate: Candidate<'_>, members: &[Member]) -> Result<Proof, ExaminedReason> {
    if let Some(twin) = twin(candidate, members) {
        return Err(ExaminedReason::SameServer { as_server: twin.name.clone() });
    }
    match &candidate.word.facts {
        Facts::Tcp => Err(ExaminedReason::OtherEngine),
        facts if members.is_empty() => Err(ExaminedReason::first(&shown(facts))),
        Facts::Postgres(facts) => postgres(candidate, facts, members),
        Facts::MySql(facts) => mysql(candidate, facts, members),
    }
}

/// What an operator knows a server by who is to vouch for it.
fn shown(facts: &Facts) -> String {
    match facts {
        Facts::Postgres(PostgresFacts { system_identifier, role, .. }) => {
            let role = match role {
                PostgresRole::Primary { timeline, .. } => format!("primary on timeline {timeline}"),
                PostgresRole::Standby { .. } => "standby".to_owned(),
            };
            format!("a {role} with system identifier {system_identifier}")
        }
        Facts::MySql(MySqlFacts { group, identity, writability, .. }) => {
            let role = match writability {
                Writability::Writable => "writable",
                _ => "read-only",
            };
            let id = match (group, &identity.uuid) {
                (Some(Group::Replication(GroupMember { group_name: Some(name), .. })), _) => {
                    format!("in group {name}")
                }
                (Some(Group::Galera(node)), _) => {
                    format!("in Galera cluster {}", node.cluster_uuid)
                }
                (_, Some(uuid)) => format!("with server_uuid {uuid}"),
                (_, None) => format!("with server_id {}", identity.server_id),
            };
            format!("{role} {id}")
        }
        Facts::Tcp => String::new(),
    }
}

/// The member that the candidate is, at another address.
fn twin<'m>(candidate: Candidate<'_>, members: &'m [Member]) -> Option<&'m Member> {
    let own = candidate.word.introduction.instance.as_ref()?;
    members.iter().find(|member| {
        let shown = member.word.as_ref().and_then(|word| word.introduction.instance.as_ref());
        let joined = member.found.as_ref().and_then(|found| found.instance.as_ref());
        shown.or(joined) == Some(own)
    })
}

fn postgres(
    candidate: Candidate<'_>,
    facts: &PostgresFacts,
    members: &[Member],
) -> Result<Proof, ExaminedReason> {
    let known = members.iter().filter_map(|member| match &member.vouches()?.facts {
        Facts::Postgres(theirs) => Some((member, theirs)),
        Facts::MySql(_) | Facts::Tcp => None,
    });
    let kin = known.filter(|(_, theirs)| theirs.system_identifier == facts.system_identifier);
    let kin: Vec<_> = kin.collect();
    if kin.is_empty() {
        let any = members.iter().any(|member| member.vouches().is_some());
        return Err(if any { ExaminedReason::OtherIdentity } else { ExaminedReason::NoLink });
    }
    let PostgresRole::Standby { receiver, timeline, sender, .. } = &facts.role else {
        return Err(ExaminedReason::Stranger);
    };
    if !receiver.is_attached() {
        return Err(ExaminedReason::NoLink);
    }
    // Whoever lets everybody in may be anybody, and say anything: then a member must list it.
    let is_known = candidate.word.introduction.login == Login::Proven;
    let link = kin.iter().find_map(|&(member, theirs)| {
        let follows = sender.as_ref().is_some_and(|sender| member.is_at(sender));
        let is_listed = || {
            let word = member.vouches();
            let followers = word.into_iter().flat_map(|word| &word.introduction.followers);
            let from_there = |host: &str| host.parse().is_ok_and(|ip| is_same(candidate.at, ip));
            // A name that only the database's host resolves says nothing, the port does: another
            // instance on the follower's host may follow somebody else.
            sender.as_ref().is_some_and(|sender| sender.port == member.port)
                && followers.clone().any(|follower| from_there(&follower.host))
        };
        match follows && is_known {
            true => Some((Proof::Follows(member.name.clone()), theirs)),
            false if is_listed() => Some((Proof::FollowedBy(member.name.clone()), theirs)),
            false => None,
        }
    });
    let (proof, theirs) = link.ok_or(match is_known {
        true => ExaminedReason::NoLink,
        false => ExaminedReason::Unlisted,
    })?;
    let same_timeline = timeline.is_none() || *timeline == written_or_received(theirs);
    same_timeline.then_some(proof).ok_or(ExaminedReason::OtherTimeline)
}

/// The timeline that a member sends.
fn written_or_received(member: &PostgresFacts) -> Option<u32> {
    match member.role {
        PostgresRole::Primary { timeline, .. } => Some(timeline),
        PostgresRole::Standby { timeline, recovery_timeline, .. } => timeline.or(recovery_timeline),
    }
}

fn is_same(at: SocketAddr, address: std::net::IpAddr) -> bool {
    at.ip().to_canonical() == address.to_canonical()
}

fn mysql(
    candidate: Candidate<'_>,
    facts: &MySqlFacts,
    members: &[Member],
) -> Result<Proof, ExaminedReason> {
    let known = members.iter().filter_map(|member| match &member.vouches()?.facts {
        Facts::MySql(theirs) => Some((member, theirs)),
        Facts::Postgres(_) | Facts::Tcp => None,
    });
    let known: Vec<_> = known.collect();
    let group = match &facts.group {
        Some(Group::Replication(own)) => Some(in_group(own, facts, &known)),
        Some(Group::Galera(own)) => Some(in_galera(own, candidate, &known)),
        None => None,
    };
    if let Some(Ok(proof)) = group {
        return Ok(proof);
    }
    let follows = |channel: &Channel, (member, theirs): &(&Member, &MySqlFacts)| {
        let same = match (&channel.source.uuid, &theirs.identity.uuid) {
            (Some(named), Some(own)) => named.eq_ignore_ascii_case(own),
            // A number is anybody's: the address must agree.
            _ => {
                let id = channel.source.server_id;
                id != 0 && id == theirs.identity.server_id && member.is_at(&channel.source.endpoint)
            }
        };
        same && channel.io == IoThread::Running
    };
    let mut channels = facts.channels.iter().flatten();
    let source = channels.find_map(|channel| known.iter().find(|known| follows(channel, known)));
    if let Some((member, _)) = source {
        return Ok(Proof::Follows(member.name.clone()));
    }
    if let Some(Err(reason)) = group {
        return Err(reason);
    }
    let shares = known.iter().any(|(_, theirs)| facts.gtid.shares(&theirs.gtid) == Some(true));
    let writable = facts.writability == Writability::Writable;
    Err(if shares && writable { ExaminedReason::Stranger } else { ExaminedReason::NoLink })
}

fn in_group(
    own: &GroupMember,
    facts: &MySqlFacts,
    known: &[(&Member, &MySqlFacts)],
) -> Result<Proof, ExaminedReason> {
    let groups = known.iter().filter_map(|(member, theirs)| match &theirs.group {
        Some(Group::Replication(group)) => Some((member, group)),
        _ => None,
    });
    let mut named_so = groups
        .filter(|(_, group)| group.group_name.is_some() && group.group_name == own.group_name)
        .peekable();
    if named_so.peek().is_none() {
        return Err(if known.is_empty() {
            ExaminedReason::NoLink
        } else {
            ExaminedReason::OtherIdentity
        });
    }
    let uuid = facts.identity.uuid.as_deref().unwrap_or_default();
    let lists = |group: &GroupMember| {
        let quorum = group.online && group.majority;
        quorum && group.members.iter().any(|member| member.eq_ignore_ascii_case(uuid))
    };
    let lister = named_so.find(|(_, group)| own.online && lists(group));
    lister.map(|(member, _)| Proof::InGroupOf(member.name.clone())).ok_or(ExaminedReason::NoLink)
}

fn in_galera(
    own: &Galera,
    candidate: Candidate<'_>,
    known: &[(&Member, &MySqlFacts)],
) -> Result<Proof, ExaminedReason> {
    let nodes = known.iter().filter_map(|(member, theirs)| match &theirs.group {
        Some(Group::Galera(node)) => Some((member, node)),
        _ => None,
    });
    let mut same = nodes.filter(|(_, node)| node.cluster_uuid == own.cluster_uuid).peekable();
    if same.peek().is_none() {
        return Err(if known.is_empty() {
            ExaminedReason::NoLink
        } else {
            ExaminedReason::OtherIdentity
        });
    }
    let at = candidate.at.to_string();
    let lists = |node: &Galera| {
        node.ready && node.primary_component && node.members.iter().any(|listed| **listed == *at)
    };
    let counts = own.ready && own.primary_component;
    let lister = same.find(|(_, node)| counts && lists(node));
    lister.map(|(member, _)| Proof::InGroupOf(member.name.clone())).ok_or(ExaminedReason::NoLink)
}

#[cfg(test)]
mod tests;
