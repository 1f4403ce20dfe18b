//! What befalls the process of a server: it is killed, stopped, frozen, restarted.

use crate::row::{
    IN_TIME, POSTGRES,
    Phase::{Failover, Start, Steady},
    Place::{A, B, P},
    Row, SOON, expect, held, nobody, to,
};

const HELD_DOWN: &str = "held: the last primary is Down";
const NOBODY_FOUND: &str = "no address: no primary has been found";

pub(crate) fn rows() -> Vec<Row> {
    [killed(), restarted(), stopped(), frozen()].into_iter().flatten().collect()
}

fn killed() -> Vec<Row> {
    vec![
        primary_gone(
            Row::new("primary-killed", P, "kill -9 of the primary, started again later")
                .fault(|stage| stage.kill9(P), |stage| stage.start(P)),
        ),
        replica_gone(
            Row::new("replica-killed", B, "kill -9 of a replica, started again later")
                .fault(|stage| stage.kill9(B), |stage| stage.start(B)),
        ),
    ]
}

fn stopped() -> Vec<Row> {
    vec![
        primary_gone(
            Row::new("primary-stopped", P, "a clean stop of the primary, started again later")
                .fault(|stage| stage.stop(P), |stage| stage.start(P)),
        ),
        replica_gone(
            Row::new("replica-stopped", B, "a clean stop of a replica, started again later")
                .fault(|stage| stage.stop(B), |stage| stage.start(B)),
        ),
    ]
}

/// The courses of a fault that ends the primary's process at once.
fn primary_gone(row: Row) -> Row {
    row.course(expect(
        Steady,
        held(P, HELD_DOWN, &[A, B]).states(&[(P, &["Down"])]),
        to(P, &[A, B]).states(&[(P, &["Primary"])]),
    ))
    .course(
        expect(
            Failover,
            to(A, &[B]).states(&[(P, &["Down"]), (A, &["Primary"])]),
            to(A, &[B]).states(&[(P, &["StalePrimary"])]),
        )
        .never(&[(P, "Primary")]),
    )
    .course(expect(
        Start,
        nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Down"])]),
        to(P, &[A, B]).states(&[(P, &["Primary"])]),
    ))
}

/// The courses of a fault that ends a replica's process at once.
fn replica_gone(row: Row) -> Row {
    row.course(expect(
        Steady,
        to(P, &[A]).states(&[(B, &["Down"])]),
        to(P, &[A, B]).states(&[(B, &["Replica"])]),
    ))
    .course(
        // One that is back may not have found the new primary: it is in time at first and late then.
        expect(
            Failover,
            to(A, &[A]).states(&[(P, &["Down"]), (B, &["Down"])]),
            to(A, &[B]).within(SOON),
        )
        .by_way_of(&[A]),
    )
    .course(expect(
        Start,
        to(P, &[A]).states(&[(B, &["Down"])]),
        to(P, &[A, B]).states(&[(B, &["Replica"])]),
    ))
}

fn frozen() -> Vec<Row> {
    vec![
        Row::new("primary-frozen", P, "SIGSTOP to the primary, SIGCONT later")
            .fault(|stage| stage.freeze(P), |stage| stage.thaw(P))
            .course(expect(
                Steady,
                held(P, HELD_DOWN, &[A, B]).states(&[(P, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            ))
            .course(
                expect(
                    Failover,
                    to(A, &[B]).states(&[(A, &["Primary"])]).within(SOON),
                    to(A, &[B]).states(&[(P, &["StalePrimary"])]),
                )
                .never(&[(P, "Primary")]),
            )
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )),
        Row::new("replica-frozen", B, "SIGSTOP to a replica, SIGCONT later")
            .fault(|stage| stage.freeze(B), |stage| stage.thaw(B))
            .course(expect(
                Steady,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            ))
            .course(expect(
                Failover,
                to(A, &[A]).states(&[(P, &["Down"]), (B, &["Down"])]).within(SOON),
                to(A, &[B]).within(SOON),
            ))
            .course(expect(
                Start,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            )),
    ]
}

fn restarted() -> Vec<Row> {
    let story = "the primary crashes and is up again at once";
    vec![
        Row::new("primary-crash-restarts", P, story)
            .fault(|stage| stage.crash_and_restart(P), |_| {})
            .course(expect(Steady, to(P, &[A, B]).within(SOON), to(P, &[A, B])))
            .course(
                // The new primary crashes as soon as it is one.
                expect(Failover, to(A, &[B]).within(SOON), to(A, &[B])).begun_by(|stage| {
                    stage.kill9(P);
                    stage.promote(A);
                    stage.repoint(B, A);
                    stage.crash_and_restart(A);
                }),
            )
            .course(
                // Replicas may look for their primary a moment longer than we do.
                expect(Start, to(P, &[A, B]).within(SOON), to(P, &[A, B])).by_way_of(&[P]),
            ),
        // A primary that is killed and comes back after a promotion is in `primary-killed`.
        Row::new("stale-primary", P, "the old primary is up again beside the new one")
            .fault(
                |stage| {
                    stage.kill9(P);
                    stage.promote(A);
                    stage.repoint(B, A);
                    stage.start(P);
                },
                |_| {},
            )
            .course(expect(
                Start,
                to(A, &[B]).states(&[(P, &["StalePrimary"])]).within(SOON),
                to(A, &[B]).states(&[(P, &["StalePrimary"])]),
            )),
        smart_stop(),
    ]
}

/// The sessions that are open go on; only who connects anew is told. The probe does that every 10 s.
fn smart_stop() -> Row {
    let story = "a smart shutdown of the primary, in which a session goes on";
    Row::new("primary-smart-stopped", P, story)
        .only(POSTGRES)
        .loud("the server logs each connection that it refuses while it shuts down")
        .fault(|stage| stage.begin_smart_shutdown(P), |stage| stage.end_smart_shutdown(P))
        .course(expect(
            Steady,
            held(P, HELD_DOWN, &[A, B]).states(&[(P, &["Down"])]).within(IN_TIME),
            to(P, &[A, B]).states(&[(P, &["Primary"])]).within(SOON),
        ))
        .course(expect(
            Failover,
            to(A, &[B]).states(&[(A, &["Primary"])]).within(SOON),
            to(A, &[B]).states(&[(P, &["StalePrimary"])]).within(SOON),
        ))
        .course(expect(
            Start,
            nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Down"])]),
            to(P, &[A, B]).states(&[(P, &["Primary"])]).within(SOON),
        ))
}
