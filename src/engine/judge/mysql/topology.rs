//! Who replicates from whom, as far as the members of the cluster tell.

use super::mysql_facts;
use crate::engine::{
    Channel, ClusterPolicy, IoThread, Moment, ServerIndex, ServerPolicy, SourceId,
    judge::is_endpoint_of,
    reception::{Opinion, Origin},
    record::{Liveness, Record},
};

/// Where a server's changes come from in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trail {
    /// From the server that was asked for, directly or through others.
    Leads,
    /// From others only.
    Astray,
    /// From servers that do not show whom they follow.
    Unknown,
}

/// Follows the channels of `from`, of whatever state they are, member by member towards `to`.
pub(super) fn trail(
    from: ServerIndex,
    to: ServerIndex,
    policy: &ClusterPolicy,
    records: &[Record],
) -> Trail {
    let mut visited = vec![false; records.len()];
    let mut pending = vec![from];
    let mut hidden = false;
    while let Some(server) = pending.pop() {
        if server == to {
            return Trail::Leads;
        }
        if std::mem::replace(&mut visited[server.0], true) {
            continue;
        }
        let channels = mysql_facts(&records[server.0]).map(|facts| facts.channels.is_some());
        hidden |= channels != Some(true);
        pending
            .extend(member_channels(server, policy, records).into_iter().map(|(source, _)| source));
    }
    if hidden { Trail::Unknown } else { Trail::Astray }
}

/// Which member a channel replicates from: by its identity first, by its address second.
fn source_member(
    source: &SourceId,
    servers: &[ServerPolicy],
    records: &[Record],
) -> Option<ServerIndex> {
    let by_uuid = |uuid: &str| {
        records.iter().position(|record| {
            mysql_facts(record)
                .and_then(|facts| facts.identity.uuid.as_deref())
                .is_some_and(|own| own.eq_ignore_ascii_case(uuid))
        })
    };
    let by_address = || servers.iter().position(|server| is_endpoint_of(&source.endpoint, server));
    let by_server_id = || {
        let carries = |record: &Record| {
            source.server_id != 0
                && mysql_facts(record)
                    .is_some_and(|facts| facts.identity.server_id == source.server_id)
        };
        let mut carriers = (0..records.len()).filter(|&index| carries(&records[index]));
        carriers.next().filter(|_| carriers.next().is_none())
    };
    let index = match source.uuid.as_deref() {
        Some(uuid) => by_uuid(uuid).or_else(by_address),
        None => by_server_id().or_else(by_address),
    };
    index.map(ServerIndex)
}

/// The channels of a server that come from a member of its cluster, each with that member. Others,
/// a migration for example, have no say.
pub(super) fn member_channels<'a>(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &'a [Record],
) -> Vec<(ServerIndex, &'a Channel)> {
    let channels = mysql_facts(&records[index.0]).and_then(|facts| facts.channels.as_ref());
    let from_member = |channel: &'a Channel| {
        let member = source_member(&channel.source, &policy.servers, records)?;
        (member != index).then_some((member, channel))
    };
    channels.into_iter().flatten().filter_map(from_member).collect()
}

/// Whether a channel still brings changes: received ones are applied, or new ones come.
pub(super) fn runs(channel: &Channel) -> bool {
    channel.sql_running || channel.io == IoThread::Running
}

/// How many replicas receive from `primary` now.
pub(super) fn attached_replicas(
    primary: ServerIndex,
    policy: &ClusterPolicy,
    records: &[Record],
    now: Moment,
) -> usize {
    let receives = |index: &ServerIndex| {
        records[index.0].liveness(&policy.thresholds, now) == Liveness::Answering
            && is_attached(*index, primary, policy, records)
    };
    (0..records.len()).map(ServerIndex).filter(receives).count()
}

/// Whether, by its last reply, `replica` received from `source` directly.
pub(super) fn is_attached(
    replica: ServerIndex,
    source: ServerIndex,
    policy: &ClusterPolicy,
    records: &[Record],
) -> bool {
    member_channels(replica, policy, records)
        .iter()
        .any(|(of, channel)| *of == source && channel.io == IoThread::Running)
}

/// What `replica` tells of `source`, which it receives from directly or through others and which is
/// silent `since` then.
pub(super) fn opinion(
    replica: ServerIndex,
    source: ServerIndex,
    since: Moment,
    policy: &ClusterPolicy,
    records: &[Record],
    now: Moment,
) -> Opinion {
    let channels = member_channels(replica, policy, records);
    let told = channels.iter().map(|(of, channel)| {
        let from = if *of == source { Origin::Source } else { Origin::Beyond };
        match records[replica.0].opinion(&channel.name, from, since, now) {
            Opinion::Nothing => Opinion::Nothing,
            _ if trail(*of, source, policy, records) != Trail::Leads => Opinion::Nothing,
            told => told,
        }
    });
    told.min().unwrap_or(Opinion::Nothing)
}
