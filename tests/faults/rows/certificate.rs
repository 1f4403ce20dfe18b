//! What befalls the certificates of servers that must have good ones. Pointsman sees it when it logs
//! in anew, at the latest when it renews its session; whoever is logged in already does not.

use pointsman_testbed::certificates::Validity::{Expired, Present};

use crate::row::{
    IN_TIME, MARIADB, POSTGRES,
    Phase::{Failover, Start, Steady},
    Place::{A, B, P},
    Row, expect, held, nobody, to,
};

pub(crate) fn rows() -> Vec<Row> {
    let expired = || {
        Row::new("certificate-expired", P, "the certificate of the primary has expired")
            .certified()
            .loud("the probe must find out when it ends")
            .fault(|stage| stage.certify(P, Expired), |stage| stage.certify(P, Present))
            .course(
                // It is seen when the session is renewed, and nobody takes the role away for it.
                expect(
                    Steady,
                    held(P, "Misconfigured", &[A, B])
                        .states(&[(P, &["Misconfigured"])])
                        .within(IN_TIME),
                    to(P, &[A, B]).states(&[(P, &["Primary"])]),
                )
                .never(&[(P, "Down"), (A, "Misconfigured"), (B, "Misconfigured")]),
            )
            .course(expect(
                Start,
                nobody("no address: no primary has been found", &[A, B])
                    .states(&[(P, &["Misconfigured"])]),
                to(P, &[A, B]).states(&[(P, &["Primary"])]),
            ))
    };
    vec![
        // A higher timeline is proof of a promotion.
        expired().only(POSTGRES).course(
            expect(
                Failover,
                to(A, &[B]).states(&[(P, &["Misconfigured"]), (A, &["Primary"])]),
                to(A, &[B]).states(&[(P, &["StalePrimary"])]),
            )
            .begun_by(|stage| {
                stage.certify(P, Expired);
                stage.end_probe_sessions();
            })
            .never(&[(P, "Primary")]),
        ),
        // MySQL refuses to load a certificate that has expired.
        expired().only(MARIADB),
    ]
}
