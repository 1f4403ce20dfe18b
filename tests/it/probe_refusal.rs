//! A server that steadily refuses the probe is asked seldom and watched closely, and a long-dead one
//! is asked slowly.

use std::{net::TcpListener, time::Duration};

use pointsman::{
    config::ProbeConfig,
    engine::{FailureKind, Pace, ProbeAdvice},
};

use crate::{
    fake_postgres::{Fake, Step, config, error, login, primary_reply, target},
    probe_cadence::Running,
};

/// A cadence at which many probes fit before logins grow rare.
fn brisk() -> ProbeConfig {
    ProbeConfig { interval: Duration::from_millis(50), ..config() }
}

/// Takes looks, and refuses every login.
fn refuses(code: &str) -> Vec<Step> {
    let refusal = Step::Send(error("FATAL", code, "no"));
    vec![Step::TakeLooks, Step::ReadStartup, refusal]
}

/// What stands for refusals that are no passing state of the server.
const STEADY: [(&str, FailureKind); 4] = [
    ("28P01", FailureKind::Misconfigured),
    ("28000", FailureKind::Misconfigured),
    ("3D000", FailureKind::Misconfigured),
    ("53300", FailureKind::Saturated),
];

#[tokio::test]
async fn steady_refusals_are_reported_at_the_full_pace_from_a_few_logins() {
    for (code, kind) in STEADY {
        let fake = Fake::start("127.32.0.10", refuses(code));
        let mut running = Running::start(target(fake.address, brisk()));
        for _ in 0..20 {
            assert_eq!(running.next_failure().await, kind, "{code}");
        }
        let logins = fake.accepted() - fake.looks();
        assert!((3..=5).contains(&logins) && fake.looks() >= 10, "{code}: {logins} logins");
        running.end().await;
    }
}

#[tokio::test]
async fn a_starting_server_is_asked_in_earnest_each_time() {
    let fake = Fake::start("127.32.0.11", refuses("57P03"));
    let mut running = Running::start(target(fake.address, brisk()));
    for _ in 0..20 {
        assert_eq!(running.next_failure().await, FailureKind::Starting);
    }
    assert!(fake.accepted() >= 20 && fake.looks() == 0, "{} looks", fake.looks());
    running.end().await;
}

#[tokio::test]
async fn a_server_that_refused_and_restarts_is_logged_in_to_at_once() {
    let fake = Fake::start("127.32.0.12", refuses("28P01"));
    let address = fake.address;
    let mut running = Running::start(target(address, brisk()));
    for _ in 0..10 {
        assert_eq!(running.next_failure().await, FailureKind::Misconfigured);
    }
    drop(fake);
    while running.next_failure().await != FailureKind::Refused {}
    let listener = TcpListener::bind(address).expect("the port is free again");
    let lets_in = vec![
        Step::TakeLooks,
        Step::ReadStartup,
        Step::Send(login()),
        Step::ReadMessage,
        Step::Send(primary_reply()),
        Step::Silence,
    ];
    let back = Fake::start_on(listener, vec![lets_in]);
    loop {
        match running.next().await {
            pointsman::engine::Outcome::Answered(_) => break,
            pointsman::engine::Outcome::Failed(failure) => {
                assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
            }
            other => panic!("{other:?} is not the server's own"),
        }
    }
    assert_eq!(back.looks(), 0);
    running.end().await;
}

#[tokio::test]
async fn a_hint_is_a_login() {
    let fake = Fake::start("127.32.0.13", refuses("28P01"));
    let mut running = Running::start(target(fake.address, brisk()));
    while fake.looks() == 0 {
        running.next_failure().await;
    }
    let logins = fake.accepted() - fake.looks();
    running.hints.send_replace(());
    // One probe may be under way; the next one is the hinted one.
    for _ in 0..2 {
        running.next_failure().await;
    }
    assert!(fake.accepted() - fake.looks() > logins);
    running.end().await;
}

#[tokio::test]
async fn a_long_dead_server_is_asked_slowly_until_a_hint() {
    let gone = Fake::start("127.32.0.14", vec![]);
    let address = gone.address;
    drop(gone);
    let mut running = Running::start(target(address, config()));
    let slow = ProbeAdvice { pace: Pace::Slow, heartbeat: false };
    running.advice.send(slow);
    for _ in 0..2 {
        assert_eq!(running.next_failure().await, FailureKind::Refused);
    }
    running.nothing_more_comes().await;
    running.hints.send_replace(());
    // At once, and soon again; then it is as dead as before.
    for _ in 0..2 {
        assert_eq!(running.next_failure().await, FailureKind::Refused);
    }
    running.nothing_more_comes().await;
    running.end().await;
}
