//! What networks do: packets are lost, links are half open, slow, or lead to somebody else. Played in a
//! network of its own.

use std::time::Duration;

use pointsman_testbed::{
    fault_proxy::{Conduct, Cut},
    group::Kind,
    namespace::{Effect, Traffic},
};

use crate::{
    row::{
        IN_TIME, MARIADB,
        Phase::{Failover, Start, Steady},
        Place::{self, A, B, P},
        Row, SOON, expect, held, nobody, to,
    },
    stage::Stage,
};

const HELD_DOWN: &str = "held: the last primary is Down";
const HELD_UNREACHABLE: &str = "held: the primary is unreachable from here, but its replicas";
const HELD_ISOLATED: &str = "held: no server of any cluster answers, our own network is suspected";
const NOBODY_FOUND: &str = "no address: no primary has been found";
const ALL: &[Place] = &[P, A, B];

pub(crate) fn rows() -> Vec<Row> {
    let black_holes =
        [black_holes(), black_holes_of_the_idle(), black_holes_among_servers(), isolation()];
    let others = [broken_links(), slow_links(), impostors()];
    black_holes.into_iter().chain(others).flatten().collect()
}

fn black_holes() -> Vec<Row> {
    vec![
        Row::new(
            "monitor-blackholed",
            P,
            "packets between Pointsman and the primary are lost, and clients write",
        )
        .fault(
            |stage| {
                stage.write_to(P);
                stage.disturb(Traffic::Probes, &[P], Effect::Lost);
            },
            |stage| stage.release(),
        )
        .course(
            expect(Steady, held(P, HELD_UNREACHABLE, &[A, B]).within(SOON), to(P, &[A, B]))
                .never(&[(P, "Down")]),
        )
        .course(
            // Nobody writes any more when somebody promotes.
            expect(
                Failover,
                to(A, &[B]).states(&[(A, &["Primary"])]).within(SOON),
                to(A, &[B]).states(&[(P, &["StalePrimary"])]),
            )
            .begun_by(|stage| stage.disturb(Traffic::Probes, &[P], Effect::Lost)),
        )
        .course(expect(
            Start,
            nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Down"])]).within(SOON),
            to(P, &[A, B]).states(&[(P, &["Primary"])]),
        )),
    ]
}

fn black_holes_of_the_idle() -> Vec<Row> {
    vec![
        Row::new(
            "monitor-blackholed-idle",
            P,
            "packets between Pointsman and the primary are lost, and nobody writes",
        )
        .only(&[Kind::Postgres, Kind::MySql])
        .fault(|stage| stage.disturb(Traffic::Probes, &[P], Effect::Lost), |stage| stage.release())
        .course(expect(
            // Down until its standbys hear a keepalive; these come every 30 s. MySQL's replicas do
            // not tell of heartbeats where the probe may look.
            Steady,
            held(P, "held: the ", &[A, B]).within(SOON),
            to(P, &[A, B]),
        )),
        Row::new(
            "monitor-blackholed-idle",
            P,
            "packets between Pointsman and the primary are lost, and nobody writes",
        )
        .only(MARIADB)
        .fault(|stage| stage.disturb(Traffic::Probes, &[P], Effect::Lost), |stage| stage.release())
        .course(expect(
            // Its replicas count a heartbeat every second here.
            Steady,
            held(P, HELD_UNREACHABLE, &[A, B]).within(SOON),
            to(P, &[A, B]),
        )),
    ]
}

fn black_holes_among_servers() -> Vec<Row> {
    vec![
        Row::new(
            "replication-blackholed",
            B,
            "packets between the primary and its replicas are lost, and clients write",
        )
        .fault(
            |stage| {
                stage.write_to(P);
                stage.disturb(Traffic::Replication, &[P], Effect::Lost);
            },
            |stage| stage.release(),
        )
        .course(expect(
            Steady,
            to(P, &[P]).states(&[(A, &["ReplicaLagging"]), (B, &["ReplicaLagging"])]).within(SOON),
            to(P, &[A, B]).states(&[(A, &["Replica"]), (B, &["Replica"])]).within(IN_TIME),
        )),
        Row::new(
            "primary-blackholed",
            P,
            "packets between the primary and everybody else are lost",
        )
        .fault(
            |stage| {
                stage.write_to(P);
                stage.disturb(Traffic::Both, &[P], Effect::Lost);
            },
            |stage| stage.release(),
        )
        .course(expect(
            Steady,
            held(P, HELD_DOWN, &[A, B]).states(&[(P, &["Down"])]).within(SOON),
            to(P, &[A, B]).states(&[(P, &["Primary"])]).within(IN_TIME),
        ))
        .course(
            expect(
                Failover,
                to(A, &[B]).states(&[(A, &["Primary"])]).within(SOON),
                to(A, &[B]).states(&[(P, &["StalePrimary"])]),
            )
            .begun_by(|stage| stage.disturb(Traffic::Both, &[P], Effect::Lost)),
        ),
    ]
}

fn isolation() -> Vec<Row> {
    vec![
        Row::new("all-unreachable", P, "packets between Pointsman and every server are lost")
            .fault(
                |stage| stage.disturb(Traffic::Probes, ALL, Effect::Lost),
                |stage| stage.release(),
            )
            .course(expect(Steady, held(P, HELD_ISOLATED, &[A, B]), to(P, &[A, B])).never(&[
                (P, "Down"),
                (A, "Down"),
                (B, "Down"),
            ]))
            .course(expect(
                Failover,
                held(P, HELD_ISOLATED, &[A, B]),
                to(A, &[B]).states(&[(P, &["StalePrimary"])]),
            )),
    ]
}

fn broken_links() -> Vec<Row> {
    vec![
        Row::new("half-open", B, "connections to a replica are opened, and nothing comes through")
            .fault(
                |stage| stage.disturb(Traffic::Probes, &[B], Effect::HalfOpen),
                |stage| stage.release(),
            )
            .course(expect(
                Steady,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            ))
            .course(expect(
                Start,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            )),
        Row::new("no-route", P, "the network says: no route to the primary; clients write")
            .fault(
                |stage| {
                    stage.write_to(P);
                    stage.disturb(Traffic::Probes, &[P], Effect::NoRoute);
                },
                |stage| stage.release(),
            )
            .course(
                expect(Steady, held(P, HELD_UNREACHABLE, &[A, B]).within(SOON), to(P, &[A, B]))
                    .never(&[(P, "Down")]),
            ),
        Row::new("reset", P, "every packet of Pointsman to the primary is answered by RST")
            .fault(
                |stage| stage.disturb(Traffic::Probes, &[P], Effect::Reset),
                |stage| stage.release(),
            )
            .course(expect(
                Steady,
                held(P, HELD_DOWN, &[A, B]).states(&[(P, &["Down"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )),
        Row::new("some-refused", P, "30 % of Pointsman's attempts to connect are refused")
            .loud("sessions are ended to make it connect")
            .fault(
                |stage| {
                    stage.disturb(Traffic::Probes, &[P], Effect::SomeRefused(30));
                    stage.end_probe_sessions();
                },
                |stage| stage.release(),
            )
            .course(expect(Steady, to(P, &[A, B]).within(SOON), to(P, &[A, B])))
            .course(expect(Failover, to(A, &[B]).within(SOON), to(A, &[B])).begun_by(|stage| {
                stage.kill9(P);
                stage.disturb(Traffic::Probes, ALL, Effect::SomeRefused(30));
            }))
            .course(expect(Start, to(P, &[A, B]).within(SOON), to(P, &[A, B])).begun_by(|stage| {
                stage.disturb(Traffic::Probes, ALL, Effect::SomeRefused(30));
            })),
    ]
}

const JITTER: Duration = Duration::from_millis(40);

fn delay(stage: &mut Stage) {
    stage.conduct(Conduct::Delay { by: stage.group.long_round_trip(), jitter: JITTER });
}

fn slow_links() -> Vec<Row> {
    vec![
        Row::new("latency", P, "a fresh probe takes 0.8 of its timeout, more or less")
            .ready(|stage| stage.put_proxies(ALL))
            .fault(delay, |stage| stage.conduct(Conduct::Pass))
            .course(
                expect(Steady, to(P, &[A, B]), to(P, &[A, B]))
                    .begun_by(|stage| {
                        delay(stage);
                        stage.end_probe_sessions();
                    })
                    .never(&[(P, "Down"), (A, "Down"), (B, "Down")]),
            )
            .course(expect(Failover, to(A, &[B]).within(SOON), to(A, &[B])).begun_by(|stage| {
                delay(stage);
                stage.kill9(P);
            }))
            .course(
                expect(Start, to(P, &[A, B]).within(SOON), to(P, &[A, B])).never(&[(P, "Down")]),
            ),
        Row::new("trickle", B, "a replica's words come through one octet a second")
            .loud("a statement whose reply does not come through ends with its session")
            .ready(|stage| stage.put_proxies(&[B]))
            .fault(
                |stage| stage.conduct(Conduct::Trickle(Duration::from_secs(1))),
                |stage| stage.conduct(Conduct::Pass),
            )
            .course(expect(
                Steady,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            ))
            .course(expect(
                Start,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            )),
    ]
}

fn impostors() -> Vec<Row> {
    vec![
        Row::new("accept-then-close", P, "something accepts for the primary and closes at once")
            .ready(|stage| stage.put_proxies(&[P]))
            .fault(
                |stage| stage.conduct(Conduct::Close(Cut::Fin)),
                |stage| stage.conduct(Conduct::Pass),
            )
            .course(expect(
                Steady,
                held(P, HELD_DOWN, &[A, B]).states(&[(P, &["Down"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            ))
            .course(expect(
                Failover,
                to(A, &[B]).states(&[(P, &["Down"]), (A, &["Primary"])]),
                to(A, &[B]).states(&[(P, &["StalePrimary"])]),
            ))
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Down"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )),
        Row::new("accept-and-say-nothing", B, "something accepts for a replica and stays silent")
            .ready(|stage| stage.put_proxies(&[B]))
            .fault(|stage| stage.conduct(Conduct::Silence), |stage| stage.conduct(Conduct::Pass))
            .course(expect(
                Steady,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            )),
        Row::new("garbage", P, "something answers for the primary what means nothing")
            .ready(|stage| stage.put_proxies(&[P]))
            .fault(
                |stage| {
                    stage.conduct(Conduct::Close(Cut::Reset));
                    stage.conduct(Conduct::Garbage);
                },
                |stage| stage.conduct(Conduct::Pass),
            )
            .course(expect(
                Steady,
                held(P, HELD_DOWN, &[A, B]).states(&[(P, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            ))
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )),
        Row::new("http", B, "an HTTP server answers for a replica")
            .ready(|stage| stage.put_proxies(&[B]))
            .fault(|stage| stage.conduct(Conduct::Http), |stage| stage.conduct(Conduct::Pass))
            .course(expect(
                Steady,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            ))
            .course(expect(
                Start,
                to(P, &[A]).states(&[(B, &["Down"])]).within(SOON),
                to(P, &[A, B]).states(&[(B, &["Replica"])]),
            )),
    ]
}
