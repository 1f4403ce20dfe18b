//! Queries per second while ten secondaries fetch a zone of 20,000 names, and without.
//!
//! The service itself runs here, with a configuration file and a zone file, for the transfers are its
//! own tasks' work. Windows with and without transfers take turns.

use std::{
    error::Error,
    fs::{self, File},
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use hickory_proto::{op::Message, rr::RecordType};

use crate::{
    clock,
    query::Question,
    running::SERVER_CORE,
    udp::{Pressure, UdpLoad},
};

/// Names in the zone beside the served ones.
const NAMES: usize = 20_000;

/// Transfers that begin at once.
const TRANSFERS: usize = 10;

/// Windows of each kind.
const WINDOWS: usize = 15;

/// How long each is.
const WINDOW: Duration = Duration::from_secs(1);

/// How long the service may take until it answers.
const START: Duration = Duration::from_secs(20);

/// Where it listens.
const ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 35, 2, 1), 5311);

/// A question for the whole zone.
const AXFR: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x08internal\0\0\xfc\0\x01";

/// Measures `program`, with its files in `folder`.
pub(crate) fn measure(program: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let _databases = databases()?;
    let mut service = Service::start(program, folder)?;
    service.wait_until_it_answers()?;
    let messages = messages_of_the_zone()?;
    let mut load = open()?;
    load.saturate(WINDOW)?;
    let (mut without, mut with, mut took) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        without.push(rate(&mut load)?);
        let transfers: Vec<_> =
            (0..TRANSFERS).map(|_| thread::spawn(move || transfer(messages))).collect();
        with.push(rate(&mut load)?);
        for transfer in transfers {
            took.push(transfer.join().map_err(|_| "a transfer panicked")??);
        }
    }
    let [without, with] = [median(&mut without), median(&mut with)];
    took.sort_unstable();
    println!(
        "write name, {WINDOWS} windows of {WINDOW:?} of each kind, medians: {without:.0}/s without \
         transfers, {with:.0}/s with {TRANSFERS} of {NAMES} names in each: {:.1} %",
        100.0 * with / without
    );
    println!(
        "a transfer ({messages} messages) took {:?} (median), {:?} at worst",
        took[took.len() / 2],
        took[took.len() - 1]
    );
    Ok(())
}

/// The service, on the servers' core. Dropped, it is killed.
struct Service(Child);

impl Service {
    fn start(program: &Path, folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder.join("state"))?;
        let zone: String = (0..NAMES)
            .map(|name| format!("host{name} 1h A 192.0.2.{}\n", name % 250 + 1))
            .collect();
        let first = "@ 1s SOA ns1 hostmaster 1 1h 10m 1d 1s\n@ 1h NS ns1\nns1 1h A 192.0.2.1\n";
        fs::write(folder.join("internal.zone"), format!("{first}{zone}"))?;
        let config = folder.join("pointsman.toml");
        fs::write(&config, configuration())?;
        let log = File::create(folder.join("pointsman.log"))?;
        Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "taskset", "--cpu-list", SERVER_CORE])
            .arg(program)
            .args(["serve", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map(Self)
    }

    fn wait_until_it_answers(&mut self) -> Result<(), Box<dyn Error>> {
        let start = clock::now();
        while clock::now().duration_since(start) < START {
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("pointsman ended at its start: {status}; see its log").into());
            }
            if open()?.answer(1, Duration::from_millis(100))?.answered > 0 {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err("pointsman does not answer".into())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn configuration() -> String {
    let (ip, port) = ADDRESS;
    let servers: String = (1..=3)
        .map(|number| {
            format!(
                "[[cluster.server]]\nname = \"db{number}\"\naddress = \"127.35.2.10{number}\"\n\
                 port = {port}\npriority = {number}\n"
            )
        })
        .collect();
    format!(
        "[dns]\nlisten = [\"{ip}:{port}\"]\nworkers = 1\n[state]\ndirectory = \"state\"\n\
         [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
         [[zone.secondary]]\nname = \"ns3\"\naddress = \"127.0.0.1\"\nunsigned = true\n\
         notify = false\n\
         [[cluster]]\nname = \"orders\"\nengine = \"tcp\"\n\
         write = {{ name = \"db-write.internal.\" }}\nread = [{{ name = \"db-read.internal.\" }}]\n\
         {servers}"
    )
}

/// Who accepts connections where the servers are said to be.
fn databases() -> io::Result<Vec<thread::JoinHandle<()>>> {
    let listen = |last| TcpListener::bind((Ipv4Addr::new(127, 35, 2, last), ADDRESS.1));
    let listeners = (101..=103).map(listen).collect::<io::Result<Vec<_>>>()?;
    let accept = |listener: TcpListener| thread::spawn(move || listener.incoming().for_each(drop));
    Ok(listeners.into_iter().map(accept).collect())
}

fn open() -> io::Result<UdpLoad> {
    let question = Question::Write;
    UdpLoad::open(
        SocketAddr::from(ADDRESS),
        question.message(false),
        question.expected(),
        Pressure::Full,
    )
}

/// Answers per second in one window.
fn rate(load: &mut UdpLoad) -> Result<f64, Box<dyn Error>> {
    let tally = load.saturate(WINDOW)?;
    #[expect(clippy::cast_precision_loss, reason = "far fewer answers than 2^52")]
    let answered = tally.answered as f64;
    Ok(answered / tally.time.as_secs_f64())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// In how many messages the zone comes: the last one ends with the SOA that the first began with.
fn messages_of_the_zone() -> Result<usize, Box<dyn Error>> {
    let mut stream = ask()?;
    let (mut messages, mut records) = (0, 0);
    loop {
        let message = Message::from_vec(&next(&mut stream)?)?;
        messages += 1;
        records += message.answers.len();
        let last = message.answers.last().ok_or("a transfer is refused")?;
        if last.record_type() == RecordType::SOA && records > NAMES {
            return Ok(messages);
        }
    }
}

/// Fetches the zone, and tells how long that took.
fn transfer(messages: usize) -> io::Result<Duration> {
    let start = clock::now();
    let mut stream = ask()?;
    for _ in 0..messages {
        next(&mut stream)?;
    }
    Ok(clock::now().duration_since(start))
}

fn ask() -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(SocketAddr::from(ADDRESS))?;
    stream.set_read_timeout(Some(START))?;
    let octets = u16::try_from(AXFR.len()).map_err(io::Error::other)?;
    stream.write_all(&[&octets.to_be_bytes(), AXFR].concat())?;
    Ok(stream)
}

fn next(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut message)?;
    Ok(message)
}
