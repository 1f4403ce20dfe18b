//! What is an alarm, and what somebody wants.

use super::*;
use crate::{
    report::{Override, sample::shop},
    wall_time::WallTime,
};

fn wished(wish: Wish<Box<str>>) -> Override {
    Override {
        wish,
        author: "ada".into(),
        reason: "disk".into(),
        since: WallTime::default(),
        until: None,
    }
}

fn severity(change: impl FnOnce(&mut ClusterView)) -> Severity {
    let mut cluster = shop();
    change(&mut cluster);
    cluster.assessed().severity
}

#[test]
fn what_an_operator_wished_is_no_alarm() {
    let drain = || wished(Wish::Drain { server: "shop2".into(), force: false });
    assert_eq!(severity(|_| {}), Severity::Ok);
    assert_eq!(
        severity(|shop| {
            shop.names[0].reason = NameReason::Write(WriteReason::Frozen);
            shop.names[1].reason = NameReason::Read(ReadReason::Frozen);
            shop.overrides = vec![wished(Wish::Freeze)];
        }),
        Severity::Wanted
    );
    assert_eq!(
        severity(|shop| {
            for name in &mut shop.names {
                name.servers = Vec::new();
            }
            shop.names[0].reason = NameReason::Write(WriteReason::Maintenance);
            shop.names[1].reason = NameReason::Read(ReadReason::Maintenance);
            shop.servers[1].state = ServerState::Down;
            shop.overrides = vec![wished(Wish::Maintenance)];
        }),
        Severity::Wanted
    );
    // A drained server may be down, behind or broken: somebody works on it.
    for state in [ServerState::Down, ServerState::ReplicaLagging, ServerState::ReplicaBroken] {
        assert_eq!(
            severity(|shop| {
                shop.servers[1].state = state;
                shop.servers[1].drained = true;
                shop.overrides = vec![drain()];
            }),
            Severity::Wanted,
            "{state}"
        );
    }
    // The primary helps out because a replica is drained that would do.
    let helped = |shop: &mut ClusterView| {
        shop.names[1].reason = NameReason::Read(ReadReason::WithPrimary);
        shop.servers[1].drained = true;
        shop.overrides = vec![drain()];
    };
    assert_eq!(severity(helped), Severity::Wanted);
}

#[test]
fn a_wish_hides_nothing_that_is_broken() {
    // Frozen on a server that takes no writes.
    for state in [ServerState::Down, ServerState::StalePrimary, ServerState::Replica] {
        assert_eq!(
            severity(|shop| {
                shop.names[0].reason = NameReason::Write(WriteReason::Frozen);
                shop.servers[0].state = state;
                shop.overrides = vec![wished(Wish::Freeze)];
            }),
            Severity::Outage,
            "{state}"
        );
    }
    // Frozen while it had no address.
    assert_eq!(
        severity(|shop| {
            shop.names[0].reason = NameReason::Write(WriteReason::Frozen);
            shop.names[0].servers = Vec::new();
        }),
        Severity::Outage
    );
    // A pin to a server that is not writable is obeyed, and helps nobody.
    assert_eq!(
        severity(|shop| {
            shop.names[0].reason = NameReason::Write(WriteReason::PinnedNotWritable);
            shop.names[0].servers = Vec::new();
        }),
        Severity::Outage
    );
    // One that takes writes which will be lost is in danger, drained or not, and so is its cluster.
    assert_eq!(
        severity(|shop| {
            shop.servers[2].state = ServerState::StalePrimary;
            shop.servers[2].drained = true;
        }),
        Severity::Outage
    );
}

#[test]
fn a_state_that_should_pass_is_an_outage_of_its_server_once_it_is_overdue() {
    let mut cluster = shop();
    cluster.servers[1].state = ServerState::OutOfService;
    let soon = cluster.clone().assessed();
    assert_eq!(soon.servers[1].severity, Severity::Wanted);
    cluster.servers[1].overdue = true;
    let late = cluster.assessed();
    assert_eq!(late.servers[1].severity, Severity::Outage);
    assert_eq!(late.severity, Severity::Degraded, "names are served");
}
