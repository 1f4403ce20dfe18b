//! A kick that an operator asks for: the sessions that hold on to a server that no name says are
//! ended once.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::info;

use super::{
    KickContext, desk,
    error::{Fault, SessionsError},
    kick::{chosen, count},
    server::{Server, SessionList},
    writer::name_with,
};
use crate::{
    clock,
    config::{KickConfig, KickMode},
    engine::{Failure, FailureKind},
    metrics::KickTotals,
    plain_text::one_line,
    report::{Change, What},
    wall_time::WallTime,
};

/// Ends those sessions on `server` that the kick of its cluster means, and tells the log, the
/// metrics and the chronicle. Returns the sentence that says what was done.
pub async fn kick(
    context: &KickContext,
    server: &Server,
    author: &str,
) -> Result<String, SessionsError> {
    let failed = |fault| SessionsError::Failed { server: server.name.clone(), fault };
    let kick = server.kick().filter(|kick| kick.mode == KickMode::On);
    let kick = kick.ok_or_else(|| SessionsError::KickIsOff(server.name.clone()))?;
    if let Some(name) = name_with(&context.reader, &server.cluster, &server.name) {
        return Err(SessionsError::InAName { server: server.name.clone(), name });
    }
    let deadline = Instant::now() + PATIENCE;
    let ended = timeout_at(deadline, end(context, server, kick, deadline)).await;
    let (ended, spared) = ended
        .unwrap_or_else(|_| {
            Err(Failure::new(FailureKind::TimedOut, "it has not answered in time").into())
        })
        .map_err(failed)?;
    let words = format!(
        "{ended} {} on {} were ended by hand, {spared} others live on",
        if ended == 1 { "session" } else { "sessions" },
        server.name,
    );
    tell(context, server, ended, spared, &words, author);
    Ok(words)
}

/// How many sessions were ended, and how many clients' sessions live on.
async fn end(
    context: &KickContext,
    server: &Server,
    kick: &KickConfig,
    deadline: Instant,
) -> Result<(u64, u64), Fault> {
    let desk = desk(&context.desks, server);
    // Nobody else visits the server meanwhile, and what was told of it is old afterwards.
    let mut last = desk.last.lock().await;
    *last = None;
    let mut visit = server.visit(deadline).await?;
    let ended = match server.look(&mut visit, deadline).await {
        Err(fault) | Ok(SessionList { fault: Some(fault), .. }) => Err(fault),
        Ok(SessionList { sessions, fault: None }) => {
            let (meant, spared) = chosen(&sessions, kick);
            let may_go_on = || name_with(&context.reader, &server.cluster, &server.name).is_none();
            let (ended, fault) = server.end(&mut visit, &meant, &may_go_on, deadline).await;
            match fault {
                // What was ended before it is told; whoever wants the rest asks again.
                Some(fault) if ended == 0 => Err(fault),
                _ => Ok((ended, spared + count(meant.len()).saturating_sub(ended))),
            }
        }
    };
    visit.leave().await;
    ended
}

fn tell(
    context: &KickContext,
    server: &Server,
    ended: u64,
    spared: u64,
    words: &str,
    author: &str,
) {
    let Server { cluster, name, .. } = server;
    let author = one_line(author);
    context.counts.count(cluster, name, KickTotals { ended, ..KickTotals::default() });
    info!(
        event = "kick",
        cluster = &**cluster,
        server = &**name,
        mode = KickMode::On.name(),
        ended,
        spared,
        author,
        "{words}"
    );
    context.chronicle.add(Change {
        at: WallTime::from_unix_millis(clock::unix_millis()),
        cluster: Some(cluster.clone()),
        what: What::Kick {
            server: name.clone(),
            done: words.into(),
            detail: format!("by {author}").into(),
        },
    });
}

/// How long a kick may take: less than the admin API waits for it.
const PATIENCE: Duration = Duration::from_secs(8);
