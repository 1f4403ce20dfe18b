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
//! The status page and the admin socket are open, so that the demo can be looked at and operated. The
//! model stands in for PostgreSQL and for nothing else: probes, engine, answers and DNS are
//! those of `serve`. A wrong answer ends the demo with exit code 1.

mod cluster;
mod operator;
mod reply;
mod resolver;
mod server;
mod settings;
mod stage;
mod story;
mod terminal;
pub mod wire;
mod witness;
mod words;

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    time::Duration,
};

use tokio::{
    signal::{
        ctrl_c,
        unix::{Signal, SignalKind, signal},
    },
    sync::mpsc,
};

pub use self::stage::{PASSWORD, Stage, StageError};
use self::{
    resolver::Resolver,
    settings::{Doors, HOSTS, READ_NAME, WRITE_NAME},
    story::{Story, StoryError},
    terminal::{News, Terminal},
    witness::{Objection, Witness},
    words::without_root,
};
use crate::{
    app::{App, StartError},
    config::ConfigError,
    engine::Event,
    inherited::Inherited,
};

/// How the demo is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Once and quickly, rather than again and again until Ctrl-C.
    pub once: bool,
    /// The port on 127.0.0.1 that answers DNS; `None` takes a free one.
    pub port: Option<u16>,
    /// The port on 127.0.0.1 of the status page; `None` takes a free one.
    pub http: Option<u16>,
    /// The Unix socket of the other commands; `None` takes one in the folder of temporary files.
    pub socket: Option<PathBuf>,
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
    #[error("nothing is listened on")]
    NoAddress,
    #[error("`{}` cannot be the path of a socket here: it has a quote, or no text", .0.display())]
    Path(PathBuf),
    #[error("cannot ask over DNS: {0}")]
    Resolver(#[from] io::Error),
}

impl OpeningError {
    /// What to do about it, where an option names what the system refuses.
    fn hint(&self) -> &'static str {
        match self {
            Self::App(StartError::Bind(_)) => "; --port takes another one",
            Self::App(StartError::Admin(_)) => "; --http and --socket take others",
            _ => "",
        }
    }
}

/// Plays the demo. Needs a running tokio runtime.
///
/// Returns success after the whole story (`once`) or Ctrl-C, and failure when it cannot start or an
/// answer was not what the story demands.
pub async fn run(options: Options) -> ExitCode {
    match open(&options).await {
        Ok(opened) => opened.play(options.once, Terminal::new()).await,
        Err(error) => {
            let text = format!("cannot start the demo: {}{}\n", with_causes(&error), error.hint());
            // Nobody may be there to read it.
            _ = io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Everything that runs.
struct Opened {
    stage: Stage,
    app: App,
    resolver: Resolver,
    places: Places,
    terminated: Signal,
    events: mpsc::UnboundedReceiver<Event>,
}

/// Where it can be asked.
struct Places {
    dns: SocketAddr,
    page: SocketAddr,
    socket: PathBuf,
}

async fn open(options: &Options) -> Result<Opened, OpeningError> {
    // Before there is anything that should be put away at the end.
    let terminated = signal(SignalKind::terminate())?;
    let stage = Stage::start(&HOSTS).await?;
    let socket = options.socket.clone().unwrap_or_else(own_socket);
    let doors = Doors {
        dns: options.port.unwrap_or(0),
        http: options.http.unwrap_or(0),
        socket: socket
            .to_str()
            .filter(|path| settings::is_path(path))
            .ok_or_else(|| OpeningError::Path(socket.clone()))?,
    };
    let config = settings::config(stage.addresses(), doors)?;
    let (observer, events) = mpsc::unbounded_channel();
    let app = App::start(config, Inherited::none(), Some(observer))?;
    let dns = *app.local_addresses().first().ok_or(OpeningError::NoAddress)?;
    let page = app.http_address().ok_or(OpeningError::NoAddress)?;
    let resolver = Resolver::connect(dns).await?;
    Ok(Opened { stage, app, resolver, places: Places { dns, page, socket }, terminated, events })
}

/// One that no other demo has.
fn own_socket() -> PathBuf {
    let folders = [env::temp_dir(), PathBuf::from("/dev/shm")];
    // An image with the program alone has no folder for temporary files.
    let folder = folders.into_iter().find(|folder| folder.is_dir()).unwrap_or_else(|| ".".into());
    folder.join(format!("pointsman-demo-{}.sock", process::id()))
}

/// An error with everything that led to it.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some say the words of their cause themselves.
        if !text.contains(&words) {
            text += &format!(": {words}");
        }
        cause = error.source();
    }
    text
}

impl Opened {
    /// Tells the story to its end, to the first wrong answer or to a signal, and closes everything.
    async fn play(self, once: bool, terminal: Terminal) -> ExitCode {
        let Self { mut stage, app, resolver, places, mut terminated, events } = self;
        let mut witness = Witness::new(terminal, resolver, events);
        let told = tokio::select! {
            told = tell(once, &places, &mut stage, &mut witness) => told,
            _ = ctrl_c() => Ok(()),
            _ = terminated.recv() => Ok(()),
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
    once: bool,
    places: &Places,
    stage: &mut Stage,
    witness: &mut Witness,
) -> Result<(), StoryError> {
    introduce(witness.terminal(), places, stage.addresses()).map_err(Objection::from)?;
    let pause = if once { BRIEF_PAUSE } else { PAUSE };
    let mut story = Story { stage, witness, pause };
    story.open().await?;
    loop {
        story.tell().await?;
        let end = match story.witness.was_operated() {
            true => "Every answer was right while nobody operated it.",
            false => "Every answer was right.",
        };
        let closing = if once { end.to_owned() } else { format!("{end} Once more.") };
        story.witness.terminal().headline(closing).map_err(Objection::from)?;
        if once {
            return Ok(());
        }
    }
}

/// What runs where, and what to try.
fn introduce(terminal: &Terminal, places: &Places, servers: &[SocketAddr]) -> io::Result<()> {
    terminal.plain("Three simulated PostgreSQL servers, probed over the real protocol:")?;
    for (index, address) in servers.iter().enumerate() {
        let role = if index == 0 { "primary" } else { "standby" };
        terminal.plain(format_args!("  db{}  {address}  {role}", index + 1))?;
    }
    terminal.plain("\nAsk for yourself while the story goes on:")?;
    let (ip, port) = (places.dns.ip(), places.dns.port());
    let (write, read) = (without_root(WRITE_NAME), without_root(READ_NAME));
    for (question, meaning) in [
        (format!("{write} +short"), "the writable primary"),
        (format!("{read} +short"), "the fresh replicas"),
        (write.to_owned(), "a line EDE says why"),
    ] {
        terminal.plain(format_args!("  dig @{ip} -p {port} {question:<25} # {meaning}"))?;
    }
    terminal.plain("\nThe status page, and commands for another terminal:")?;
    terminal.plain(format_args!("  http://{}/", places.page))?;
    let (program, socket) = (program(), places.socket.display());
    for command in ["status --watch", "what-if db1 down"] {
        terminal.plain(format_args!("  {program} {command} --socket {socket}"))?;
    }
    Ok(())
}

/// How this program was called.
fn program() -> String {
    let called = env::args_os().next().unwrap_or_default();
    let called = Path::new(&called).display().to_string();
    if called.is_empty() { env!("CARGO_PKG_NAME").to_owned() } else { called }
}

/// Long enough to read the news and to try a `dig`.
const PAUSE: Duration = Duration::from_secs(4);

/// With `--once` nobody waits.
const BRIEF_PAUSE: Duration = Duration::from_millis(700);
