//! The demo: three simulated PostgreSQL servers in this process, an ordinary Pointsman that probes
//! them over the real protocol and answers DNS on a loopback port, and a story that is told on the
//! terminal while the answers are held against it.
//!
//! ```text
//! story ──▶ stage { model, sockets } ◀──probes── app ──▶ DNS ◀──questions── witness ──▶ terminal
//!   │                                             └──events────────────────────▲
//!   └──demands─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The model stands in for PostgreSQL and for nothing else: probes, engine, answers and DNS are
//! those of `serve`. A wrong answer ends the demo with exit code 1.

mod cluster;
mod reply;
mod resolver;
mod server;
mod settings;
mod stage;
mod story;
mod terminal;
pub mod wire;
mod witness;

use std::{io, net::SocketAddr, process::ExitCode, time::Duration};

use tokio::{signal::ctrl_c, sync::mpsc};

pub use self::stage::{PASSWORD, Stage, StageError};
use self::{
    resolver::Resolver,
    settings::{HOSTS, READ_NAME, WRITE_NAME},
    story::{Story, StoryError},
    terminal::{News, Terminal},
    witness::{Objection, Witness, without_root},
};
use crate::{
    app::{App, StartError},
    config::ConfigError,
    engine::Event,
    inherited::Inherited,
};

/// How the demo is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Once and quickly, rather than again and again until Ctrl-C.
    pub once: bool,
    /// The port on 127.0.0.1 that answers DNS; `None` takes a free one.
    pub port: Option<u16>,
}

/// Why the demo does not start.
#[derive(Debug, thiserror::Error)]
enum OpeningError {
    #[error("{0}; the demo needs the loopback addresses 127.0.10.1 to 127.0.10.3")]
    Stage(#[from] StageError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    App(#[from] StartError),
    #[error("no DNS address is listened on")]
    NoAddress,
    #[error("cannot ask over DNS: {0}")]
    Resolver(#[from] io::Error),
}

/// Plays the demo. Needs a running tokio runtime.
///
/// Returns success after the whole story (`once`) or Ctrl-C, and failure when it cannot start or an
/// answer was not what the story demands.
pub async fn run(options: Options) -> ExitCode {
    let terminal = Terminal::new();
    match open(options).await {
        Ok(opened) => opened.play(options, terminal).await,
        Err(error) => {
            // A terminal that cannot be written to leaves nobody to tell.
            _ = terminal.news(News::Wrong, error);
            ExitCode::FAILURE
        }
    }
}

/// Everything that runs.
struct Opened {
    stage: Stage,
    app: App,
    resolver: Resolver,
    dns: SocketAddr,
    events: mpsc::UnboundedReceiver<Event>,
}

async fn open(options: Options) -> Result<Opened, OpeningError> {
    let stage = Stage::start(&HOSTS).await?;
    let config = settings::config(stage.addresses(), options.port.unwrap_or(0))?;
    let (observer, events) = mpsc::unbounded_channel();
    let app = App::start(config, Inherited::none(), Some(observer))?;
    let dns = *app.local_addresses().first().ok_or(OpeningError::NoAddress)?;
    let resolver = Resolver::connect(dns).await?;
    Ok(Opened { stage, app, resolver, dns, events })
}

impl Opened {
    /// Tells the story to its end, to the first wrong answer or to Ctrl-C, and closes everything.
    async fn play(self, options: Options, terminal: Terminal) -> ExitCode {
        let Self { mut stage, app, resolver, dns, events } = self;
        let mut witness = Witness::new(terminal, resolver, events);
        let told = tokio::select! {
            told = tell(options, dns, &mut stage, &mut witness) => told,
            _ = ctrl_c() => Ok(()),
        };
        app.stop().await;
        stage.close().await;
        match told {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                _ = witness.terminal().news(News::Wrong, error);
                ExitCode::FAILURE
            }
        }
    }
}

async fn tell(
    options: Options,
    dns: SocketAddr,
    stage: &mut Stage,
    witness: &mut Witness,
) -> Result<(), StoryError> {
    introduce(witness.terminal(), dns, stage.addresses()).map_err(Objection::from)?;
    let pause = if options.once { BRIEF_PAUSE } else { PAUSE };
    let mut story = Story { stage, witness, pause };
    story.open().await?;
    loop {
        story.tell().await?;
        let end = "Every answer was right.";
        let closing = if options.once { end.to_owned() } else { format!("{end} Once more.") };
        story.witness.terminal().headline(closing).map_err(Objection::from)?;
        if options.once {
            return Ok(());
        }
    }
}

/// What runs where, and what to try.
fn introduce(terminal: &Terminal, dns: SocketAddr, servers: &[SocketAddr]) -> io::Result<()> {
    terminal.plain("Three simulated PostgreSQL servers, probed over the real protocol:")?;
    for (index, address) in servers.iter().enumerate() {
        let role = if index == 0 { "primary" } else { "standby" };
        terminal.plain(format_args!("  db{}  {address}  {role}", index + 1))?;
    }
    terminal.plain("")?;
    terminal.plain("Ask for yourself while the story goes on:")?;
    let (ip, port) = (dns.ip(), dns.port());
    let (write, read) = (without_root(WRITE_NAME), without_root(READ_NAME));
    for (question, meaning) in [
        (format!("{write} +short"), "the writable primary"),
        (format!("{read} +short"), "the fresh replicas, in a new random order each time"),
        (write.to_owned(), "the whole answer; a line EDE says why it is not the ideal one"),
    ] {
        terminal.plain(format_args!("  dig @{ip} -p {port} {question:<25}  # {meaning}"))?;
    }
    Ok(())
}

/// Long enough to read the news and to try a `dig`.
const PAUSE: Duration = Duration::from_secs(4);

/// With `--once` nobody waits.
const BRIEF_PAUSE: Duration = Duration::from_millis(700);
