//! Servers that accept connections and let nobody in for a while: one login waits for them, however
//! often they are asked, and goes on as soon as they do.

use std::{sync::Arc, time::Duration};

use pointsman::{
    config::TlsMode,
    engine::{ClusterKind, FailureKind, Outcome, Pace, ProbeAdvice},
    probe::Target,
};
use tokio::sync::Semaphore;

use crate::{
    fake_mysql::{FakeMySql, Hold},
    fake_postgres::{Fake, Step, config, login, primary_reply, target},
    mysql_versions::Version,
    probe_cadence::Running,
};

/// More than the hasty ones.
const ATTEMPTS: usize = 8;

fn hasty(mut target: Target, tls: TlsMode) -> Target {
    let mut config = config();
    config.timeout = Duration::from_millis(100);
    config.tls = tls;
    target.config = Arc::new(config);
    target
}

fn fast(target: Target) -> Running {
    let running = Running::start(target);
    let advice = ProbeAdvice { pace: Pace::Fast, heartbeat: false };
    running.advice.send(advice);
    running
}

async fn expect_silence(running: &mut Running) {
    for _ in 0..ATTEMPTS {
        assert_eq!(running.next_failure().await, FailureKind::Unresponsive);
    }
}

/// An attempt that was under way may still end in silence.
async fn expect_answer(running: &mut Running) {
    loop {
        match running.next().await {
            Outcome::Answered(_) => return,
            Outcome::Failed(failure) if failure.kind == FailureKind::Unresponsive => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn one_login_waits_for_mysql_and_goes_on_with_it() {
    for hold in [Hold::Greeting, Hold::Login] {
        let gate = Arc::new(Semaphore::new(0));
        let mut script = Version::MySql84.primary();
        script.held = Some((hold, Arc::clone(&gate)));
        let server = FakeMySql::start("127.22.9.2", script).await;
        let mut mysql = target(server.address, config());
        mysql.kind = ClusterKind::MySql;
        let mut running = fast(hasty(mysql, TlsMode::Prefer));
        expect_silence(&mut running).await;
        assert_eq!(server.accepted(), 1);
        gate.add_permits(1);
        expect_answer(&mut running).await;
        assert_eq!(server.accepted(), 1);
    }
}

#[tokio::test]
async fn one_login_waits_for_postgresql_and_goes_on_with_it() {
    let gate = Arc::new(Semaphore::new(0));
    let question = vec![Step::ReadMessage, Step::Send(primary_reply())];
    let late = [
        vec![Step::ReadStartup, Step::Until(Arc::clone(&gate)), Step::Send(login())],
        vec![question; 99].concat(),
    ];
    let fake = Fake::start("127.22.9.3", late.concat());
    let mut running = fast(hasty(fake.target(), TlsMode::Disable));
    expect_silence(&mut running).await;
    assert_eq!(fake.accepted(), 1);
    gate.add_permits(1);
    expect_answer(&mut running).await;
    assert_eq!(fake.accepted(), 1);
    running.end().await;
}

/// Normal: without the end of the waiting login nothing would be asked for long.
#[tokio::test]
async fn a_login_that_is_hung_up_on_is_followed_by_another_at_once() {
    let gate = Arc::new(Semaphore::new(0));
    let question = vec![Step::ReadMessage, Step::Send(primary_reply())];
    let scripts = vec![
        vec![Step::ReadStartup, Step::Until(Arc::clone(&gate))],
        [vec![Step::ReadStartup, Step::Send(login())], vec![question; 99].concat()].concat(),
    ];
    let fake = Fake::start_each("127.22.9.4", scripts);
    let mut running = Running::start(hasty(fake.target(), TlsMode::Disable));
    assert_eq!(running.next_failure().await, FailureKind::Unresponsive);
    gate.add_permits(1);
    expect_answer(&mut running).await;
    assert_eq!(fake.accepted(), 2);
    running.end().await;
}
