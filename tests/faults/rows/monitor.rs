//! What befalls Pointsman itself, and clocks that are wrong.

use std::time::Duration;

use crate::row::{
    IN_TIME,
    Phase::{Failover, Start, Steady},
    Place::{A, B, P},
    Row, SOON, expect, to,
};

/// An hour, in seconds.
const HOUR: i64 = 3600;

/// Nothing that a clock or a pause of the monitor may lead to.
const NOBODY_LOST: &[(crate::row::Place, &str)] =
    &[(P, "Down"), (A, "Down"), (B, "Down"), (A, "ReplicaLagging"), (B, "ReplicaLagging")];

pub(crate) fn rows() -> Vec<Row> {
    [stopped(), clocks()].into_iter().flatten().collect()
}

fn stopped() -> Vec<Row> {
    vec![
        Row::new("monitor-frozen", P, "SIGSTOP to Pointsman, SIGCONT after 8 s")
            .mute()
            .fault(|stage| stage.pause_monitor(Duration::from_secs(8)), |_| {})
            .course(expect(Steady, to(P, &[A, B]), to(P, &[A, B])).never(NOBODY_LOST))
            .course(expect(Failover, to(A, &[B]).within(SOON), to(A, &[B])).begun_by(|stage| {
                stage.kill9(P);
                stage.pause_monitor(Duration::from_secs(4));
            })),
        Row::new("monitor-starved", P, "Pointsman gets a tenth of a processor, in slices")
            .fault(
                |stage| {
                    for _ in 0..25 {
                        stage.pause_monitor(Duration::from_millis(180));
                        std::thread::sleep(Duration::from_millis(20));
                    }
                },
                |_| {},
            )
            .course(expect(Steady, to(P, &[A, B]), to(P, &[A, B])).never(NOBODY_LOST)),
    ]
}

fn clocks() -> Vec<Row> {
    vec![
        Row::new("primary-clock", P, "the clock of the primary jumps ahead by an hour, and back")
            .ready(|stage| stage.put_clock(P))
            .fault(|stage| stage.turn_clocks(HOUR), |stage| stage.turn_clocks(0))
            .course(
                expect(Steady, to(P, &[A, B]).within(SOON), to(P, &[A, B]).within(IN_TIME))
                    .never(NOBODY_LOST),
            )
            .course(
                expect(Start, to(P, &[A, B]).within(SOON), to(P, &[A, B]).within(IN_TIME))
                    .never(NOBODY_LOST),
            ),
        Row::new("replica-clock", B, "the clock of a replica jumps back by an hour, and ahead")
            .ready(|stage| stage.put_clock(B))
            .fault(
                |stage| {
                    stage.write_to(P);
                    stage.turn_clocks(-HOUR);
                },
                |stage| {
                    stage.turn_clocks(0);
                    stage.release();
                },
            )
            .course(
                expect(Steady, to(P, &[A, B]).within(SOON), to(P, &[A, B]).within(IN_TIME))
                    .never(NOBODY_LOST),
            )
            .course(
                expect(Start, to(P, &[A, B]).within(SOON), to(P, &[A, B]).within(IN_TIME))
                    .never(NOBODY_LOST),
            ),
        Row::new("monitor-clock", P, "Pointsman's clock jumps back by an hour, and ahead")
            .ready(|stage| stage.put_monitor_clock())
            .fault(|stage| stage.turn_clocks(-HOUR), |stage| stage.turn_clocks(0))
            .course(expect(Steady, to(P, &[A, B]), to(P, &[A, B])).never(NOBODY_LOST))
            .course(expect(Failover, to(A, &[B]), to(A, &[B])).begun_by(|stage| {
                stage.turn_clocks(-HOUR);
                stage.kill9(P);
            }))
            .course(expect(Start, to(P, &[A, B]), to(P, &[A, B])).never(NOBODY_LOST)),
    ]
}
