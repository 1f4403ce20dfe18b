//! What people do to servers, and what they leave behind: full, locked, paused, promoted by mistake.

use crate::{
    row::{
        IN_TIME, MYSQLS, POSTGRES,
        Phase::{Failover, Start, Steady},
        Place::{A, B, P},
        Row, SOON, either, expect, held, nobody, to,
    },
    stage::Stage,
};

const NOBODY_FOUND: &str = "no address: no primary has been found";

pub(crate) fn rows() -> Vec<Row> {
    [full(), locked(), late(), promoted(), cascading(), switched()].into_iter().flatten().collect()
}

fn full() -> Vec<Row> {
    vec![
        Row::new("primary-full", P, "every connection slot of the primary is taken")
            .only(POSTGRES)
            .loud("the probe must find out when it ends")
            .fault(|stage| stage.fill(P), |stage| stage.release())
            .course(expect(
                Steady,
                held(P, "Saturated", &[A, B]).states(&[(P, &["Saturated"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            ))
            .course(
                // A higher timeline is proof of a promotion.
                expect(
                    Failover,
                    to(A, &[B]).states(&[(P, &["Saturated"]), (A, &["Primary"])]),
                    to(A, &[B]).states(&[(P, &["StalePrimary"])]),
                )
                .never(&[(P, "Primary")]),
            )
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Saturated"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )),
        Row::new("primary-full", P, "every connection slot of the primary is taken")
            .only(MYSQLS)
            .loud("the probe must find out when it ends")
            .fault(|stage| stage.fill(P), |stage| stage.release())
            .course(expect(
                Steady,
                held(P, "Saturated", &[A, B]).states(&[(P, &["Saturated"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            ))
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Saturated"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )),
        Row::new("replica-full", B, "every connection slot of a replica is taken")
            .loud("the probe must find out when it ends")
            .fault(|stage| stage.fill(B), |stage| stage.release())
            .course(expect(
                Steady,
                to(P, &[A, B]).states(&[(B, &["Saturated"])]),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            ))
            .course(expect(
                Failover,
                to(A, &[B]).states(&[(B, &["Saturated"])]),
                to(A, &[B]).within(SOON),
            ))
            .course(expect(
                Start,
                to(P, &[A]).states(&[(B, &["Saturated"])]),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            )),
    ]
}

fn locked() -> Vec<Row> {
    vec![
        Row::new("password-rotated", P, "the password of the probe's user is another one")
            .loud("the probe must find out when it ends")
            .fault(|stage| stage.rotate_password(false), |stage| stage.rotate_password(true))
            .course(expect(
                Steady,
                held(P, "Misconfigured", &[A, B]).states(&[
                    (P, &["Misconfigured"]),
                    (A, &["Misconfigured"]),
                    (B, &["Misconfigured"]),
                ]),
                to(P, &[A, B]).states(&[(P, &["Primary"]), (A, &["Replica"]), (B, &["Replica"])]),
            ))
            .course(
                // Nobody tells of the promotion: what was known last stays.
                expect(
                    Failover,
                    held(P, "Down", &[A, B]).states(&[(P, &["Down"])]),
                    to(A, &[B]).states(&[(A, &["Primary"])]).within(IN_TIME),
                )
                .begun_by(|stage| {
                    stage.rotate_password(false);
                    stage.kill9(P);
                }),
            )
            .course(
                expect(
                    Start,
                    nobody(NOBODY_FOUND, &[]).states(&[(P, &["Misconfigured"])]),
                    to(P, &[A, B]).states(&[
                        (P, &["Primary"]),
                        (A, &["Replica"]),
                        (B, &["Replica"]),
                    ]),
                )
                // The primary may be let in before its replicas.
                .by_way_of(&[P]),
            ),
    ]
}

fn late() -> Vec<Row> {
    vec![
        Row::new("replay-paused", B, "a replica receives and applies nothing, by hand")
            .fault(
                |stage| stage.group.pause_replay(stage.at(B)),
                |stage| stage.group.resume_replay(stage.at(B)),
            )
            .course(expect(
                Steady,
                to(P, &[A]).states(&[(B, &["OutOfService", "ReplicaBroken"])]),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            ))
            .course(expect(
                Failover,
                to(A, &[A]).states(&[(B, &["OutOfService", "ReplicaBroken"])]),
                to(A, &[B]).within(SOON),
            ))
            .course(expect(
                Start,
                to(P, &[A]).states(&[(B, &["OutOfService", "ReplicaBroken"])]),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            )),
        // Without a history to compare with, nobody is late when Pointsman starts, and a replica
        // of a dead primary is not late either.
        Row::new("replica-late", B, "applying on a replica waits for a reader or a lock")
            .fault(|stage| stage.fall_behind(B), |stage| stage.release())
            .course(expect(
                Steady,
                to(P, &[A]).states(&[(B, &["ReplicaLagging"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]).within(SOON),
            ))
            .course(
                expect(
                    Start,
                    to(P, &[A]).states(&[(B, &["ReplicaLagging"])]).within(SOON),
                    to(P, &[A, B]).states(&[(B, &["Replica"])]).within(SOON),
                )
                .by_way_of(&[B]),
            ),
        // Standbys replay while the transaction runs.
        Row::new("huge-transaction", P, "one transaction writes very much")
            .only(POSTGRES)
            .fault(|stage| stage.group.write_much(stage.leader()), |_| {})
            .course(expect(Steady, to(P, &[A, B]), to(P, &[A, B]))),
        // Replicas begin when the primary has ended, and take as long; all of them at once.
        Row::new("huge-transaction", P, "one transaction takes replicas six seconds")
            .only(MYSQLS)
            .fault(
                |stage| {
                    stage.write_steadily();
                    stage.group.write_much(stage.leader());
                },
                |stage| stage.release(),
            )
            .course(expect(
                Steady,
                to(P, &[P])
                    .states(&[(A, &["ReplicaLagging"]), (B, &["ReplicaLagging"])])
                    .within(SOON),
                to(P, &[A, B]).states(&[(A, &["Replica"]), (B, &["Replica"])]).within(IN_TIME),
            )),
    ]
}

/// It is late at first, and after half a minute known to be left behind.
const LEFT: &[&str] = &["ReplicaLagging", "ReplicaBroken"];

const TWO_WRITABLE: &str = "two servers are writable and nothing tells which is right";

fn promoted() -> Vec<Row> {
    let story = "a replica is promoted while the primary lives";
    vec![
        // Where the others receive from decides; an instance that starts has only the timeline.
        Row::new("promoted-by-mistake", A, story)
            .only(POSTGRES)
            .fault(
                |stage| {
                    stage.promote(A);
                    stage.declare_primary(A);
                    // What B received from P since then is on no branch of A's.
                    stage.must_be_rebuilt(B);
                    // Positions of two branches say nothing; only what A goes on writing makes B late.
                    stage.write_steadily();
                },
                |stage| stage.release(),
            )
            .course(expect(
                Steady,
                to(P, &[B]).states(&[(A, &["StalePrimary"])]),
                to(P, &[B]).states(&[(A, &["StalePrimary"])]),
            ))
            .course(
                expect(
                    Start,
                    to(A, &[A]).states(&[(P, &["StalePrimary"]), (B, LEFT)]).within(SOON),
                    to(A, &[A]).states(&[(P, &["StalePrimary"])]),
                )
                .by_way_of(&[B]),
            ),
        // Both have what the other has not: the published one stays, or the one with replicas.
        Row::new("promoted-by-mistake", A, story)
            .only(MYSQLS)
            .fault(
                |stage| {
                    stage.write_steadily();
                    stage.promote_by_mistake(A);
                },
                |stage| stage.release(),
            )
            .course(
                expect(
                    Steady,
                    held(P, TWO_WRITABLE, &[B]).states(&[(A, &["StalePrimary"])]),
                    held(P, TWO_WRITABLE, &[B]).states(&[(A, &["StalePrimary"])]),
                )
                .never(&[(A, "Primary")]),
            )
            .course(expect(
                Start,
                held(P, TWO_WRITABLE, &[B]).states(&[(A, &["StalePrimary"])]),
                held(P, TWO_WRITABLE, &[B]).states(&[(A, &["StalePrimary"])]),
            )),
        // Whoever is seen twice first is published, and stays. At the start it is config order.
        Row::new("two-promoted", P, "the primary dies, and both replicas are promoted at once")
            .fault(promote_both, |_| {})
            .course(
                expect(Failover, either(TWO_WRITABLE).within(SOON), either(TWO_WRITABLE))
                    .begun_by(promote_both),
            )
            .course(expect(
                Start,
                held(A, TWO_WRITABLE, &[A]).states(&[(P, &["Down"]), (B, &["StalePrimary"])]),
                held(A, TWO_WRITABLE, &[A]).states(&[(B, &["StalePrimary"])]),
            )),
    ]
}

fn cascading() -> Vec<Row> {
    vec![
        Row::new("cascade-cut", A, "B receives from A, and A is killed")
            .prepare(|stage| stage.repoint(B, A))
            .fault(|stage| stage.kill9(A), |stage| stage.start(A))
            // Until A is back B may have received nothing for five seconds.
            .course(
                expect(
                    Steady,
                    to(P, &[B]).states(&[(A, &["Down"])]),
                    to(P, &[A, B]).states(&[(A, &["Replica"])]),
                )
                .by_way_of(&[P]),
            )
            .course(
                expect(
                    Start,
                    to(P, &[B]).states(&[(A, &["Down"])]),
                    to(P, &[A, B]).states(&[(A, &["Replica"])]),
                )
                .by_way_of(&[P]),
            ),
        Row::new("cascade-promoted", P, "B receives from A, and A takes over from the primary")
            .prepare(|stage| stage.repoint(B, A))
            .fault(|stage| stage.kill9(P), |stage| stage.start(P))
            .course(
                expect(
                    Failover,
                    to(A, &[B]).states(&[(P, &["Down"]), (A, &["Primary"])]),
                    to(A, &[B]).states(&[(P, &["StalePrimary"])]),
                )
                .never(&[(P, "Primary")]),
            ),
    ]
}

fn switched() -> Vec<Row> {
    let end = |stage: &mut Stage| {
        stage.promote(A);
        stage.group.demote(stage.at(P), stage.at(A));
        stage.repoint(B, A);
    };
    let begin = |stage: &mut Stage| stage.group.begin_switchover(stage.at(P));
    vec![
        Row::new("switchover", P, "a planned switchover: P is stopped, A is promoted, P follows")
            .only(POSTGRES)
            .fault(begin, end)
            .course(
                expect(
                    Steady,
                    held(P, "Down", &[A, B]).states(&[(P, &["Down"])]),
                    to(A, &[B, P]).states(&[(P, &["Replica"])]).within(SOON),
                )
                .with_gap()
                .never(&[(P, "StalePrimary")]),
            )
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Down"])]),
                to(A, &[B, P]).states(&[(P, &["Replica"])]).within(SOON),
            )),
        Row::new("switchover", P, "a planned switchover: P is read-only, A is promoted, P follows")
            .only(MYSQLS)
            .fault(begin, end)
            .course(
                expect(
                    Steady,
                    nobody("not writable", &[A, B]).states(&[(P, &["ReadOnlyPrimary"])]),
                    to(A, &[B, P]).states(&[(P, &["Replica"])]).within(SOON),
                )
                .never(&[(P, "StalePrimary")]),
            )
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["ReadOnlyPrimary"])]),
                to(A, &[B, P]).states(&[(P, &["Replica"])]).within(SOON),
            )),
    ]
}

fn promote_both(stage: &mut Stage) {
    stage.kill9(P);
    stage.promote_by_mistake(A);
    stage.promote_by_mistake(B);
    stage.declare_primary(A);
}
