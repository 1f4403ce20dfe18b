//! `drain --wait`: waits until the clients of a drained server have left it.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use hyper::{Method, StatusCode};
use tokio::{
    select, signal,
    time::{Instant, sleep},
};

use super::{
    change::author,
    client::{Client, ClientError, block_on, encoded},
    options::{Asking, TermOptions},
    outcome::{FAILED, INTERRUPTED, OUT_OF_TIME, Out, as_json, count, failed},
    screen::{Screen, span},
};
use crate::{
    api::{Changed, ClusterStatus, OverrideKind, Ready, SessionReport, Why},
    duration,
    plain_text::one_line,
};

/// Whether the clients of the server are waited for.
#[derive(Debug, Args)]
pub struct WaitOptions {
    /// Wait until clients have left: until the longest TTL has passed and no more than `--sessions`
    /// are left. Exit code 75 when they have not within `--timeout`, 130 after Ctrl-C; the drain
    /// stays in force
    #[arg(long)]
    pub wait: bool,
    /// So many sessions of clients may be left; those of replication and of Pointsman do not count
    #[arg(long, value_name = "N", default_value_t = 0, requires = "wait")]
    pub sessions: u64,
    /// How long to wait
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10m",
        value_parser = patience,
        requires = "wait",
    )]
    pub timeout: Duration,
    /// End what is left at the timeout, as far as `[cluster.kick]` means it
    #[arg(long, requires = "wait")]
    pub then_kick: bool,
}

impl WaitOptions {
    /// Why the two do not go together, and what to do.
    pub fn fault(&self, term: &TermOptions) -> Option<String> {
        if !self.wait || term.forever {
            return None;
        }
        let lasts = match &term.lasts {
            // What is no duration is refused by the service.
            Some(text) => duration::parse(text).ok()?,
            None => DEFAULT_TERM,
        };
        let is_shorter = lasts <= self.timeout;
        is_shorter.then(|| {
            format!(
                "the drain would end after {}, before --timeout {}; let it last longer with --for, \
                 or --forever",
                old(lasts),
                old(self.timeout)
            )
        })
    }
}

/// What is known of the clients at one moment.
#[derive(Debug)]
enum Look {
    /// So many sessions.
    Sessions(SessionReport),
    /// Nobody could say.
    Unknown(ClientError),
}

/// How the waiting has ended.
enum End {
    /// No more are left than may be.
    Left(SessionReport),
    /// There was not enough time.
    TimedOut(Look),
    /// Somebody has ended the drain.
    Undrained,
    /// The service refuses to look.
    Failed(ClientError),
    /// Ctrl-C.
    Interrupted,
}

/// How long an answer of the names of the cluster may be kept that leads to `server`.
pub fn longest_ttl(server: &str, asking: &Asking) -> Result<Duration, ClientError> {
    let client = asking.service.client()?;
    let why: Why = client.get(&format!("/v1/servers/{}", encoded(server)))?;
    let cluster: ClusterStatus = client.get(&format!("/v1/clusters/{}", encoded(&why.cluster)))?;
    let ttl = cluster.names.iter().map(|name| name.ttl).max().unwrap_or(0);
    Ok(Duration::from_secs(ttl.into()))
}

/// Waits, and says what came of it. Returns the exit code.
pub fn wait(
    server: &str,
    options: &WaitOptions,
    ttl: Duration,
    asking: &Asking,
    Out { output, errors }: Out<'_>,
) -> io::Result<u8> {
    let client = match asking.service.client() {
        Ok(client) => client,
        Err(error) => return failed(&error, &asking.form, errors),
    };
    let mut progress = Progress::new(asking.form.json);
    let wait = Wait { server, options, ttl, client: &client, began: Instant::now() };
    let ended = block_on(async {
        select! {
            biased;
            _ = signal::ctrl_c() => Ok(Ok(End::Interrupted)),
            ended = wait.run(&mut progress, output) => Ok(ended),
        }
    });
    progress.end(output)?;
    let ended = match ended {
        Ok(ended) => ended?,
        Err(error) => return failed(&error, &asking.form, errors),
    };
    let stays = format!("{server} stays drained; `pointsman undrain {server}` ends that");
    match ended {
        End::Left(report) => wait.told(&report, asking, output),
        End::Interrupted => {
            writeln!(errors, "not waited for any longer; {stays}")?;
            Ok(INTERRUPTED)
        }
        End::Undrained => {
            writeln!(
                errors,
                "{server} is not drained any more, so clients may come; not waited for"
            )?;
            Ok(FAILED)
        }
        End::Failed(error) => {
            let code = failed(&error, &asking.form, errors)?;
            writeln!(errors, "{stays}")?;
            Ok(code)
        }
        End::TimedOut(_) if options.then_kick => wait.kicked(asking, Out { output, errors }),
        End::TimedOut(look) => {
            let what = match &look {
                Look::Sessions(report) => format!("{} are left", sessions(report.clients)),
                Look::Unknown(error) => format!("nobody can say how many are left: {error}"),
            };
            let what = one_line(&what);
            writeln!(errors, "{what}, {} have passed; {stays}", old(options.timeout))?;
            Ok(OUT_OF_TIME)
        }
    }
}

/// One waiting.
struct Wait<'a> {
    server: &'a str,
    options: &'a WaitOptions,
    ttl: Duration,
    client: &'a Client,
    began: Instant,
}

impl Wait<'_> {
    async fn run(&self, progress: &mut Progress, output: &mut dyn Write) -> io::Result<End> {
        loop {
            match self.is_drained().await {
                Ok(true) => {}
                Ok(false) => return Ok(End::Undrained),
                Err(error @ ClientError::Refused { status: StatusCode::NOT_FOUND, .. }) => {
                    return Ok(End::Failed(error));
                }
                // A service that starts again knows the drain again.
                Err(_) => {}
            }
            let look = match self.look().await {
                Ok(report) => Look::Sessions(report),
                Err(
                    error @ ClientError::Refused {
                        status: StatusCode::NOT_FOUND | StatusCode::FORBIDDEN,
                        ..
                    },
                ) => return Ok(End::Failed(error)),
                Err(error) => Look::Unknown(error),
            };
            progress.show(&self.words(&look), output)?;
            match look {
                // An answer of before may still lead somebody here.
                Look::Sessions(report) if self.is_enough(&report) && self.rest().is_zero() => {
                    return Ok(End::Left(report));
                }
                look if self.began.elapsed() >= self.options.timeout => {
                    return Ok(End::TimedOut(look));
                }
                _ => sleep(LOOK_EVERY).await,
            }
        }
    }

    fn is_enough(&self, report: &SessionReport) -> bool {
        report.clients <= self.options.sessions
    }

    /// How long an answer of before may still be kept.
    fn rest(&self) -> Duration {
        (self.ttl + MARGIN).saturating_sub(self.began.elapsed())
    }

    async fn is_drained(&self) -> Result<bool, ClientError> {
        let path = format!("/v1/servers/{}", encoded(self.server));
        let why: Why = self.client.ask(Method::GET, &path, None::<&()>).await?;
        let mut laid = why.overrides.iter();
        Ok(laid.any(|laid| laid.kind == OverrideKind::Drain))
    }

    async fn look(&self) -> Result<SessionReport, ClientError> {
        let path = format!("/v1/servers/{}/sessions", encoded(self.server));
        self.client.ask_patiently(Method::GET, &path, None::<&()>).await
    }

    fn words(&self, look: &Look) -> String {
        match look {
            Look::Unknown(error) => format!("{}: {}", self.server, one_line(&error.to_string())),
            Look::Sessions(report) if self.is_enough(report) => format!(
                "{}: {}, until old answers have run out",
                self.server,
                sessions(report.clients)
            ),
            Look::Sessions(report) => {
                let oldest = report.oldest_seconds.map(|age| old(Duration::from_secs(age)));
                let oldest = oldest.map_or_else(String::new, |age| format!(", the oldest {age}"));
                format!("{}: {}{oldest}", self.server, sessions(report.clients))
            }
        }
    }

    /// Says that they have left.
    fn told(
        &self,
        report: &SessionReport,
        asking: &Asking,
        output: &mut dyn Write,
    ) -> io::Result<u8> {
        match asking.form.json {
            true => output.write_all(as_json(report).as_bytes())?,
            false => writeln!(
                output,
                "{}: {} left after {}",
                self.server,
                sessions(report.clients),
                old(self.began.elapsed())
            )?,
        }
        Ok(0)
    }

    /// Ends what is left and looks what is left then.
    fn kicked(&self, asking: &Asking, Out { output, errors }: Out<'_>) -> io::Result<u8> {
        let path = format!("/v1/servers/{}/kick", encoded(self.server));
        let wish = Ready { author: author(asking) };
        let kick = self.client.ask_patiently(Method::POST, &path, Some(&wish));
        let changed: Changed = match block_on(kick) {
            Ok(changed) => changed,
            Err(error) => return failed(&error, &asking.form, errors),
        };
        match asking.form.json {
            true => output.write_all(as_json(&changed).as_bytes())?,
            false => writeln!(output, "{}", one_line(&changed.done))?,
        }
        // A session takes a moment to end.
        let began = Instant::now();
        loop {
            let looked = block_on(async {
                sleep(LOOK_EVERY).await;
                self.look().await
            });
            match looked {
                Ok(report) if self.is_enough(&report) => return self.told(&report, asking, output),
                _ if began.elapsed() < AFTER_KICK => {}
                Ok(report) => {
                    let left = sessions(report.clients);
                    writeln!(
                        errors,
                        "{left} are left; `pointsman sessions {}` shows whose",
                        self.server
                    )?;
                    return Ok(OUT_OF_TIME);
                }
                Err(error) => return failed(&error, &asking.form, errors),
            }
        }
    }
}

/// The line that says how far it is: one that is drawn again on a terminal, else one for each change.
struct Progress {
    is_silent: bool,
    is_drawn: bool,
    last: String,
}

impl Progress {
    fn new(is_silent: bool) -> Self {
        let is_drawn = Screen::of_stdout(0).width.is_some();
        Self { is_silent, is_drawn, last: String::new() }
    }

    fn show(&mut self, words: &str, output: &mut dyn Write) -> io::Result<()> {
        if self.is_silent || self.last == words {
            return Ok(());
        }
        words.clone_into(&mut self.last);
        match self.is_drawn {
            true => write!(output, "\r{words}\u{1b}[K")?,
            false => writeln!(output, "{words}")?,
        }
        output.flush()
    }

    /// Leaves the line.
    fn end(&self, output: &mut dyn Write) -> io::Result<()> {
        match self.is_drawn && !self.is_silent && !self.last.is_empty() {
            true => writeln!(output),
            false => Ok(()),
        }
    }
}

fn sessions(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "client session")
}

fn old(time: Duration) -> String {
    span(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

fn patience(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("{error}; write {}", duration::FORM))
}

/// How long a drain lasts unless somebody says otherwise.
const DEFAULT_TERM: Duration = Duration::from_secs(3_600);

/// Between two looks. One report serves those who ask within a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a resolver may be late beyond the TTL, which it counts in whole seconds.
const MARGIN: Duration = Duration::from_secs(1);

/// How long sessions may take to end.
const AFTER_KICK: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::{Command, CommandLine, ServiceCommand};

    fn fault(words: &str) -> Option<String> {
        let line = format!("pointsman drain db3 --reason test {words}");
        let line = CommandLine::try_parse_from(line.split_whitespace()).expect("it is read");
        let Command::Service(ServiceCommand::Drain(options)) = line.command else {
            panic!("another command");
        };
        options.waiting.fault(&options.term)
    }

    #[test]
    fn a_drain_outlasts_its_waiting() {
        for fine in ["", "--for 5m", "--wait", "--wait --forever --timeout 30d", "--wait --for 11m"]
        {
            assert_eq!(fault(fine), None, "{fine}");
        }
        let said = fault("--wait --for 5m").expect("a fault");
        assert!(said.contains("after 5m0s, before --timeout 10m0s"), "{said}");
        assert!(fault("--wait --timeout 1h").is_some());
    }

    #[test]
    fn what_is_for_waiting_needs_it() {
        for words in ["--sessions 3", "--timeout 1m", "--then-kick", "--wait --timeout soon"] {
            let line = format!("pointsman drain db3 --reason test {words}");
            let error = CommandLine::try_parse_from(line.split_whitespace()).expect_err("usage");
            assert_eq!(error.exit_code(), 2, "{words}");
        }
    }
}
