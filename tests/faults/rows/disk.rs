//! The disk of the primary is full, while somebody writes.
//!
//! PostgreSQL ends when it cannot write its log, and does not come up again. MySQL and
//! MariaDB wait for room: they answer questions and commit nothing, which only heartbeats find out.

use crate::row::{
    MYSQLS, POSTGRES,
    Phase::{Failover, Start, Steady},
    Place::{A, B, P},
    Row, SOON, expect, held, nobody, to,
};

pub(crate) fn rows() -> Vec<Row> {
    vec![postgres(), mysqls(), mysqls_with_heartbeats()]
}

fn postgres() -> Row {
    Row::new("disk-full", P, "the disk of the primary is full: the server ends")
        .only(POSTGRES)
        .fault(
            |stage| stage.group.fill_disk(stage.at(P)),
            |stage| stage.group.free_disk(stage.at(P)),
        )
        .course(expect(
            Steady,
            held(P, "Down", &[A, B]).states(&[(P, &["Down"])]),
            to(P, &[A, B]).states(&[(P, &["Primary"])]).within(SOON),
        ))
        .course(
            expect(
                Failover,
                to(A, &[B]).states(&[(P, &["Down"])]),
                to(A, &[B]).states(&[(P, &["StalePrimary"])]),
            )
            .never(&[(P, "Primary")]),
        )
        .course(expect(
            Start,
            nobody("no primary has been found", &[A, B]).states(&[(P, &["Down"])]),
            to(P, &[A, B]).states(&[(P, &["Primary"])]).within(SOON),
        ))
}

fn mysqls() -> Row {
    let story = "the disk of the primary is full: writes wait, and nobody asks about writes";
    Row::new("disk-full", P, story)
        .only(MYSQLS)
        .fault(
            |stage| {
                stage.write_steadily();
                stage.group.fill_disk(stage.at(P));
            },
            |stage| {
                stage.release();
                stage.group.free_disk(stage.at(P));
                // What has waited makes replicas late for a moment.
                for place in [A, B] {
                    stage.group.wait_caught_up(stage.at(place), stage.at(P));
                }
            },
        )
        .course(expect(Steady, to(P, &[A, B]), to(P, &[A, B]).within(SOON)).by_way_of(&[P]))
}

fn mysqls_with_heartbeats() -> Row {
    let story = "the disk of the primary is full: writes wait, heartbeats too";
    let mut row = mysqls();
    (row.name, row.story, row.settings.heartbeats) = ("disk-full-heartbeats", story, true);
    row.courses = vec![
        expect(
            Steady,
            nobody("not writable", &[A, B]).states(&[(P, &["ReadOnlyPrimary"])]).within(SOON),
            to(P, &[A, B]).states(&[(P, &["Primary"])]).within(SOON),
        )
        .by_way_of(&[P]),
    ];
    row
}
