//! A real PostgreSQL that does not let the probe in: what its log has of that, and how fast the probe
//! is back.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use ::pointsman::{
    config::{AuthConfig, ProbeConfig, ProbeTarget, Secret, TargetHost, TlsMode},
    engine::{ClusterKind, FailureKind, Outcome, Pace, ProbeAdvice, ProbeKey},
    metrics::ProbeMeter,
    probe::{self, Crowd, Finding, Orders, Target, advice::advice_channel},
};
use tokio::{
    runtime::Builder,
    sync::{mpsc, watch},
};

use crate::{
    in_turn, pointsman::PROBE_PASSWORD, postgres_cluster::PgCluster, postgres_programs::Programs,
};

const SERVER: Ipv4Addr = Ipv4Addr::new(127, 32, 0, 20);

/// So many probes, ten in a second, are refused.
const REFUSED: usize = 100;

/// Three at once, then after 2, 4 and 8 seconds, and one for a busy machine.
const LOGINS_MAX: usize = 7;

#[test]
fn a_wrong_password_does_not_fill_the_log_and_a_hint_ends_it() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &[SERVER]);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (_advice, advice) =
            advice_channel(ProbeAdvice { pace: Pace::Normal, heartbeat: false });
        let (hints, hinted) = watch::channel(());
        let (send, mut observations) = mpsc::channel(1);
        let orders = Orders { advice, hints: hinted, crowd: Crowd::default() };
        runtime.spawn(probe::run(target(SERVER, servers.port()), orders, send));
        let mut next = || -> Finding { observations.blocking_recv().expect("the probe runs") };
        let is_refused = |observation: &Finding| match &observation.outcome {
            Outcome::Failed(failure) => failure.kind == FailureKind::Misconfigured,
            Outcome::Answered(_) | Outcome::Witnessed(..) => false,
        };
        assert!(matches!(next().outcome, Outcome::Answered(_)));

        servers.sql(0, "ALTER ROLE pointsman PASSWORD 'another'");
        servers.end_probe_sessions(0);
        while !is_refused(&next()) {}
        for _ in 0..REFUSED {
            let observation = next();
            assert!(is_refused(&observation), "{observation:?}");
        }
        let logins = servers.lines_with(0, "FATAL:  password authentication failed");
        assert!((3..=LOGINS_MAX).contains(&logins), "{logins} refused logins");
        // Nor does anything else tell of the looks in between.
        for complaint in ["SSL connection", "GSSAPI", "startup packet", "protocol"] {
            assert_eq!(servers.lines_with(0, complaint), 0, "{complaint}");
        }

        servers.sql(0, &format!("ALTER ROLE pointsman PASSWORD '{PROBE_PASSWORD}'"));
        hints.send_replace(());
        // Some were under way; without the hint it would be dozens.
        let back = (0..5).map(|_| next()).find(|observation| !is_refused(observation));
        assert!(matches!(back.map(|back| back.outcome), Some(Outcome::Answered(_))));
    });
}

/// A server that is asked ten times a second.
pub(crate) fn target(address: Ipv4Addr, port: u16) -> Target {
    Target {
        key: ProbeKey(0),
        target: ProbeTarget { host: TargetHost::Address(address.into()), port },
        kind: ClusterKind::Postgres,
        config: Arc::new(ProbeConfig {
            user: "pointsman".into(),
            password: Some(Secret::new(PROBE_PASSWORD)),
            database: "postgres".into(),
            tls: TlsMode::Prefer,
            auth: AuthConfig::default(),
            interval: Duration::from_millis(100),
            fast_interval: Duration::from_millis(100),
            candidate_interval: Duration::from_millis(15),
            timeout: Duration::from_millis(1500),
            heartbeat_write: false,
        }),
        meter: ProbeMeter::default(),
        listener: None,
    }
}
