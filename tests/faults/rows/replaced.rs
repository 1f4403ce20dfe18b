//! What a server is not any more: another one is at its place, or it is a copy that went its own way.

use crate::{
    row::{
        MYSQLS, POSTGRES,
        Phase::{Failover, Start, Steady},
        Place::{A, B, P},
        Row, expect, held, nobody, to,
    },
    stage::Stage,
};

const NOBODY_FOUND: &str = "no address: no primary has been found";
const TWO_WRITABLE: &str = "two servers are writable and nothing tells which is right";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        // Servers of MySQL and MariaDB have no mark that they share; an empty one has inherited nothing.
        replica_replaced().course(expect(
            Start,
            to(P, &[A]).states(&[(B, &["WrongCluster", "StalePrimary"])]),
            to(P, &[A, B]).states(&[(B, &["Replica"])]),
        )),
        Row::new("primary-replaced", P, "a new and empty server is at the place of the primary")
            .only(POSTGRES)
            .fault(
                |stage| stage.group.make_foreign(stage.at(P)),
                |stage| stage.group.make_native(stage.at(P), stage.at(P)),
            )
            .course(
                expect(
                    Steady,
                    nobody("not writable", &[A, B]).states(&[(P, &["WrongCluster"])]),
                    to(P, &[A, B]).states(&[(P, &["Primary"])]),
                )
                // Standbys find their primary again a moment after we do.
                .by_way_of(&[A, B]),
            )
            .course(
                expect(
                    Failover,
                    to(A, &[B]).states(&[(P, &["WrongCluster"]), (A, &["Primary"])]),
                    to(A, &[B]).states(&[(P, &["StalePrimary"])]),
                )
                .with_gap(),
            )
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["WrongCluster"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )),
        primary_emptied(),
        stray(),
        copied(),
    ]
}

fn replica_replaced() -> Row {
    Row::new("replica-replaced", B, "a new and empty server is at the place of a replica")
        .fault(
            |stage| stage.group.make_foreign(stage.at(B)),
            |stage| stage.group.make_native(stage.at(B), stage.leader()),
        )
        .course(expect(
            Steady,
            to(P, &[A]).states(&[(B, &["WrongCluster", "StalePrimary"])]),
            to(P, &[A, B]).states(&[(B, &["Replica"])]),
        ))
}

/// Replicas lose their source's history: they stop, or receive what an empty server has.
fn primary_emptied() -> Row {
    Row::new("primary-replaced", P, "a new and empty server is at the place of the primary")
        .only(MYSQLS)
        .fault(
            |stage| stage.group.make_empty(stage.at(P)),
            |stage| {
                stage.group.make_native(stage.at(P), stage.at(P));
                // Their threads ended for good when the empty server had nothing of theirs.
                for replica in [A, B] {
                    if stage.leader() == stage.at(P) {
                        stage.repoint(replica, P);
                    }
                }
            },
        )
        .course(
            expect(
                Steady,
                nobody("not writable", &[A, B]).states(&[(P, &["WrongCluster"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )
            .by_way_of(&[P, A, B]),
        )
        .course(
            expect(
                Failover,
                to(A, &[B]).states(&[(P, &["WrongCluster"]), (A, &["Primary"])]),
                // What it had lost counts until somebody follows it, or it follows.
                to(A, &[B]).states(&[(P, &["WrongCluster"])]),
            )
            .with_gap()
            .never(&[(P, "Primary")]),
        )
        .course(
            expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["StalePrimary"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )
            .by_way_of(&[P, A, B]),
        )
}

/// What a standby shows about somebody else withdraws nobody that lives.
fn stray() -> Row {
    let stray = || to(P, &[A]).states(&[(B, &["ReplicaBroken"])]);
    Row::new("stray-standby", B, "a replica is a standby of a promoted copy, on its own timeline")
        .only(POSTGRES)
        .fault(stray_standby, restart_primary)
        .course(expect(Steady, stray(), stray()))
        .course(expect(Failover, to(A, &[A]), to(A, &[A])).begun_by(|stage| {
            stray_standby(stage);
            stage.kill9(P);
        }))
        .course(expect(Start, stray(), stray()).by_way_of(&[P]))
}

/// On the primary's own timeline: nothing promoted it.
fn copied() -> Row {
    let two = || held(P, TWO_WRITABLE, &[A]).states(&[(B, &["StalePrimary"])]);
    let story = "a replica starts as a writable copy, and the primary restarts";
    Row::new("replica-copied", B, story)
        .only(POSTGRES)
        .fault(writable_copy, restart_primary)
        .course(expect(Steady, two(), two()).never(&[(B, "Primary")]))
        .course(
            expect(
                Failover,
                to(A, &[A]).states(&[(P, &["Down"]), (B, &["StalePrimary"])]),
                to(A, &[A]).states(&[(P, &["StalePrimary"]), (B, &["StalePrimary"])]),
            )
            .begun_by(|stage| {
                writable_copy(stage);
                stage.kill9(P);
            })
            .never(&[(B, "Primary")]),
        )
}

fn stray_standby(stage: &mut Stage) {
    stage.group.make_stray(stage.at(B));
    stage.must_be_rebuilt(B);
}

fn writable_copy(stage: &mut Stage) {
    stage.group.copy_writable(stage.at(B), stage.at(P));
    stage.must_be_rebuilt(B);
}

/// Or starts it, where it was killed.
fn restart_primary(stage: &mut Stage) {
    if stage.group.is_running(stage.at(P)) {
        stage.crash_and_restart(P);
    } else {
        stage.start(P);
    }
}
