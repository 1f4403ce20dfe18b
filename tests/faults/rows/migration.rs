//! What comes from outside: B receives from a server of no cluster as well, which has the primary's
//! `server_id`, 1 by default, and goes on writing whatever befalls the primary.

use crate::{
    row::{
        Course, MYSQLS,
        Phase::{Failover, Start, Steady},
        Place::{A, B, P},
        Row, SOON, expect, held, nobody, to,
    },
    stage::Stage,
};

const HELD_DOWN: &str = "held: the last primary is Down";
const NOBODY_FOUND: &str = "no address: no primary has been found";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "outside-number-frozen",
            P,
            "B receives from a server outside with the primary's `server_id`, too; SIGSTOP to the \
             primary, SIGCONT later",
        )
        .only(MYSQLS)
        .prepare(Stage::begin_migration)
        .fault(|stage| stage.freeze(P), |stage| stage.thaw(P))
        .course(expect(
            Steady,
            held(P, HELD_DOWN, &[A, B]).states(&[(P, &["Down"])]).within(SOON),
            to(P, &[A, B]).states(&[(P, &["Primary"])]),
        ))
        .course(taken_over())
        .course(expect(
            Start,
            nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Down"])]).within(SOON),
            to(P, &[A, B]).states(&[(P, &["Primary"])]),
        )),
        Row::new(
            "outside-number-killed",
            P,
            "B receives from a server outside with the primary's `server_id`, too; kill -9 of the \
             primary, started again later",
        )
        .only(MYSQLS)
        .prepare(Stage::begin_migration)
        .fault(|stage| stage.kill9(P), |stage| stage.start(P))
        .course(taken_over()),
    ]
}

/// The outside server's signs of life are nobody's here.
fn taken_over() -> Course {
    expect(
        Failover,
        to(A, &[B]).states(&[(P, &["Down"]), (A, &["Primary"])]).within(SOON),
        to(A, &[B]).states(&[(P, &["StalePrimary"])]),
    )
    .never(&[(P, "Primary")])
}
