//! What is looked at over and over, each in a task of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::UnboundedSender,
    time::{Instant, Interval, MissedTickBehavior, interval},
};

use super::{
    beat::{self, BeatKind},
    login::PATIENCE,
    record::{Outcome, Sight},
};
use crate::{
    cli::Client,
    config::{ProbeConfig, ProbeTarget, TargetHost},
    engine::ClusterKind,
    follow::Question,
    plain_text::{one_line, start_of_line},
    probe::{Dial, Visit, VisitError},
};

/// Whom to work with, and how.
#[derive(Debug)]
pub struct Target {
    /// The engine.
    pub kind: ClusterKind,
    /// What is done over and over.
    pub beat: BeatKind,
    /// As whom.
    pub login: Arc<ProbeConfig>,
    /// The write name.
    pub question: Question,
    /// The resolver that says where to go.
    pub resolver: SocketAddr,
    /// The port of the servers.
    pub port: u16,
}

/// Where sights are sent to, with when they were seen.
#[derive(Clone, Debug)]
pub struct Post {
    /// The beginning of the watching.
    pub began: Instant,
    /// Who reads them.
    pub sender: UnboundedSender<(Duration, Sight)>,
}

impl Post {
    fn tell(&self, sight: Sight) {
        // Nobody reads any more when the watching is over.
        _ = self.sender.send((self.began.elapsed(), sight));
    }
}

impl Target {
    /// The server that the name leads to.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub async fn writer(&self) -> Result<SocketAddr, String> {
        let servers = self.question.addresses(self.resolver, self.port).await?;
        servers.into_iter().next().ok_or_else(|| "the name has no address".to_owned())
    }

    /// A session with `server`, by `deadline`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn visit(&self, server: SocketAddr, deadline: Instant) -> Result<Visit, String> {
        let host = TargetHost::Address(server.ip());
        let mut dial =
            Dial::new(ProbeTarget { host, port: server.port() }, Arc::clone(&self.login));
        let visit = Visit::begin(self.kind, &mut dial, deadline).await;
        visit.map_err(|failure| words(&failure.to_string()))
    }
}

/// Whom the service says that the name has.
pub async fn service(client: Client, cluster: String, post: Post) {
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        // A service that starts again will say it again.
        let Ok(status) = client.cluster(&cluster).await else { continue };
        if let Some(name) = status.write_name() {
            let servers = name.servers.iter().map(|server| server.as_str().into());
            post.tell(Sight::Published(servers.collect()));
        }
    }
}

/// Whom one resolver says.
pub async fn resolver(target: Arc<Target>, place: usize, resolver: SocketAddr, post: Post) {
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        let answer = target.question.addresses(resolver, target.port).await;
        let answer = answer
            .map(|servers| servers.iter().map(SocketAddr::ip).collect())
            .map_err(|why| words(&why).into());
        post.tell(Sight::Resolved(place, answer));
    }
}

/// Writes in a session that is held until it fails.
pub async fn writes(target: Arc<Target>, post: Post) {
    let mut ticks = ticks();
    let mut session: Option<(SocketAddr, Visit)> = None;
    for number in 1.. {
        ticks.tick().await;
        let began = post.began.elapsed();
        let deadline = Instant::now() + PATIENCE;
        let (server, failure) = match session.take() {
            Some(open) => work(&target, open, number, deadline, &mut session).await,
            None => match reach(&target, deadline).await {
                Ok(open) => work(&target, open, number, deadline, &mut session).await,
                Err((server, why)) => (server, Some(why)),
            },
        };
        let outcome = Outcome { began, server, failure: failure.map(Into::into) };
        post.tell(Sight::Write(number, outcome));
    }
}

/// One write; a session that was good for it is held on.
async fn work(
    target: &Target,
    (server, mut visit): (SocketAddr, Visit),
    number: u64,
    deadline: Instant,
    session: &mut Option<(SocketAddr, Visit)>,
) -> (Option<SocketAddr>, Option<String>) {
    let statement = target.beat.statement(target.kind, number);
    let failure = match visit.rows(&statement, deadline).await {
        Ok(rows) => target.beat.fault(&rows).map(str::to_owned),
        Err(error) => Some(error_words(&error)),
    };
    match failure {
        None => *session = Some((server, visit)),
        Some(_) => visit.leave().await,
    }
    (Some(server), failure)
}

/// Makes new connections.
pub async fn connects(target: Arc<Target>, post: Post) {
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        let began = post.began.elapsed();
        let deadline = Instant::now() + PATIENCE;
        let (server, failure) = match reach(&target, deadline).await {
            Ok((server, mut visit)) => {
                let failure = match visit.rows(beat::role(target.kind), deadline).await {
                    Ok(rows) => beat::role_fault(&rows).map(str::to_owned),
                    Err(error) => Some(error_words(&error)),
                };
                visit.leave().await;
                (Some(server), failure)
            }
            Err((server, why)) => (server, Some(why)),
        };
        let outcome = Outcome { began, server, failure: failure.map(Into::into) };
        post.tell(Sight::Connect(outcome));
    }
}

/// A session with whom the name says.
async fn reach(
    target: &Target,
    deadline: Instant,
) -> Result<(SocketAddr, Visit), (Option<SocketAddr>, String)> {
    let server = target.writer().await.map_err(|why| (None, why))?;
    let visit = target.visit(server, deadline).await.map_err(|why| (Some(server), why))?;
    Ok((server, visit))
}

/// What a server says in a line of bearable length.
fn words(text: &str) -> String {
    start_of_line(&one_line(text), WORDS_MAX)
}

/// Why a statement brought nothing.
pub fn error_words(error: &VisitError) -> String {
    words(&match error {
        VisitError::Refused { code, message } => format!("{message} ({code})"),
        VisitError::Broken(failure) => failure.to_string(),
    })
}

fn ticks() -> Interval {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Between two looks.
const EVERY: Duration = Duration::from_millis(100);

/// Characters of what others say.
const WORDS_MAX: usize = 200;
