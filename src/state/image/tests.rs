//! Any image at all, for property tests.

use std::net::SocketAddr;

use proptest::{collection, option, prelude::*, sample};

use super::*;
use crate::{config::FoundServer, engine::WishKey, report::ChangeKind};

fn name() -> impl Strategy<Value = Box<str>> {
    // Any text: nothing that a stranger may have written must break the file.
    any::<String>().prop_map(Into::into)
}

fn laid() -> impl Strategy<Value = OverrideImage> {
    let kind = prop_oneof![
        Just(WishKey::Drain(())),
        Just(WishKey::Pin),
        Just(WishKey::Freeze),
        Just(WishKey::Maintenance)
    ];
    let times = (any::<u64>(), option::of(any::<u64>()));
    (kind, option::of(name()), any::<bool>(), name(), name(), times).prop_map(
        |(kind, server, force, author, reason, (since_ms, until_ms))| OverrideImage {
            kind,
            server,
            force,
            author,
            reason,
            since_ms,
            until_ms,
        },
    )
}

fn superseded() -> impl Strategy<Value = SupersededImage> {
    let losses = [
        LossImage::Name,
        LossImage::Age,
        LossImage::Precedence,
        LossImage::Following,
        LossImage::Acceptance,
    ];
    let loss = sample::select(losses.to_vec());
    (name(), option::of(name()), option::of(any::<u32>()), name(), loss).prop_map(
        |(server, by, timeline, by_gtid, loss)| SupersededImage {
            server,
            by,
            timeline,
            by_gtid,
            loss,
        },
    )
}

fn server() -> impl Strategy<Value = ServerImage> {
    let addresses = collection::vec(any::<IpAddr>(), 0..3);
    (name(), name(), any::<u64>(), addresses, any::<u16>(), option::of(history())).prop_map(
        |(state, reason, since_ms, addresses, port, history)| ServerImage {
            state,
            reason,
            since_ms,
            addresses,
            port,
            history,
        },
    )
}

fn history() -> impl Strategy<Value = HistoryImage> {
    let numbers = (any::<u32>(), option::of(any::<u32>()));
    let left_behind = option::of(prop_oneof![
        Just(LeftBehindImage::DeadBranch),
        any::<u32>().prop_map(LeftBehindImage::StrayTimeline),
        Just(LeftBehindImage::Diverged),
        Just(LeftBehindImage::Astray)
    ]);
    let marks = [any::<bool>(); 3];
    let denial =
        (any::<u64>(), name()).prop_map(|(asked_ms, written)| DenialImage { asked_ms, written });
    let denial = option::of(denial);
    let wal = (option::of(fork()), option::of(any::<u64>()));
    (option::of(name()), (numbers, wal), name(), marks, (denial, left_behind)).prop_map(
        |(uuid, (numbers, wal), gtid, marks, (denial, left_behind))| {
            let ((server_id, timeline), (reached, durable)) = (numbers, wal);
            let [lost, followed, cannot_write] = marks;
            HistoryImage {
                uuid,
                server_id,
                timeline,
                reached,
                durable,
                gtid,
                lost,
                followed,
                denial,
                left_behind,
                cannot_write,
            }
        },
    )
}

fn fork() -> impl Strategy<Value = ForkImage> {
    any::<(u32, u64)>().prop_map(|(timeline, lsn)| ForkImage { timeline, lsn })
}

fn reach() -> impl Strategy<Value = ReachImage> {
    let stream = prop_oneof![
        Just(StreamImage::Wal),
        name().prop_map(StreamImage::Source),
        any::<u32>().prop_map(StreamImage::Domain),
    ];
    let position = (any::<u64>(), any::<u64>(), any::<u64>())
        .prop_map(|(segment, offset, seen_ms)| PositionImage { segment, offset, seen_ms });
    (stream, collection::vec(position, 0..4)).prop_map(|(stream, seen)| ReachImage { stream, seen })
}

fn office() -> impl Strategy<Value = OfficeImage> {
    let times = (option::of(any::<u32>()), option::of(any::<u64>()));
    let office = (times, name(), name(), any::<bool>());
    office.prop_map(|((timeline, led_ms), gtid, began_with, left)| OfficeImage {
        timeline,
        gtid,
        began_with,
        led_ms,
        left,
    })
}

fn cluster() -> impl Strategy<Value = Arc<ClusterImage>> {
    let reaches = (collection::vec(reach(), 0..3), collection::vec(fork(), 0..3));
    (
        (
            (option::of(name()), option::of(name()), office()),
            (option::of(any::<u64>()), option::of(name()), any::<bool>()),
        ),
        collection::btree_map(name(), collection::vec(name(), 0..4), 0..3),
        (collection::vec(superseded(), 0..3), reaches, any::<bool>()),
        collection::btree_map(name(), server(), 0..4),
        collection::vec(laid(), 0..4),
    )
        .prop_map(|((names, identity), reads, known, servers, overrides)| {
            let (superseded, (reach, forks), pin_denied) = known;
            let (write, last_writer, office) = names;
            let (identity, group, identity_accepted) = identity;
            Arc::new(ClusterImage {
                write,
                last_writer,
                office,
                reads: reads.into_iter().collect(),
                identity,
                group,
                identity_accepted,
                superseded,
                reach,
                forks,
                pin_denied,
                servers: servers.into_iter().collect(),
                overrides,
            })
        })
}

fn event() -> impl Strategy<Value = EventImage> {
    let text = any::<String>;
    (any::<u64>(), text(), option::of(name()), text(), text()).prop_map(
        |(id, at, cluster, reason, detail)| EventImage {
            id,
            at,
            kind: ChangeKind::ServerState,
            server: cluster.clone(),
            name: None,
            from: cluster.as_deref().map(str::to_owned),
            to: None,
            cluster,
            reason,
            detail,
            concern: Some(ConcernImage::Look),
        },
    )
}

fn added() -> impl Strategy<Value = AddedServer> {
    let text = any::<String>;
    let numbers = (any::<u8>(), any::<Option<u32>>(), any::<Option<u32>>());
    let found = (option::of(name()), numbers).prop_map(|(instance, (depth, priority, weight))| {
        FoundServer { depth, instance, priority, weight }
    });
    (text(), text(), text(), text(), option::of(found)).prop_map(
        |(cluster, name, address, author, found)| AddedServer {
            cluster,
            name,
            address,
            author,
            found,
        },
    )
}

fn discovery() -> impl Strategy<Value = Arc<DiscoveryImage>> {
    let at = || any::<(IpAddr, u16)>().prop_map(SocketAddr::from);
    let binding = (name(), option::of(name()), at());
    let binding = binding.prop_map(|(name, instance, at)| BindingImage { name, instance, at });
    let tomb = (name(), option::of(name()), at(), any::<u64>());
    let tomb = tomb.prop_map(|(name, instance, at, until_ms)| TombstoneImage {
        name,
        instance,
        at,
        until_ms,
    });
    (collection::vec(binding, 0..3), collection::vec(tomb, 0..3))
        .prop_map(|(names, forgotten)| Arc::new(DiscoveryImage { names, forgotten }))
}

fn push() -> impl Strategy<Value = PushImage> {
    (any::<u64>(), option::of(name())).prop_map(|(epoch, set)| PushImage { epoch, set })
}

/// Any image at all.
pub fn any_image() -> impl Strategy<Value = Image> {
    (
        (any::<u64>(), any::<u32>(), any::<u32>(), any::<u64>()),
        collection::btree_map(name(), cluster(), 0..4),
        collection::vec(added(), 0..3),
        collection::btree_map(name(), discovery(), 0..3),
        collection::btree_map(name(), push(), 0..3),
        collection::vec(event(), 0..5),
    )
        .prop_map(|(numbers, clusters, added, discovery, published, events)| {
            let (saved_at_ms, serial, serial_limit, next_event_id) = numbers;
            Image {
                saved_at_ms,
                serial,
                serial_limit,
                clusters,
                added: added.into(),
                discovery,
                published,
                events,
                next_event_id,
            }
        })
}
