//! Who replicates from whom, as far as the members of the cluster tell.

use super::mysql_facts;
use crate::engine::{
    Channel, ClusterPolicy, IoThread, Moment, ServerIndex, SourceId,
    ids::Servers,
    judge::is_endpoint_of,
    reception::{Opinion, Origin},
    record::Record,
    trouble::Liveness,
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

/// Follows the channels of `from`, of whatever state they are, and from there those that receive,
/// member by member towards `to`.
pub(super) fn trail(
    from: ServerIndex,
    to: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
) -> Trail {
    let mut visited: Servers<_> = records.iter().map(|_| false).collect();
    let mut pending = vec![from];
    let mut hidden = false;
    while let Some(server) = pending.pop() {
        if server == to {
            return Trail::Leads;
        }
        if std::mem::replace(&mut visited[server], true) {
            continue;
        }
        let channels = mysql_facts(&records[server]).map(|facts| facts.channels.is_some());
        hidden |= channels != Some(true);
        // Beyond the first, only what still receives passes anything on.
        let passes =
            |member: &MemberChannel<'_>| server == from || member.channel.io == IoThread::Running;
        let channels = member_channels(server, policy, records).into_iter();
        pending.extend(channels.filter(passes).map(|member| member.source));
    }
    if hidden { Trail::Unknown } else { Trail::Astray }
}

/// A channel that comes from a member of the cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemberChannel<'a> {
    pub(super) source: ServerIndex,
    pub(super) channel: &'a Channel,
    /// Only a number says so, and of another channel of the same server, too.
    pub(super) ambiguous: bool,
}

/// How a member was known as a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KnownBy {
    Address,
    Uuid,
    /// `server_id`: unique only among those who replicate from each other, and 1 by default.
    Number,
}

/// Which member a channel replicates from. An address decides before an identity: a number means
/// nothing outside of the fleet, and a copied data directory carries the UUID of its original.
fn source_member(
    source: &SourceId,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
) -> Option<(ServerIndex, KnownBy)> {
    let by_address = policy.position(|server| is_endpoint_of(&source.endpoint, server));
    if let Some(member) = by_address {
        return Some((member, KnownBy::Address));
    }
    let only = |carries: &dyn Fn(&Record) -> bool| {
        let mut carriers = records.indices().filter(|&index| carries(&records[index]));
        carriers.next().filter(|_| carriers.next().is_none())
    };
    if let Some(uuid) = source.uuid.as_deref() {
        let carries = |record: &Record| {
            record.history.uuid.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(uuid))
        };
        return only(&carries).map(|member| (member, KnownBy::Uuid));
    }
    let carries =
        |record: &Record| source.server_id != 0 && record.history.server_id == source.server_id;
    only(&carries).map(|member| (member, KnownBy::Number))
}

/// The channels of a server that come from a member of its cluster. Others, a migration for example,
/// have no say, and a number alone proves little: beside a channel that names a member, and where its
/// carrier in turn only receives from this server, it is somebody's outside.
pub(super) fn member_channels<'a>(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &'a Servers<Record>,
) -> Vec<MemberChannel<'a>> {
    let found = channels_of_fleet(index, policy, records);
    let is_named = |by: KnownBy| by != KnownBy::Number;
    let named = found.iter().any(|(_, by, _)| is_named(*by));
    let returns = |member: ServerIndex| {
        let back = channels_of_fleet(member, policy, records);
        !records[member].claims_writable() && back.iter().any(|(source, ..)| *source == index)
    };
    let counts = found
        .iter()
        .filter(|(member, by, _)| is_named(*by) || !named && !returns(*member))
        .collect::<Vec<_>>();
    let ambiguous = !named && counts.len() > 1;
    let told =
        |&&(source, _, channel): &&(_, _, &'a _)| MemberChannel { source, channel, ambiguous };
    counts.iter().map(told).collect()
}

/// The channels of a server whose source carries anything of a member, and how that is known.
fn channels_of_fleet<'a>(
    index: ServerIndex,
    policy: &ClusterPolicy,
    records: &'a Servers<Record>,
) -> Vec<(ServerIndex, KnownBy, &'a Channel)> {
    let channels = mysql_facts(&records[index]).and_then(|facts| facts.channels.as_ref());
    let from_member = |channel: &'a Channel| {
        let (member, by) = source_member(&channel.source, policy, records)?;
        (member != index).then_some((member, by, channel))
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
    records: &Servers<Record>,
    now: Moment,
) -> usize {
    let all = records.indices();
    all.filter(|&replica| is_receiving(replica, primary, policy, records, now)).count()
}

/// Whether `replica` answers and receives from `source` directly.
pub(super) fn is_receiving(
    replica: ServerIndex,
    source: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    now: Moment,
) -> bool {
    records[replica].liveness(&policy.thresholds, now) == Liveness::Answering
        && is_attached(replica, source, policy, records)
}

/// Whether, by its last reply, `replica` received from `source` directly.
pub(super) fn is_attached(
    replica: ServerIndex,
    source: ServerIndex,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
) -> bool {
    member_channels(replica, policy, records)
        .iter()
        .any(|member| member.source == source && member.channel.io == IoThread::Running)
}

/// What `replica` tells of `source`, which it receives from directly or through others and which is
/// silent `since` then.
pub(super) fn opinion(
    replica: ServerIndex,
    source: ServerIndex,
    since: Moment,
    policy: &ClusterPolicy,
    records: &Servers<Record>,
    taken_over: bool,
    now: Moment,
) -> Opinion {
    let channels = member_channels(replica, policy, records);
    let told = channels.iter().map(|member| {
        let direct = member.source == source;
        // Somebody else took over and is written to: what comes through others is that one's.
        if member.ambiguous || !direct && taken_over {
            return Opinion::Nothing;
        }
        let from = if direct { Origin::Source } else { Origin::Beyond };
        match records[replica].opinion(&member.channel.name, from, since, now) {
            Opinion::Nothing => Opinion::Nothing,
            _ if trail(member.source, source, policy, records) != Trail::Leads => Opinion::Nothing,
            _ if writes_itself(member.source, source, records) => Opinion::Nothing,
            told => told,
        }
    });
    told.min().unwrap_or(Opinion::Nothing)
}

/// Whether an intermediate server takes writes of its own, which then are no sign of life of its
/// source.
fn writes_itself(between: ServerIndex, source: ServerIndex, records: &Servers<Record>) -> bool {
    between != source && records[between].claims_writable()
}
