//! What discovery costs at rest, and how soon servers join: clusters of five, whose servers are known or
//! have to be found, and one more standby here and there.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    error::Error,
    io,
    rc::Rc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::{LocalSet, spawn_local},
    time::{Instant, sleep, timeout},
};

use crate::{
    fleet::address,
    measure::Plan,
    running::Running,
    settings::{self, ADMIN, DNS, Discovers},
    wire::{self, Facts, Said},
};

/// What one measurement is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Servers of each cluster that are in the file.
    pub(crate) in_file: usize,
    /// How often sources are asked; `None` without discovery.
    pub(crate) interval: Option<u64>,
    /// Of so many clusters one is played.
    pub(crate) one_in: usize,
    /// Standbys that come later, one after another.
    pub(crate) joins: usize,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) scene: Scene,
    pub(crate) servers: usize,
    pub(crate) time: Duration,
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
    pub(crate) counts: Counts,
    /// From the start until all that were not in the file had joined.
    pub(crate) all_joined: Option<Duration>,
    /// From the first byte of a new standby's stream until the read name had it.
    pub(crate) joins: Vec<Duration>,
}

/// What servers were asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) logins: u64,
    pub(crate) probes: u64,
    pub(crate) introductions: u64,
}

/// All servers, which share a thread.
struct Stage {
    clusters: usize,
    counts: Cell<Counts>,
    /// Who streams beside those that always do.
    late: RefCell<BTreeSet<usize>>,
    began: Instant,
}

impl Stage {
    fn count(&self, count: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        count(&mut counts);
        self.counts.set(counts);
    }

    /// Who receives from the primary of a cluster, as it says itself.
    fn followers(&self, cluster: usize) -> String {
        let all = (1..PLACES).map(|place| cluster * PLACES + place);
        let streams =
            |server: &usize| server % PLACES < SERVERS || self.late.borrow().contains(server);
        let all = all.filter(streams).map(|server| format!("{} walreceiver", address(server).ip()));
        all.collect::<Vec<_>>().join("\n")
    }

    fn introduction(&self, server: usize) -> Vec<u8> {
        let at = address(server);
        let (ip, port) = (at.ip().to_string(), at.port().to_string());
        let instance = format!("{}:{port}", 1_763_719_100_250_000 + server);
        let followers = server.is_multiple_of(PLACES).then(|| self.followers(server / PLACES));
        wire::introduction([
            Some(""),
            Some(&instance),
            Some(&ip),
            Some(&port),
            followers.as_deref(),
        ])
    }
}

/// Plays the clusters and measures Pointsman.
pub(crate) async fn measure(
    plan: &Plan,
    clusters: usize,
    scene: Scene,
) -> Result<Found, Box<dyn Error>> {
    let stage = Stage {
        clusters,
        counts: Cell::default(),
        late: RefCell::default(),
        began: Instant::now(),
    };
    let stage = Rc::new(stage);
    LocalSet::new().run_until(play(plan, &stage, scene)).await
}

async fn play(plan: &Plan, stage: &Rc<Stage>, scene: Scene) -> Result<Found, Box<dyn Error>> {
    for cluster in 0..stage.clusters {
        for place in 0..SERVERS {
            listen(stage, cluster * PLACES + place).await?;
        }
    }
    let discovers = Discovers { clusters: stage.clusters, places: PLACES, scene };
    let file = settings::write_discovery(&plan.folder.join(scene.name), &discovers)?;
    let log = plan.folder.join(format!("{}.log", scene.name));
    let pointsman = Running::start(&plan.pointsman, &file, &log)?;
    let started = Instant::now();
    let to_join = stage.clusters * (SERVERS - scene.in_file);
    let mut all_joined = None;
    if to_join > 0 {
        while members().await.unwrap_or_default() < to_join {
            if started.elapsed() > JOINED_WITHIN {
                let joined = members().await.unwrap_or_default();
                return Err(format!("{}: {joined} of {to_join} have joined", scene.name).into());
            }
            sleep(Duration::from_millis(250)).await;
        }
        all_joined = Some(started.elapsed());
    }
    sleep(plan.settle).await;
    stage.counts.set(Counts::default());
    let (start, cpu) = (Instant::now(), pointsman.cpu_time_of_all()?);
    sleep(plan.time).await;
    let (time, cpu) = (start.elapsed(), pointsman.cpu_time_of_all()? - cpu);
    let (resident_kib, counts) = (pointsman.resident_kib()?, stage.counts.get());
    let mut joins = Vec::new();
    for cluster in 0..stage.clusters.min(scene.joins) {
        joins.push(join(stage, cluster).await?);
    }
    joins.sort_unstable();
    let servers = stage.clusters * SERVERS;
    Ok(Found { scene, servers, time, cpu, resident_kib, counts, all_joined, joins })
}

/// One more standby streams; how long it takes until the read name of its cluster has it.
async fn join(stage: &Rc<Stage>, cluster: usize) -> Result<Duration, Box<dyn Error>> {
    let server = cluster * PLACES + SERVERS;
    listen(stage, server).await?;
    // Not with the clock of anybody.
    sleep(Duration::from_millis(37 * u64::try_from(cluster % 29)?)).await;
    let begun = Instant::now();
    stage.late.borrow_mut().insert(server);
    let std::net::IpAddr::V4(address) = address(server).ip() else { unreachable!("all are IPv4") };
    while !is_said(&format!("r{cluster}"), address.octets()).await? {
        if begun.elapsed() > JOINS_WITHIN {
            return Err(format!("{address} has not joined within {JOINS_WITHIN:?}").into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(begun.elapsed())
}

async fn listen(stage: &Rc<Stage>, server: usize) -> io::Result<()> {
    let listener = TcpListener::bind(address(server)).await?;
    let stage = Rc::clone(stage);
    spawn_local(async move {
        let primary = server - server % PLACES;
        let sender = (primary != server).then(|| {
            let at = address(primary);
            (at.ip().to_string(), at.port().to_string())
        });
        let facts = Rc::new(Facts::new(server / PLACES, sender));
        while let Ok((stream, _)) = listener.accept().await {
            let (stage, facts) = (Rc::clone(&stage), Rc::clone(&facts));
            spawn_local(async move {
                // The client may leave at any time.
                let _ = converse(stream, server, &stage, &facts).await;
            });
        }
    });
    Ok(())
}

async fn converse(
    mut stream: TcpStream,
    server: usize,
    stage: &Stage,
    facts: &Facts,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut octets = Vec::new();
    let mut logged_in = false;
    while stream.read_buf(&mut octets).await? > 0 {
        while let Some(said) = wire::take(&mut octets, logged_in) {
            match said {
                Said::Encrypt => stream.write_all(b"N").await?,
                Said::Login => {
                    logged_in = true;
                    stage.count(|counts| counts.logins += 1);
                    stream.write_all(&wire::login()).await?;
                }
                Said::Introduction => {
                    stage.count(|counts| counts.introductions += 1);
                    stream.write_all(&stage.introduction(server)).await?;
                }
                Said::Question => {
                    stage.count(|counts| counts.probes += 1);
                    stream.write_all(&facts.reply(stage.began.elapsed())).await?;
                }
                Said::Goodbye => return Ok(()),
                Said::Other => {}
            }
        }
    }
    Ok(())
}

/// How many servers have joined, in all clusters, by Pointsman's own count.
async fn members() -> io::Result<usize> {
    let mut stream = TcpStream::connect(ADMIN).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {ADMIN}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let counts = text.lines().filter_map(|line| {
        let (labels, count) = line.strip_prefix("pointsman_discovered{")?.split_once("} ")?;
        labels.contains("state=\"member\"").then(|| count.parse::<usize>().ok())?
    });
    Ok(counts.sum())
}

/// Whether a name in our zone says this address among others.
async fn is_said(name: &str, address: [u8; 4]) -> io::Result<bool> {
    let length = |label: &str| u8::try_from(label.len()).expect("a short label");
    let mut query = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in [name, "bench"] {
        query.push(length(label));
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    let socket = UdpSocket::bind("127.32.0.3:0").await?;
    socket.send_to(&query, DNS).await?;
    let mut reply = [0; 1_232];
    // A datagram that is lost is asked for again.
    match timeout(Duration::from_secs(1), socket.recv(&mut reply)).await {
        Ok(length) => Ok(reply[..length?].windows(4).any(|octets| octets == address)),
        Err(_) => Ok(false),
    }
}

/// Servers of each cluster.
pub(crate) const SERVERS: usize = 5;

/// With the standby that comes later.
const PLACES: usize = SERVERS + 1;

/// How long one may take.
const JOINS_WITHIN: Duration = Duration::from_secs(120);

/// How long it may take at the start until all are there.
const JOINED_WITHIN: Duration = Duration::from_secs(600);
