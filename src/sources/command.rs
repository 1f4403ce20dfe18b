//! A program of the operator's that prints servers. Exit status 0 says that these are all.
//!
//! It runs as [`process_group`](crate::process_group) says, with nothing to read. Its group is killed
//! when it has ended, when its time is over, and when it prints too much.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

use super::{AskError, REPLY_MAX};
use crate::process_group::{LAST_WORDS, LastWords, ProcessGroup, leader};

/// Runs it once for `cluster`, and returns what it has printed.
///
/// # Errors
///
/// [`AskError::Start`], [`AskError::Status`], [`AskError::Killed`], [`AskError::TooLong`].
pub async fn run(
    program: &Path,
    arguments: &[Box<str>],
    cluster: &str,
    time: Duration,
) -> Result<Vec<u8>, AskError> {
    let cannot_run = |source| AskError::Start { program: program.to_owned(), source };
    let mut child = leader(program)
        .args(arguments.iter().map(|argument| &**argument))
        .env("POINTSMAN_CLUSTER", cluster)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot_run)?;
    let group = ProcessGroup::led_by(&child);
    let mut last_words = LastWords::default();
    let mut stderr = child.stderr.take();
    let mut output = Output { stream: child.stdout.take(), octets: Vec::new() };
    let ended = timeout(time, async {
        let mut status = None;
        let mut words = std::pin::pin!(last_words.hear_out(&mut stderr));
        let mut heard = false;
        while status.is_none() && !output.is_too_long() {
            tokio::select! {
                ended = child.wait() => status = Some(ended),
                () = output.read() => {}
                () = &mut words, if !heard => heard = true,
            }
        }
        status
    });
    let ended = ended.await;
    drop(group);
    // Whoever held the other ends is dead now, or has left the group and is not waited for.
    let rest = async {
        while output.stream.is_some() && !output.is_too_long() {
            output.read().await;
        }
        last_words.hear_out(&mut stderr).await;
    };
    _ = timeout(LAST_WORDS, rest).await;
    match ended {
        _ if output.is_too_long() => Err(AskError::TooLong),
        Ok(Some(Ok(status))) if status.success() => Ok(output.octets),
        Ok(Some(Ok(status))) => Err(AskError::Status { status, last_words }),
        Ok(Some(Err(error))) => Err(cannot_run(error)),
        Ok(None) => Err(AskError::TooLong),
        Err(_) => {
            // It is killed: this takes its leave of the system.
            _ = timeout(LAST_WORDS, child.wait()).await;
            Err(AskError::Killed { after: time, last_words })
        }
    }
}

/// What it prints.
struct Output<S> {
    /// `None` once it has ended.
    stream: Option<S>,
    octets: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Output<S> {
    fn is_too_long(&self) -> bool {
        self.octets.len() > REPLY_MAX
    }

    /// Reads some more; for ever when it has ended. Cancel-safe.
    async fn read(&mut self) {
        let Some(stream) = &mut self.stream else {
            return std::future::pending().await;
        };
        let mut some = [0; 16 * 1024];
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => self.stream = None,
            Ok(read) => self.octets.extend_from_slice(&some[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    async fn shell(script: &str) -> Result<String, String> {
        shell_within(script, Duration::from_secs(20)).await
    }

    async fn shell_within(script: &str, time: Duration) -> Result<String, String> {
        let arguments = ["-c".into(), script.into()];
        let output = run(Path::new("/bin/sh"), &arguments, "orders", time).await;
        output
            .map(|octets| String::from_utf8_lossy(&octets).into_owned())
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_it_prints_counts_when_it_ends_well() {
        assert_eq!(
            shell("echo \"$POINTSMAN_CLUSTER $HOME $(pwd)\"").await,
            Ok("orders  /\n".into())
        );
        let failed = shell("echo '[]'; echo 'no such region' >&2; exit 3").await;
        assert_eq!(failed, Err("the command ended with exit status: 3: no such region".into()));
        let long = shell("head -c 200000 /dev/zero | tr '\\0' x").await;
        assert_eq!(long.map(|text| text.len()), Ok(200_000));
        let none = run(Path::new("/nowhere"), &[], "orders", Duration::from_secs(9)).await;
        let why = none.expect_err("there is none").to_string();
        assert!(why.starts_with("cannot run /nowhere: No such file"), "{why}");
    }

    #[tokio::test]
    async fn nobody_waits_for_one_that_does_not_end() {
        let killed = shell_within("echo begins >&2; sleep 600", Duration::from_secs(1)).await;
        assert_eq!(killed, Err("the command was killed after 1s: begins".into()));
        let flood = shell("yes").await;
        assert_eq!(flood, Err(AskError::TooLong.to_string()));
        // Whoever it leaves behind does not keep its end open.
        let begun = Instant::now();
        assert_eq!(shell("sleep 600 & echo '[]'").await, Ok("[]\n".into()));
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
}
