//! A command of the operator's that is told of one change.
//!
//! It runs as [`process_group`](crate::process_group) says, with the change as JSON to read and its
//! output thrown away. Its group is killed when the command has ended or its time is over.

use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStderr},
    time::timeout,
};

use crate::{
    api::EventEntry,
    chronicle::Entry,
    process_group::{LAST_WORDS, LastWords, ProcessGroup, leader},
    report::Words,
};

/// Why a command did not tell it.
#[derive(Debug, thiserror::Error)]
pub enum CommandFault {
    #[error("cannot run {}: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("the command ended with {status}{last_words}")]
    Status { status: ExitStatus, last_words: LastWords },
    #[error("the command was killed after {after:?}{last_words}")]
    Deadline { after: Duration, last_words: LastWords },
}

/// Runs it once.
///
/// # Errors
///
/// [`CommandFault`], with the last line that it wrote to its standard error.
pub async fn run(
    program: &Path,
    arguments: &[Box<str>],
    entry: &Entry,
    deadline: Duration,
) -> Result<(), CommandFault> {
    let cannot_run = |source| CommandFault::Start { program: program.to_owned(), source };
    let mut child = leader(program)
        .args(arguments.iter().map(|argument| &**argument))
        .envs(environment(entry))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot_run)?;
    let group = ProcessGroup::led_by(&child);
    let mut last_words = LastWords::default();
    let mut stderr = child.stderr.take();
    let ended = timeout(deadline, until_the_end(&mut child, entry, &mut stderr, &mut last_words));
    let ended = ended.await;
    drop(group);
    // Whoever held the other end is dead now, or has left the group and is not waited for.
    _ = timeout(LAST_WORDS, last_words.hear_out(&mut stderr)).await;
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(CommandFault::Status { status, last_words }),
        Ok(Err(error)) => Err(cannot_run(error)),
        Err(_) => {
            // It is killed: this takes its leave of the system.
            _ = timeout(LAST_WORDS, child.wait()).await;
            Err(CommandFault::Deadline { after: deadline, last_words })
        }
    }
}

/// Gives it the change to read and listens to it until it has ended.
async fn until_the_end(
    child: &mut Child,
    entry: &Entry,
    stderr: &mut Option<ChildStderr>,
    last_words: &mut LastWords,
) -> io::Result<ExitStatus> {
    let mut json = serde_json::to_vec(&EventEntry::from(entry)).unwrap_or_default();
    json.push(b'\n');
    let stdin = child.stdin.take();
    let told = async move {
        if let Some(mut stdin) = stdin {
            // A command that does not care for the JSON closes its end.
            _ = stdin.write_all(&json).await;
        }
    };
    let heard = async {
        last_words.hear_out(stderr).await;
        // It may close it and go on.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        status = async { tokio::join!(child.wait(), told).0 } => status,
        () = heard => std::future::pending().await,
    }
}

/// The change, for commands that read no JSON. What it does not have is empty.
fn environment(entry: &Entry) -> [(&'static str, String); 9] {
    let change = &entry.change;
    let Words { from, to, reason, .. } = change.words();
    let or_empty = |text: Option<&str>| text.unwrap_or_default().to_owned();
    [
        ("POINTSMAN_EVENT", change.kind().name().to_owned()),
        ("POINTSMAN_CLUSTER", or_empty(change.cluster.as_deref())),
        ("POINTSMAN_SERVER", or_empty(change.server())),
        ("POINTSMAN_NAME", or_empty(change.name())),
        ("POINTSMAN_FROM", or_empty(from.as_deref())),
        ("POINTSMAN_TO", or_empty(to.as_deref())),
        ("POINTSMAN_REASON", reason),
        ("POINTSMAN_ID", entry.id.to_string()),
        ("POINTSMAN_AT", format!("{:.3}", change.at)),
    ]
    // No environment can hold a NUL.
    .map(|(name, value)| (name, value.replace('\0', "\u{fffd}")))
}
