//! When the probe task asks: second looks, advice, idle connections that end, and its own end.

use std::time::Duration;

use pointsman::{
    engine::{FailureKind, Outcome, Pace, ProbeAdvice},
    probe::{
        self, Crowd, Finding, Orders, Target,
        advice::{AdviceSender, advice_channel},
    },
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::fake_postgres::{
    Fake, STANDBY, Step, config, error, login, primary_reply, reply, target,
};

/// Far more than anything here takes, far less than the interval of the probes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running task and both ends of what it is connected to.
pub(crate) struct Running {
    task: JoinHandle<()>,
    pub(crate) advice: AdviceSender,
    pub(crate) hints: watch::Sender<()>,
    observations: mpsc::Receiver<Finding>,
}

impl Running {
    pub(crate) fn start(target: Target) -> Self {
        let (advice, advised) =
            advice_channel(ProbeAdvice { pace: Pace::Normal, heartbeat: false });
        let (hints, hinted) = watch::channel(());
        let (send, observations) = mpsc::channel(4);
        let orders = Orders { advice: advised, hints: hinted, crowd: Crowd::default() };
        let task = tokio::spawn(probe::run(target, orders, send));
        Self { task, advice, hints, observations }
    }

    pub(crate) async fn next(&mut self) -> Outcome {
        self.next_finding().await.outcome
    }

    async fn next_finding(&mut self) -> Finding {
        let observation = timeout(PATIENCE, self.observations.recv()).await;
        let observation = observation.expect("an observation is due long before the interval");
        observation.expect("the task is alive")
    }

    pub(crate) async fn next_failure(&mut self) -> FailureKind {
        match self.next().await {
            Outcome::Failed(failure) => failure.kind,
            other => panic!("{other:?} instead of a failure"),
        }
    }

    pub(crate) async fn next_is_writable(&mut self) {
        match self.next().await {
            Outcome::Answered(facts) if facts.claims_writable() => {}
            other => panic!("{other:?} instead of a primary"),
        }
    }

    pub(crate) async fn nothing_more_comes(&mut self) {
        // Silence has no event to wait for; this is several times every short delay there is.
        let silence = timeout(Duration::from_millis(400), self.observations.recv()).await;
        assert!(silence.is_err(), "{silence:?}");
    }

    /// Ends the task by hanging up, and sees that nothing of it is left.
    pub(crate) async fn end(self) {
        drop(self.observations);
        timeout(PATIENCE, self.task)
            .await
            .expect("the task ends when nobody listens")
            .expect("it does not panic");
        drop(self.advice);
        let metrics = tokio::runtime::Handle::current().metrics();
        assert_eq!(metrics.num_alive_tasks(), 0);
    }
}

/// Logs in and answers `replies` questions.
fn answers(replies: usize) -> Vec<Step> {
    let mut script = vec![Step::ReadStartup, Step::Send(login())];
    for _ in 0..replies {
        script.push(Step::ReadMessage);
        script.push(Step::Send(primary_reply()));
    }
    script
}

#[tokio::test]
async fn a_first_writable_reply_is_looked_at_twice_over_one_connection() {
    let fake = Fake::start("127.22.2.1", [answers(9), vec![Step::Silence]].concat());
    let mut running = Running::start(fake.target());
    running.next_is_writable().await;
    running.next_is_writable().await;
    running.nothing_more_comes().await;
    assert_eq!(fake.accepted(), 1);
    running.end().await;
}

#[tokio::test]
async fn a_refusal_is_looked_at_twice() {
    let gone = Fake::start("127.22.2.2", vec![]);
    let target = gone.target();
    drop(gone);
    let mut running = Running::start(target);
    assert_eq!(running.next_failure().await, FailureKind::Refused);
    assert_eq!(running.next_failure().await, FailureKind::Refused);
    running.nothing_more_comes().await;
    running.end().await;
}

#[tokio::test]
async fn an_idle_connection_that_ends_is_noticed_and_checked_at_once() {
    let idle = Step::Wait(Duration::from_millis(100));
    let shutdown = error("FATAL", "57P01", "terminating connection");
    for farewell in [vec![], vec![Step::Send(shutdown)]] {
        let script = [answers(2), vec![idle.clone()], farewell].concat();
        let fake = Fake::start("127.22.2.3", script);
        let mut running = Running::start(fake.target());
        running.next_is_writable().await;
        running.next_is_writable().await;
        assert_eq!(running.next_failure().await, FailureKind::Closed);
        running.next_is_writable().await;
        assert_eq!(fake.accepted(), 2);
        running.end().await;
    }
}

/// What a reply says is as old as its question, not as the login before it; and what nobody asked
/// for is new.
#[tokio::test]
async fn a_finding_is_as_old_as_the_question_that_it_answers() {
    const LOGIN: Duration = Duration::from_secs(1);
    const REPLY: Duration = Duration::from_millis(50);
    let login = vec![Step::ReadStartup, Step::Wait(LOGIN), Step::Send(login())];
    let question = vec![Step::ReadMessage, Step::Wait(REPLY), Step::Send(primary_reply())];
    let fake = Fake::start("127.22.2.11", [login, question.clone(), question].concat());
    let mut patient = config();
    patient.timeout = Duration::from_secs(5);
    let began = tokio::time::Instant::now();
    let mut running = Running::start(target(fake.address, patient));
    let Finding { asked: first, outcome, .. } = running.next_finding().await;
    assert!(matches!(outcome, Outcome::Answered(_)), "{outcome:?}");
    // However busy the machine is, nothing was asked before the login.
    assert!(first >= began + LOGIN && first.elapsed() >= REPLY, "{:?}", first - began);
    let Finding { asked: second, outcome, .. } = running.next_finding().await;
    assert!(matches!(outcome, Outcome::Answered(_)), "{outcome:?}");
    assert!(second >= first + REPLY && second.elapsed() >= REPLY, "{:?}", second - first);
    let Finding { asked: came, outcome, .. } = running.next_finding().await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert!(came >= second + REPLY, "{:?}", came - second);
    running.end().await;
}

#[tokio::test]
async fn an_idle_timeout_of_the_server_is_no_news() {
    let expired = error("FATAL", "57P05", "idle-session timeout");
    let script = [answers(2), vec![Step::Send(expired)]].concat();
    let fake = Fake::start("127.22.2.4", script);
    let mut running = Running::start(fake.target());
    running.next_is_writable().await;
    running.next_is_writable().await;
    running.nothing_more_comes().await;
    running.advice.send(ProbeAdvice { pace: Pace::Fast, heartbeat: false });
    for _ in 0..4 {
        running.next_is_writable().await;
    }
    assert!(fake.accepted() > 1);
    running.end().await;
}

#[tokio::test]
async fn advice_to_hurry_ends_a_calm_wait() {
    let fake = Fake::start("127.22.2.5", [answers(99), vec![Step::Silence]].concat());
    let mut running = Running::start(fake.target());
    running.next_is_writable().await;
    running.next_is_writable().await;
    running.nothing_more_comes().await;
    running.advice.send(ProbeAdvice { pace: Pace::Fast, heartbeat: false });
    for _ in 0..5 {
        running.next_is_writable().await;
    }
    running.advice.send(ProbeAdvice { pace: Pace::Normal, heartbeat: false });
    // One probe may have been under way.
    let _ = timeout(Duration::from_millis(200), running.observations.recv()).await;
    running.nothing_more_comes().await;
    running.end().await;
}

#[tokio::test]
async fn a_hint_brings_one_probe_forward_and_a_flood_of_hints_no_flood() {
    let fake = Fake::start("127.22.2.10", [answers(99), vec![Step::Silence]].concat());
    let mut running = Running::start(fake.target());
    running.next_is_writable().await;
    running.next_is_writable().await;
    running.nothing_more_comes().await;
    running.hints.send_replace(());
    running.next_is_writable().await;
    running.nothing_more_comes().await;
    let began = tokio::time::Instant::now();
    for _ in 0..1_000 {
        running.hints.send_replace(());
        tokio::task::yield_now().await;
    }
    let mut probes = 0;
    while timeout(Duration::from_millis(200), running.observations.recv()).await.is_ok() {
        probes += 1;
    }
    // One that is due at once, one for the hints that came while it was under way.
    let most = 2 + began.elapsed().as_millis() / 50;
    assert!((1..=most).contains(&probes), "{probes} probes, at most {most} wanted");
    running.end().await;
}

#[tokio::test]
async fn a_promotion_within_the_question_is_asked_again_at_once() {
    let race =
        [error("ERROR", "55000", "recovery is not in progress"), crate::fake_postgres::ready()]
            .concat();
    let script = vec![
        Step::ReadStartup,
        Step::Send(login()),
        Step::ReadMessage,
        Step::Send(race),
        Step::ReadMessage,
        Step::Send(primary_reply()),
        Step::Silence,
    ];
    let fake = Fake::start("127.22.2.6", script);
    let mut running = Running::start(fake.target());
    running.next_is_writable().await;
    assert_eq!(fake.accepted(), 1);
    running.end().await;
}

#[tokio::test]
async fn a_server_that_hangs_up_after_each_answer_earns_no_storm() {
    let fake = Fake::start("127.22.2.7", answers(1));
    let mut running = Running::start(fake.target());
    // At most: an answer, its second look, an end, a check of that, an end. Then only the cadence
    // counts.
    let mut seen = 0;
    while timeout(Duration::from_millis(400), running.observations.recv()).await.is_ok() {
        seen += 1;
        assert!(seen < 12, "a storm of probes");
    }
    running.end().await;
}

#[tokio::test]
async fn a_task_that_probes_when_it_is_left_ends_at_its_deadline() {
    let fake = Fake::start("127.22.2.8", vec![Step::Silence]);
    let mut config = config();
    config.interval = Duration::from_millis(10);
    let mut running = Running::start(target(fake.address, config));
    assert_eq!(running.next_failure().await, FailureKind::Unresponsive);
    running.end().await;
}

#[tokio::test]
async fn a_tcp_cluster_is_only_connected_to() {
    let fake = Fake::start("127.22.2.9", vec![Step::Silence]);
    let mut target = fake.target();
    target.kind = pointsman::engine::ClusterKind::Tcp;
    let mut running = Running::start(target);
    match running.next().await {
        Outcome::Answered(pointsman::engine::Facts::Tcp) => {}
        other => panic!("{other:?}"),
    }
    running.nothing_more_comes().await;
    running.end().await;
}

/// After one silence for the whole `timeout`, the next few are given up much sooner.
#[tokio::test]
async fn a_silent_server_is_known_in_little_more_than_one_timeout() {
    let scripts = vec![[answers(2), vec![Step::Silence]].concat(), vec![Step::Silence]];
    let fake = Fake::start_each("127.22.8.1", scripts);
    let mut patient = config();
    patient.interval = Duration::from_millis(50);
    patient.timeout = Duration::from_secs(5);
    let mut running = Running::start(target(fake.address, patient));
    running.next_is_writable().await;
    running.next_is_writable().await;
    // On a connection that is older than the question the network may have lost it.
    assert_eq!(running.next_failure().await, FailureKind::TimedOut);
    for _ in 0..2 {
        let hasty = timeout(Duration::from_secs(4), running.next_failure()).await;
        assert_eq!(hasty.expect("less than a whole timeout"), FailureKind::Unresponsive);
    }
    running.end().await;
}

/// A full server is reported as full. When it is demoted meanwhile, that counts for more.
#[tokio::test]
async fn a_full_server_that_is_demoted_is_no_primary() {
    let demotions = vec![vec![Step::ReadMessage, Step::Send(reply(&STANDBY))]; 99].concat();
    let full = Step::Send(error("FATAL", "53300", "sorry, too many clients already"));
    let scripts = vec![[answers(3), demotions].concat(), vec![Step::ReadStartup, full]];
    let fake = Fake::start_each("127.22.8.2", scripts);
    let mut normal = config();
    // One question after the connection has come of age.
    normal.interval = Duration::from_secs(11);
    let mut running = Running::start(target(fake.address, normal));
    running.next_is_writable().await;
    running.next_is_writable().await;
    let full = timeout(Duration::from_secs(20), running.observations.recv()).await;
    match full.expect("the third question").expect("the task is alive").outcome {
        Outcome::Failed(failure) => assert_eq!(failure.kind, FailureKind::Saturated),
        other => panic!("{other:?} instead of a full server"),
    }
    let fast = ProbeAdvice { pace: Pace::Fast, heartbeat: false };
    running.advice.send(fast);
    match running.next().await {
        Outcome::Answered(facts) => assert!(!facts.claims_writable()),
        other => panic!("{other:?} instead of the demotion"),
    }
    // The old login tells what there is to tell, so the full server is left in peace.
    for _ in 0..20 {
        running.next().await;
    }
    assert!(fake.accepted() <= 6, "{}", fake.accepted());
    running.end().await;
}
