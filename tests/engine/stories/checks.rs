//! The oracles, asked after each decision and at the end. See [`super::oracle`] for what each
//! promises.

use std::time::Duration;

use pointsman::engine::{
    ClusterKind, Decision, Event, Facts, IoThread, Moment, OnNewerTimeline, ReadReason,
    ServerIndex, WritePolicy, WriteReason,
};

use super::{
    monitor::{CLUSTER, Monitor},
    oracle::{Broken, Oracle},
    truth::{Impostor, Truth, is_visible},
};
use crate::world::World;

/// Replies in a row that a read name may ignore: it takes three to see that a server is late.
const LATE_REPLIES: u32 = 6;

/// After a decision: every oracle that does not hold.
pub(super) fn after_decision(
    monitor: &mut Monitor,
    events: &[Event],
    world: &World,
    truth: &Truth,
    now: Moment,
) -> Vec<Broken> {
    if world.breed.is_group() {
        return Vec::new();
    }
    let decision = monitor.decision();
    let published = monitor.published_by(&decision);
    monitor.knowledge.split_brain |= declares_split_brain(monitor);
    let mut broken = Vec::new();
    if now >= monitor.overridden_until && !truth.disputed {
        let withdrawals = events.iter().map(|it| check_withdrawal(monitor, it, world, truth, now));
        broken.extend(withdrawals.filter_map(Result::err));
        broken.extend(check_impostor(monitor, published, world, truth).err());
        if world.kind == ClusterKind::Postgres || world.gtids {
            broken.extend(check_read_lag(monitor, &decision, truth).err());
        }
    }
    note_published(monitor, published, truth, now);
    broken
}

fn note_published(monitor: &mut Monitor, published: Option<usize>, truth: &Truth, now: Moment) {
    let Some(published) = published else { return };
    // An operator has said it.
    let said_by_itself = now >= monitor.overridden_until;
    let knowledge = &mut monitor.knowledge;
    if published == truth.rightful && !truth.is_lost() {
        let told = &knowledge.servers[published];
        // What it said before somebody was promoted is no word of this reign.
        if said_by_itself && told.writable > 1 && told.facts_asked >= truth.since {
            knowledge.published_reign = Some(truth.reign);
        }
    } else if knowledge.published_reign.is_none() && truth.impostors[published].is_some() {
        knowledge.misled = true;
    }
}

fn check_impostor(
    monitor: &Monitor,
    published: Option<usize>,
    world: &World,
    truth: &Truth,
) -> Result<(), Broken> {
    let Some(published) = published else { return Ok(()) };
    let (Some(impostor), Some(reign)) =
        (truth.impostors[published], monitor.knowledge.published_reign)
    else {
        return Ok(());
    };
    // Without GTIDs a server cannot show what it has.
    if world.kind == ClusterKind::MySql && !world.gtids {
        return Ok(());
    }
    // PostgreSQL: when nobody who answers carries the cluster's identity any more, it looks like an
    // upgrade.
    let ours = |host: &usize| is_visible(*host, world) && world.hosts[*host].system == 1;
    let is_postgres = world.kind == ClusterKind::Postgres;
    if is_postgres && impostor == Impostor::Lost && !monitor.places.iter().any(ours) {
        return Ok(());
    }
    // MySQL: a writable copy whose source is silent looks like a promotion. It is known by a contest
    // that it has lost, and one that lost what it had by what it had shown.
    let told = &monitor.knowledge.servers[published];
    let shrunk = impostor == Impostor::Lost && told.was_known;
    let looks_promoted = world.kind == ClusterKind::MySql && !told.lost_a_contest && !shrunk;
    let is_rebuilt = impostor == Impostor::Copy && looks_promoted;
    let better_was_published =
        truth.reign_of[published].is_some_and(|own| own < reign) && !is_rebuilt;
    // One that has all that the writer had has inherited, whatever it lost before.
    let rightful_is_there = is_visible(truth.rightful, world) && !truth.is_lost();
    let has_all = truth.line(world).begins(&world.hosts[published].history) && !rightful_is_there;
    let looks_promoted = looks_promoted || world.kind == ClusterKind::MySql && has_all;
    let has_spoken = told.replies > 2 && !looks_promoted;
    let never_reigned = truth.reign_of[published].is_none() && has_spoken;
    // A copy of a writer that it does not know looks like a promotion of that one.
    // What a split brain has decided stays.
    if impostor == Impostor::Copy && (reign < truth.reign || monitor.knowledge.split_brain) {
        return Ok(());
    }
    // The rightful one says itself that it replicates: it was promoted with its channel left behind.
    if follows(&monitor.knowledge.servers[truth.rightful].facts) {
        return Ok(());
    }
    if better_was_published || never_reigned {
        return Err(Broken::new(
            Oracle::Impostor,
            format!("published {published}, which is {impostor:?}; it had published reign {reign}"),
        ));
    }
    Ok(())
}

fn declares_split_brain(monitor: &Monitor) -> bool {
    let write = monitor.decision().write.expect("a write name");
    matches!(write.reason, WriteReason::HeldSplitBrain | WriteReason::SplitBrain)
}

fn check_withdrawal(
    monitor: &Monitor,
    event: &Event,
    world: &World,
    truth: &Truth,
    now: Moment,
) -> Result<(), Broken> {
    let Event::Write { cluster: CLUSTER, from: Some(from), to, reason } = *event else {
        return Ok(());
    };
    let host = |server: ServerIndex| monitor.places[server.place()];
    let from = host(from);
    let told = &monitor.knowledge.servers[from];
    let recent = now.since(told.facts_asked) < Duration::from_secs(4);
    let well = told.writable >= 3 && told.replies >= 3 && recent && !follows(&told.facts);
    let rightful = from == truth.rightful && !truth.is_lost();
    let empties = monitor
        .policy
        .write
        .is_some_and(|write| write.on_split_brain == pointsman::engine::OnSplitBrain::Empty);
    // Histories that cannot be compared, or a lost one that carries another identity.
    let blind = world.kind == ClusterKind::MySql && !world.gtids || world.hosts[from].stalled;
    // Two that turn writable within seconds are told apart by facts, and it is a split brain.
    let at_once = reason == WriteReason::HeldSplitBrain;
    if to.map(host) == Some(from) || !well || !rightful || blind || at_once {
        return Ok(());
    }
    if monitor.knowledge.is_challenged(from, empties) {
        return Ok(());
    }
    Err(Broken::new(
        Oracle::Withdrawal,
        format!("left {from} for {:?} ({reason}), which answers and takes writes", to.map(host)),
    ))
}

fn follows(facts: &Option<Facts>) -> bool {
    let Some(Facts::MySql(facts)) = facts else { return false };
    facts.channels.iter().flatten().any(|channel| channel.io == IoThread::Running)
}

fn check_read_lag(monitor: &Monitor, decision: &Decision, truth: &Truth) -> Result<(), Broken> {
    // Behind an impostor that is published all are measured by what that one has: whether it may be
    // published is asked elsewhere.
    if monitor.published().is_some_and(|published| truth.impostors[published].is_some()) {
        return Ok(());
    }
    // While nothing tells which of two writers is right, replicas are read that follow the one which is
    // named, and who that is may differ from the truth.
    if declares_split_brain(monitor) {
        return Ok(());
    }
    // An operator's word is forgotten with everything else, and without it nothing tells which of two
    // histories is the cluster's.
    if monitor.knowledge.cold && truth.accepted {
        return Ok(());
    }
    for (name, read) in decision.reads.iter().enumerate() {
        if !matches!(read.reason, ReadReason::Eligible | ReadReason::Few) {
            continue;
        }
        for member in &read.servers {
            let host = monitor.places[member.server.place()];
            let late = monitor.knowledge.servers[host].late.get(name).copied().unwrap_or(0);
            if host != truth.rightful && late >= LATE_REPLIES {
                return Err(Broken::new(
                    Oracle::ReadLag,
                    format!("read name {name} says {host} as eligible, late for {late} replies"),
                ));
            }
        }
    }
    Ok(())
}

/// After the stillness: every oracle that does not hold.
pub(super) fn at_the_end(monitors: &[Monitor], world: &World, truth: &Truth) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (at, monitor) in monitors.iter().enumerate() {
        let results = match (world.breed.is_group(), truth.disputed) {
            // A part that was wrong in a split brain stays so until it joins the other one.
            (true, _) if truth.split && is_divided(world) => Vec::new(),
            (true, _) => vec![check_quorum(monitor, world)],
            (false, true) => Vec::new(),
            (false, false) => vec![
                check_liveness(monitor, world, truth),
                check_dead_reads(monitor, world, truth),
                check_restart(monitor, truth),
            ],
        };
        let which = |it: Broken| Broken { text: format!("monitor {at}: {}", it.text), ..it };
        broken.extend(results.into_iter().filter_map(Result::err).map(which));
    }
    if !world.breed.is_group() && !truth.disputed {
        broken.extend(check_twins(monitors, world, truth).err());
    }
    broken
}

/// The members of the group are in several components, or one has left it.
fn is_divided(world: &World) -> bool {
    if world.hosts.iter().any(|host| host.group.is_none()) {
        return true;
    }
    let mut components = world.hosts.iter().filter_map(|host| Some(host.group.as_ref()?.component));
    let first = components.next();
    components.any(|component| Some(component) != first)
}

fn check_liveness(monitor: &Monitor, world: &World, truth: &Truth) -> Result<(), Broken> {
    let writer = truth.rightful;
    if !is_plainly_right(monitor, world, truth) || monitor.published() == Some(writer) {
        return Ok(());
    }
    let write = monitor.decision().write.expect("a write name");
    Err(Broken::new(
        Oracle::Liveness,
        format!(
            "{writer} takes writes and nobody else does, and the name says {:?} ({})",
            monitor.published(),
            write.reason
        ),
    ))
}

/// The writer is visible, alone, and nothing that happened to the monitor hides that.
fn is_plainly_right(monitor: &Monitor, world: &World, truth: &Truth) -> bool {
    let writer = truth.rightful;
    let takes_writes = |index: usize| world.hosts[index].takes_writes();
    let servers = || 0..world.hosts.len();
    let alone = takes_writes(writer) && !servers().any(|it| it != writer && takes_writes(it));
    let is_in_line = |index: usize| {
        let standby = matches!(world.hosts[index].role, crate::world::Role::Standby { .. });
        let idle = !standby || !is_visible(index, world) || truth.impostors[index].is_some();
        idle || truth.follows(index, world)
    };
    // At a start without memory an impostor may have been first, or be as many as the others, and
    // an operator's word is forgotten.
    let misled = monitor.knowledge.misled
        || monitor.knowledge.cold
            && (truth.accepted || truth.impostors.iter().any(is_no_mere_loser));
    // One that was made anew and promoted before anybody saw it follow proves nothing on MySQL, and
    // nowhere after an operator's word. MySQL: a running channel of a stranger that carries a member's
    // number makes it look like a replica, and a blocked domain is missing when it is promoted.
    let is_mysql = world.kind == ClusterKind::MySql;
    let migrates = world.hosts[writer].outside.is_some_and(|outside| outside.running);
    let told = &monitor.knowledge.servers[writer];
    let lacks_a_domain = world.hosts.iter().any(|it| it.side > world.hosts[writer].side);
    let obscure = told.unproven && truth.accepted
        || is_mysql && lacks_a_domain
        || is_mysql && (told.unproven || migrates || follows(&told.facts))
        || is_mysql && !world.gtids && !told.attached && truth.reign > 1;
    // A stray on a timeline of the same number looks like a follower of whoever is published.
    let published = monitor.published().map(|it| world.timeline(it));
    let confused = (0..world.hosts.len()).any(|it| {
        truth.impostors[it] == Some(Impostor::Stray) && Some(world.timeline(it)) == published
    });
    alone
        && !obscure
        && !confused
        && !truth.is_lost()
        && is_visible(writer, world)
        && !servers().any(|index| world.hosts[index].hidden)
        && !is_held_by_rule(monitor, world)
        && servers().all(is_in_line)
        && monitor.place(writer).is_some()
        && !misled
}

/// The published server is alive and lets nobody in, so that nothing shows what it is now, and the
/// operator's rule is that no newer timeline takes the name from one that lives. On MySQL it may
/// have what the others lack.
fn is_held_by_rule(monitor: &Monitor, world: &World) -> bool {
    let write = monitor.policy.write;
    let holds = write.is_some_and(|it| it.on_newer_timeline == OnNewerTimeline::Hold);
    let refuses = |index: usize| world.hosts[index].refuses.is_some();
    let by_rule = holds || world.kind == ClusterKind::MySql;
    by_rule && monitor.published().is_some_and(refuses)
}

fn is_no_mere_loser(impostor: &Option<Impostor>) -> bool {
    impostor.is_some_and(|impostor| impostor != Impostor::Succeeded)
}

fn check_dead_reads(monitor: &Monitor, world: &World, truth: &Truth) -> Result<(), Broken> {
    let eligible: Vec<_> = (0..world.hosts.len())
        .filter(|&index| truth.is_fit(index, world) && monitor.place(index).is_some())
        .collect();
    // While the name holds another server the replicas are measured by that one: liveness asks.
    let writer = monitor.published() == Some(truth.rightful);
    if eligible.is_empty() || !writer || !is_plainly_right(monitor, world, truth) {
        return Ok(());
    }
    for name in 0..monitor.policy.reads.len() {
        let readers = monitor.readers(name);
        if readers.iter().all(|&reader| !is_visible(reader, world)) {
            return Err(Broken::new(
                Oracle::DeadReads,
                format!(
                    "read name {name} says {readers:?}, all dead, and {eligible:?} are eligible"
                ),
            ));
        }
    }
    Ok(())
}

fn check_restart(monitor: &Monitor, truth: &Truth) -> Result<(), Broken> {
    let Some(control) = &monitor.control else { return Ok(()) };
    // When nobody is right, or the one in office is kept by rule, it counts who was heard first.
    let holds = |it: WritePolicy| it.on_newer_timeline == OnNewerTimeline::Hold;
    if truth.is_lost() || monitor.policy.write.is_some_and(holds) {
        return Ok(());
    }
    let (ours, theirs) = (monitor.decision(), control.decision(CLUSTER));
    let server = |decision: &Decision| decision.write.and_then(|write| write.server);
    if server(&ours) != server(&theirs) {
        return Err(Broken::new(
            Oracle::Restart,
            format!("write {:?} after the restart, without it {:?}", ours.write, theirs.write),
        ));
    }
    for (ours, theirs) in ours.reads.iter().zip(&theirs.reads) {
        let eligible = ours.reason == ReadReason::Eligible && theirs.reason == ReadReason::Eligible;
        let servers = |read: &pointsman::engine::ReadDecision| -> Vec<_> {
            read.servers.iter().map(|member| member.server).collect()
        };
        if eligible && servers(ours) != servers(theirs) {
            return Err(Broken::new(
                Oracle::Restart,
                format!(
                    "reads {:?} after the restart, without it {:?}",
                    servers(ours),
                    servers(theirs)
                ),
            ));
        }
    }
    Ok(())
}

fn check_twins(monitors: &[Monitor], world: &World, truth: &Truth) -> Result<(), Broken> {
    let [one, other] = monitors else { return Ok(()) };
    let complete = |monitor: &Monitor| monitor.places.len() == world.hosts.len();
    let reigns = |monitor: &Monitor| monitor.knowledge.published_reign == Some(truth.reign);
    // Whether one may be published that is no heir is asked elsewhere.
    let misled = |it: &Monitor| it.published().is_some_and(|it| truth.impostors[it].is_some());
    if misled(one) || misled(other) {
        return Ok(());
    }
    if declares_split_brain(one)
        || declares_split_brain(other)
        || !complete(one)
        || !complete(other)
    {
        return Ok(());
    }
    let plain = monitors.iter().all(|it| is_plainly_right(it, world, truth));
    let remembers = |it: &Monitor| reigns(it) && !it.knowledge.cold && !it.knowledge.dropped;
    let comparable = plain || !truth.is_lost() && monitors.iter().all(remembers);
    if comparable && one.published() != other.published() {
        return Err(Broken::new(
            Oracle::Twins,
            format!("one writes to {:?}, the other to {:?}", one.published(), other.published()),
        ));
    }
    let same_priorities = one.places == other.places;
    for name in 0..one.policy.reads.len() {
        let eligible =
            |monitor: &Monitor| monitor.decision().reads[name].reason == ReadReason::Eligible;
        // Without a writer, who has come off its line is known to those who saw that in its time.
        let both = eligible(one) && eligible(other) && plain && same_priorities;
        if both && one.readers(name) != other.readers(name) {
            let (one, other) = (one.readers(name), other.readers(name));
            return Err(Broken::new(
                Oracle::Twins,
                format!("read name {name}: one says {one:?}, the other {other:?}"),
            ));
        }
    }
    Ok(())
}

fn check_quorum(monitor: &Monitor, world: &World) -> Result<(), Broken> {
    let takes = |index: usize| world.hosts[index].takes_writes() && is_visible(index, world);
    let takers: Vec<_> = (0..world.hosts.len())
        .filter(|&index| takes(index) && monitor.place(index).is_some())
        .collect();
    match monitor.published() {
        Some(published) if takers.contains(&published) => Ok(()),
        _ if takers.is_empty() => Ok(()),
        odd => Err(Broken::new(
            Oracle::Quorum,
            format!("{takers:?} have a quorum and take writes, and the name says {odd:?}"),
        )),
    }
}
