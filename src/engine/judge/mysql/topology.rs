//! Who replicates from whom, as far as the members of the cluster tell.

use super::standing::is_shut_out;
use crate::engine::{
    Channel, IoThread, Moment, ServerIndex, SourceId, Upstream,
    ids::Servers,
    judge::case::Case,
    reception::{Opinion, Origin},
    record::Record,
};

/// Where a server's changes come from in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trail {
    /// From the server that was asked for, directly or through others.
    Leads,
    /// From others only.
    Astray,
    /// From servers that do not show whom they follow.
    Unknown,
}

/// Follows the channels of `from`, of whatever state they are, and from there those that receive,
/// member by member towards `to`.
pub fn trail(from: ServerIndex, to: ServerIndex, case: Case<'_>) -> Trail {
    // Beyond the first, only what still receives passes anything on.
    let passes =
        |server: ServerIndex, channel: &Channel| server == from || channel.io == IoThread::Running;
    walk(from, to, &passes, case)
}

/// Whether, by the last replies, `replica` received from `source`, directly or through others.
pub fn is_below(replica: ServerIndex, source: ServerIndex, case: Case<'_>) -> bool {
    let receives = |_, channel: &Channel| channel.io == IoThread::Running;
    replica != source && walk(replica, source, &receives, case) == Trail::Leads
}

/// Whether changes of a GTID domain never come from `primary` to `replica`, because somebody
/// between leaves it out.
pub fn is_left_out(
    domain: u32,
    replica: ServerIndex,
    primary: ServerIndex,
    case: Case<'_>,
) -> bool {
    let takes = |_, channel: &Channel| channel.domains.contain(domain);
    walk(replica, primary, &|_, _| true, case) == Trail::Leads
        && walk(replica, primary, &takes, case) == Trail::Astray
}

/// Follows those channels that `passes` from member to member.
fn walk(
    from: ServerIndex,
    to: ServerIndex,
    passes: &dyn Fn(ServerIndex, &Channel) -> bool,
    case: Case<'_>,
) -> Trail {
    let mut visited: Servers<_> = case.records.iter().map(|_| false).collect();
    let mut pending = vec![from];
    let mut hidden = false;
    while let Some(server) = pending.pop() {
        if server == to {
            return Trail::Leads;
        }
        if std::mem::replace(&mut visited[server], true) {
            continue;
        }
        let channels = case.records[server].mysql().map(|facts| facts.channels.is_some());
        hidden |= channels != Some(true);
        let channels = member_channels(server, case).into_iter();
        let passing = channels.filter(|member| passes(server, member.channel));
        pending.extend(passing.map(|member| member.source));
    }
    if hidden { Trail::Unknown } else { Trail::Astray }
}

/// A channel that comes from a member of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct MemberChannel<'a> {
    pub source: ServerIndex,
    pub channel: &'a Channel,
    /// Only a number says so, and of another channel of the same server, too.
    pub ambiguous: bool,
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
fn source_member(source: &SourceId, case: Case<'_>) -> Option<(ServerIndex, KnownBy)> {
    let by_address = case.policy.position(|server| server.is_at(&source.endpoint));
    if let Some(member) = by_address {
        return Some((member, KnownBy::Address));
    }
    let only = |carries: &dyn Fn(&Record) -> bool| {
        let mut carriers = case.indices().filter(|&index| carries(&case.records[index]));
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
pub fn member_channels<'a>(index: ServerIndex, case: Case<'a>) -> Vec<MemberChannel<'a>> {
    let found = channels_of_fleet(index, case);
    let is_named = |by: KnownBy| by != KnownBy::Number;
    let named = found.iter().any(|(_, by, _)| is_named(*by));
    let returns = |member: ServerIndex| {
        let back = channels_of_fleet(member, case);
        !case.records[member].claims_writable() && back.iter().any(|(source, ..)| *source == index)
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

/// Whom a replica gets its changes from, for people: its group, if it is counted in by one; of several
/// sources a member that it receives from, else a member, else whoever is outside. `None` when it
/// replicates from no server or does not tell.
pub fn upstream(replica: ServerIndex, case: Case<'_>) -> Option<Upstream<ServerIndex>> {
    let grouped = case.records[replica].mysql().filter(|facts| facts.group.is_some());
    if grouped.is_some_and(|facts| !is_shut_out(facts)) {
        return Some(Upstream::Group);
    }
    let members = member_channels(replica, case);
    let receives = |channel: &Channel| channel.io == IoThread::Running;
    let receiving = members.iter().find(|member| receives(member.channel));
    if let Some(member) = receiving.or_else(|| members.first()) {
        return (!member.ambiguous).then_some(Upstream::Member(member.source));
    }
    let mut channels = case.records[replica].mysql()?.channels.iter().flatten();
    channels.any(receives).then_some(Upstream::Outside)
}

/// The channels of a server whose source carries anything of a member, and how that is known.
fn channels_of_fleet<'a>(
    index: ServerIndex,
    case: Case<'a>,
) -> Vec<(ServerIndex, KnownBy, &'a Channel)> {
    let channels = case.records[index].mysql().and_then(|facts| facts.channels.as_ref());
    let from_member = |channel: &'a Channel| {
        let (member, by) = source_member(&channel.source, case)?;
        (member != index).then_some((member, by, channel))
    };
    channels.into_iter().flatten().filter_map(from_member).collect()
}

/// Whether a channel still brings changes: received ones are applied, or new ones come.
pub fn runs(channel: &Channel) -> bool {
    channel.sql_running || channel.io == IoThread::Running
}

/// How many replicas receive from `primary` now; not those that show that it only passes on what
/// somebody else writes.
pub fn attached_replicas(primary: ServerIndex, case: Case<'_>) -> usize {
    case.indices().filter(|&replica| is_replica_of(replica, primary, case)).count()
}

fn is_replica_of(replica: ServerIndex, primary: ServerIndex, case: Case<'_>) -> bool {
    is_receiving(replica, primary, case) && !is_passed_on(replica, primary, case)
}

/// How many of them may have gone over to `primary` after the moment `at`: who followed it before, and
/// has stayed, says nothing of what happened then.
pub fn replicas_since(primary: ServerIndex, at: Option<Moment>, case: Case<'_>) -> usize {
    let stayed = |replica: ServerIndex| {
        at.is_some_and(|at| case.conclusions[replica].has_followed_since(primary, at))
    };
    case.indices().filter(|&it| is_replica_of(it, primary, case) && !stayed(it)).count()
}

/// How many members are on the side of `primary` by their last words: they are to replicate from it,
/// whether they receive or not. The dead are on nobody's side when it is dead itself.
pub fn adherents(primary: ServerIndex, case: Case<'_>) -> usize {
    let all_count = !case.is_gone(primary);
    let adheres = |member: &ServerIndex| {
        let channels = member_channels(*member, case);
        let follows = channels.iter().any(|it| it.source == primary && runs(it.channel));
        follows && (all_count || !case.is_gone(*member))
    };
    case.others(primary).filter(adheres).count()
}

/// Whether a replica has from its source, which does not answer, what another member that answers and is
/// writable has written, and the source had not when it was heard last: it is a replica itself by now.
pub fn is_passed_on(replica: ServerIndex, source: ServerIndex, case: Case<'_>) -> bool {
    let (received, silent) = (&case.records[replica].history, &case.records[source]);
    let passed_on = |writer: ServerIndex| {
        let record = &case.records[writer];
        let (number, uuid) = (record.history.server_id, record.history.uuid.as_deref());
        // Two that carry one mark cannot be told apart.
        let is_other = match uuid {
            Some(_) => uuid != silent.history.uuid.as_deref(),
            None => number != silent.history.server_id,
        };
        // One that received from the writer while it wrote itself, as in a ring, passed on all the
        // time.
        let passed_before = is_attached(source, writer, case) && silent.claims_writable();
        is_other && !passed_before && record.is_confirmed_writable() && case.answers(writer) && {
            let written = received.gtid.begun_on(uuid, number);
            // What it had written before it turned writable may have come from it long ago.
            !written.is_empty()
                && silent.history.gtid.contains(&written) == Some(false)
                && record.history.wrote_before.contains(&written) == Some(false)
        }
    };
    silent.trouble.is_some()
        && case.others(source).any(|writer| writer != replica && passed_on(writer))
}

/// Whether replicas show that a server which does not answer only passes on what somebody else
/// writes, and nobody shows that it writes itself.
pub fn only_passes_on(source: ServerIndex, case: Case<'_>) -> bool {
    let shows = |replica: ServerIndex| {
        is_receiving(replica, source, case) && is_passed_on(replica, source, case)
    };
    case.others(source).any(shows) && attached_replicas(source, case) == 0
}

/// Whether `replica` answers and receives from `source` directly.
pub fn is_receiving(replica: ServerIndex, source: ServerIndex, case: Case<'_>) -> bool {
    case.answers(replica) && is_attached(replica, source, case)
}

/// Whether, by its last reply, `replica` received from `source` directly.
pub fn is_attached(replica: ServerIndex, source: ServerIndex, case: Case<'_>) -> bool {
    member_channels(replica, case)
        .iter()
        .any(|member| member.source == source && member.channel.io == IoThread::Running)
}

/// What `replica` tells of `source`, which it receives from directly or through others and which is
/// silent `since` then.
pub fn opinion(
    replica: ServerIndex,
    source: ServerIndex,
    since: Moment,
    taken_over: bool,
    case: Case<'_>,
) -> Opinion {
    let channels = member_channels(replica, case);
    let told = channels.iter().map(|member| {
        let direct = member.source == source;
        // Somebody else took over and is written to: what comes through others is that one's.
        let passed_on = direct && is_passed_on(replica, source, case);
        if member.ambiguous || passed_on || !direct && taken_over {
            return Opinion::Nothing;
        }
        let from = if direct { Origin::Source } else { Origin::Beyond };
        match case.records[replica].opinion(&member.channel.name, from, since, case.now) {
            Opinion::Nothing => Opinion::Nothing,
            _ if trail(member.source, source, case) != Trail::Leads => Opinion::Nothing,
            _ if writes_itself(member.source, source, case.records) => Opinion::Nothing,
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
