//! One measurement: a fleet is played, Pointsman probes it, and both are looked at.

use std::{
    cell::RefCell,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use pointsman::engine::FailureKind;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{LocalSet, spawn_local},
    time::{Instant, sleep},
};

use crate::{
    fleet::{Fleet, Health, address},
    running::Running,
    settings,
    tally::Tally,
    wire::{self, Facts, Said},
};

/// How to measure.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The binary.
    pub(crate) pointsman: PathBuf,
    /// Where settings and logs go.
    pub(crate) folder: PathBuf,
    /// How long each measurement takes.
    pub(crate) time: Duration,
    /// How long after the start it begins.
    pub(crate) settle: Duration,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) servers: usize,
    /// How many servers do not answer.
    pub(crate) troubled: usize,
    pub(crate) time: Duration,
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
    pub(crate) tally: Tally,
}

type Shared = Rc<RefCell<Tally>>;

/// Plays `fleet` and measures Pointsman.
pub(crate) async fn measure(
    plan: &Plan,
    name: &str,
    fleet: Fleet,
) -> Result<Found, Box<dyn Error>> {
    let tally: Shared = Rc::new(RefCell::new(Tally::new(fleet.servers())));
    let stage = LocalSet::new();
    let found = stage.run_until(play(plan, name, &fleet, &tally)).await?;
    drop(stage);
    let (time, cpu, resident_kib) = found;
    let troubled = (0..fleet.servers()).filter(|&server| fleet.health(server) != Health::Well);
    let tally = tally.replace(Tally::new(0));
    Ok(Found {
        servers: fleet.servers(),
        troubled: troubled.count(),
        time,
        cpu,
        resident_kib,
        tally,
    })
}

async fn play(
    plan: &Plan,
    name: &str,
    fleet: &Fleet,
    tally: &Shared,
) -> Result<(Duration, Duration, u64), Box<dyn Error>> {
    let began = Instant::now();
    for server in 0..fleet.servers() {
        if fleet.health(server) != Health::Refusing {
            let listener = TcpListener::bind(address(server)).await?;
            spawn_local(serve(listener, server, fleet.clone(), Rc::clone(tally), began));
        }
    }
    let settings = settings::write(&plan.folder.join(name), fleet)?;
    let log = plan.folder.join(format!("{name}.log"));
    let pointsman = Running::start(&plan.pointsman, &settings, &log)?;
    sleep(plan.settle).await;
    let mut well = (0..fleet.servers()).filter(|&server| fleet.health(server) == Health::Well);
    if !tally.borrow().all_asked(&mut well) {
        return Err(format!("{name}: some servers have not been asked yet").into());
    }
    if let Some(line) = not_understood(&log)? {
        return Err(format!("{name}: a reply was not understood: {line}").into());
    }
    tally.borrow_mut().begin();
    let (start, cpu) = (Instant::now(), pointsman.cpu_time()?);
    sleep(plan.time).await;
    let (time, cpu) = (start.elapsed(), pointsman.cpu_time()? - cpu);
    let resident_kib = pointsman.resident_kib()?;
    Ok((time, cpu, resident_kib))
}

/// The first line of the log that tells of a reply in which the probe found no facts: what it cost would be no
/// probe's cost.
fn not_understood(log: &Path) -> io::Result<Option<String>> {
    let garbled = FailureKind::Garbled.to_string();
    let log = fs::read_to_string(log)?;
    Ok(log.lines().find(|line| line.contains(&garbled)).map(str::to_owned))
}

/// One server.
async fn serve(listener: TcpListener, server: usize, fleet: Fleet, tally: Shared, began: Instant) {
    let primary = fleet.primary_of(server);
    let sender = (primary != server).then(|| {
        let at = address(primary);
        (at.ip().to_string(), at.port().to_string())
    });
    let facts = Rc::new(Facts::new(fleet.cluster_of(server), sender));
    let health = fleet.health(server);
    while let Ok((stream, _)) = listener.accept().await {
        tally.borrow_mut().connected(server);
        let (facts, tally) = (Rc::clone(&facts), Rc::clone(&tally));
        spawn_local(async move {
            // The client may leave at any time.
            let _ = converse(stream, server, health, &facts, &tally, began).await;
            tally.borrow_mut().left(server);
        });
    }
}

async fn converse(
    mut stream: TcpStream,
    server: usize,
    health: Health,
    facts: &Facts,
    tally: &Shared,
    began: Instant,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut octets = Vec::new();
    let mut logged_in = false;
    while stream.read_buf(&mut octets).await? > 0 {
        if health == Health::Silent {
            octets.clear();
        }
        while let Some(said) = wire::take(&mut octets, logged_in) {
            match said {
                Said::Encrypt => stream.write_all(b"N").await?,
                Said::Login => {
                    logged_in = true;
                    stream.write_all(&wire::login()).await?;
                }
                // Nobody discovers anything here.
                Said::Introduction => {}
                Said::Question => {
                    tally.borrow_mut().asked(server);
                    stream.write_all(&facts.reply(began.elapsed())).await?;
                }
                Said::Goodbye => return Ok(()),
                Said::Other => {}
            }
        }
    }
    Ok(())
}
