//! What people do to servers, and what they leave behind: full, locked, paused, promoted by mistake.

use crate::row::{
    IN_TIME, MARIADB, POSTGRES,
    Phase::{Calm, Failover, Start},
    Place::{A, B, P},
    Row, expect, held, nobody, to,
};

const NOBODY_FOUND: &str = "no address: no primary has been found";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("primary-full", P, "every connection slot of the primary is taken")
            .only(POSTGRES)
            .loud("the probe must find out when it ends")
            .fault(|stage| stage.fill(P), |stage| stage.release())
            .course(expect(
                Calm,
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
            .only(MARIADB)
            .loud("the probe must find out when it ends")
            .fault(|stage| stage.fill(P), |stage| stage.release())
            .course(expect(
                Calm,
                held(P, "Saturated", &[A, B]).states(&[(P, &["Saturated"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            ))
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[A, B]).states(&[(P, &["Saturated"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            )),
        Row::new("password-rotated", P, "the password of the probe's user is another one")
            .loud("the probe must find out when it ends")
            .fault(|stage| stage.rotate_password(false), |stage| stage.rotate_password(true))
            .course(expect(
                Calm,
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
            .course(expect(
                Start,
                nobody(NOBODY_FOUND, &[]).states(&[(P, &["Misconfigured"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"]), (A, &["Replica"]), (B, &["Replica"])]),
            )),
    ]
}
