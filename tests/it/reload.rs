//! A running service that reads its configuration again: what changes, what stays, what is refused.

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hickory_proto::rr::RecordType;
use rustix::process::Signal;

use crate::{
    dns::client::{Reply, ask},
    fake_postgres::{Fake, STANDBY, Step, login, message as pg_message, primary_reply, reply},
    names::Names,
    patience::until,
    process::{Service, Settings, message},
};

/// A server that asks for a proof of the password and answers many questions. What it was told is
/// compared by nobody.
fn answers(reply: &[u8]) -> Vec<Step> {
    let mut script = vec![
        Step::ReadStartup,
        Step::Send(pg_message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4])),
        Step::ReadMessage,
        Step::Send(login()),
    ];
    for _ in 0..2_000 {
        script.extend([Step::ReadMessage, Step::Send(reply.to_vec())]);
    }
    script
}

pub(crate) fn primary(ip: &str) -> Fake {
    Fake::start(ip, answers(&primary_reply()))
}

pub(crate) fn standby(ip: &str) -> Fake {
    let mut texts = STANDBY;
    // On the primary's timeline.
    texts[7] = Some("1");
    Fake::start(ip, answers(&reply(&texts)))
}

pub(crate) fn config(network: &str, servers: &[&Fake]) -> String {
    let mut text = format!(
        r#"
[dns]
listen = ["{network}.1:0"]
workers = 1

[[zone]]
origin = "internal."
file = "internal.zone"

[[cluster]]
name = "orders"
engine = "postgres"
write = {{ name = "db-write.internal." }}
read = [{{ name = "db-read.internal." }}]

[cluster.probe]
user = "pointsman"
password_file = "probe.password"
tls = "disable"
interval = "100ms"
fast_interval = "100ms"
timeout = "1s"
"#
    );
    for (number, server) in (1..).zip(servers) {
        let (address, port) = (server.address.ip(), server.address.port());
        text += &format!(
            "\n[[cluster.server]]\nname = \"db{number}\"\naddress = \"{address}\"\nport = {port}\n"
        );
    }
    text
}

/// Another text in the file, and the signal to read it.
fn reload(settings: &Settings, service: &Service, text: &str) {
    fs::write(settings.file(), text).expect("the file can be written");
    service.signal(Signal::HUP);
}

/// How many lines of the log begin so.
fn lines(service: &Service, beginning: &str) -> usize {
    service.log().iter().filter(|line| message(line).starts_with(beginning)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_applies_what_differs_and_leaves_the_rest_alone() {
    let (db1, db2, db3) = (primary("127.52.1.2"), standby("127.52.1.3"), standby("127.52.1.4"));
    let settings = Settings::new(&config("127.52.1", &[&db1, &db2]), "secret");
    let (service, address) = Service::serve(&settings, &[]);
    let names = Names(address);
    names.wait_for("db-write.internal.", &[db1.address]).await;
    names.wait_for("db-read.internal.", &[db2.address]).await;
    let (serial, logins) = (names.serial().await, (db1.accepted(), db2.accepted()));

    // A file that says the same in other words publishes nothing new.
    let text = config("127.52.1", &[&db1, &db2]);
    reload(&settings, &service, &format!("# Nothing else.\n{text}"));
    until("it is reloaded", || lines(&service, "configuration: reloaded, 0 changes") == 1);
    assert_eq!(names.serial().await, serial);

    reload(&settings, &service, &config("127.52.1", &[&db1, &db2, &db3]));
    service.wait_for_line("db3 joins", |line| message(line) == "configuration: orders: db3 joins");
    names.wait_for("db-read.internal.", &[db2.address, db3.address]).await;
    assert!(names.serial().await > serial);
    assert_eq!((db1.accepted(), db2.accepted()), logins, "unchanged servers keep their connection");

    reload(&settings, &service, &config("127.52.1", &[&db1, &db3]).replace("db2", "db3"));
    service
        .wait_for_line("db2 leaves", |line| message(line) == "configuration: orders: db2 leaves");
    names.wait_for("db-read.internal.", &[db3.address]).await;
    names.wait_for("db-write.internal.", &[db1.address]).await;
    assert_eq!(service.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_faults_changes_nothing_and_every_fault_is_told() {
    let (db1, db2) = (primary("127.52.2.2"), standby("127.52.2.3"));
    let text = config("127.52.2", &[&db1, &db2]);
    let settings = Settings::new(&text, "secret");
    let (mut service, address) = Service::serve(&settings, &[]);
    let names = Names(address);
    names.wait_for("db-read.internal.", &[db2.address]).await;
    let faulty = text.replace("\"postgres\"", "\"oracle\"").replace("\"1s\"", "\"2 parsecs\"");
    reload(&settings, &service, &faulty);
    until("both faults are told", || {
        let log = service.log();
        let told = |what: &str| {
            let faults = log.iter().filter(|line| line["level"] == "ERROR").map(message);
            faults.filter(|fault| fault.starts_with("not reloaded: ")).any(|f| f.contains(what))
        };
        told("oracle") && told("2 parsecs")
    });
    assert!(service.is_running());
    names.wait_for("db-write.internal.", &[db1.address]).await;
    // A zone file is read again, too, and its faults count.
    fs::write(settings.folder().join("internal.zone"), "nonsense\n").expect("a file");
    reload(&settings, &service, &text);
    until("the zone's fault is told", || {
        let log = service.log();
        log.iter().any(|line| {
            message(line).starts_with("not reloaded: ") && message(line).contains("internal.zone:1")
        })
    });
    names.wait_for("db-read.internal.", &[db2.address]).await;
    assert_eq!(service.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_and_zones_are_read_again_and_listeners_need_a_restart() {
    let (db1, db2) = (primary("127.52.3.2"), standby("127.52.3.3"));
    let text = config("127.52.3", &[&db1, &db2]);
    let settings = Settings::new(&text, "secret");
    let (service, address) = Service::serve(&settings, &[]);
    let names = Names(address);
    names.wait_for("db-read.internal.", &[db2.address]).await;
    let (serial, logins) = (names.serial().await, db1.accepted());
    fs::write(settings.folder().join("probe.password"), "another").expect("a file");
    let zone = fs::read_to_string(settings.folder().join("internal.zone")).expect("a zone");
    fs::write(settings.folder().join("internal.zone"), zone + "extra IN A 127.52.3.9\n")
        .expect("a file");
    reload(&settings, &service, &text.replace("workers = 1", "workers = 2"));
    service.wait_for_line("the password", |line| {
        message(line) == "configuration: orders: probe password is another one"
    });
    service.wait_for_line("the listeners", |line| {
        line["level"] == "WARN" && message(line) == "[dns] workers differs and needs a restart"
    });
    until("it logs in anew", || db1.accepted() > logins);
    assert_eq!(names.addresses("extra.internal.").await, Some(vec!["127.52.3.9".to_owned()]));
    assert!(names.serial().await > serial);
    names.wait_for("db-write.internal.", &[db1.address]).await;
    assert!(!service.output().contains("another\""), "no password in the log");
    assert_eq!(service.stop().code, Some(0));
}

/// Asks for the write name as often as told until somebody says that it is enough. At most so many
/// questions wait for their answers that no buffer of the system overflows.
struct Asking {
    enough: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    thread: thread::JoinHandle<usize>,
}

impl Asking {
    fn start(server: SocketAddr, expected: SocketAddr, per_second: u32) -> Self {
        let (enough, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stop, count) = (Arc::clone(&enough), Arc::clone(&answered));
        let thread = thread::spawn(move || {
            let socket = UdpSocket::bind(("127.52.4.100", 0)).expect("a free port");
            socket.connect(server).expect("a socket of UDP");
            socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a deadline");
            let question = ask("db-write.internal.", RecordType::A).octets();
            let (start, mut sent) = (Instant::now(), 0_u32);
            while !stop.load(Ordering::Relaxed) {
                for id in 0..BURST {
                    let mut question = question.clone();
                    question[..2].copy_from_slice(&id.to_be_bytes());
                    socket.send(&question).expect("it is sent");
                }
                let mut open: Vec<bool> = vec![true; BURST.into()];
                for _ in 0..BURST {
                    let mut buffer = [0; 1_500];
                    let length = socket.recv(&mut buffer).expect("every question has its answer");
                    let reply = Reply::parse(buffer[..length].to_vec());
                    let id = usize::from(reply.message.metadata.id);
                    assert!(std::mem::take(&mut open[id]), "one answer each");
                    assert_eq!(reply.answers(), [expected.ip().to_string()]);
                }
                sent += u32::from(BURST);
                count.store(sent.try_into().expect("few"), Ordering::Relaxed);
                let due = Duration::from_secs(1) * sent / per_second;
                thread::sleep(due.saturating_sub(start.elapsed()));
            }
            usize::try_from(sent).expect("few")
        });
        Self { enough, answered, thread }
    }
}

/// Questions that wait at a time.
const BURST: u16 = 50;

/// Three seconds of 10,000 questions a second, while clusters and servers come and go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_question_is_lost_while_the_configuration_changes() {
    let (db1, db2, db3) = (primary("127.52.4.2"), standby("127.52.4.3"), standby("127.52.4.4"));
    let texts = [config("127.52.4", &[&db1, &db2]), config("127.52.4", &[&db1, &db2, &db3])];
    let settings = Settings::new(&texts[0], "secret");
    let (service, address) = Service::serve(&settings, &[]);
    Names(address).wait_for("db-write.internal.", &[db1.address]).await;
    let asking = Asking::start(address, db1.address, 10_000);
    let start = Instant::now();
    let mut reloads = 0;
    while start.elapsed() < Duration::from_secs(3) {
        reloads += 1;
        reload(&settings, &service, &texts[reloads % 2]);
        until("it is reloaded", || lines(&service, "configuration: reloaded") == reloads);
    }
    asking.enough.store(true, Ordering::Relaxed);
    let sent = asking.thread.join().expect("every question was answered");
    assert_eq!(sent, asking.answered.load(Ordering::Relaxed));
    let took = start.elapsed().as_secs_f32();
    tell(format_args!("{sent} questions answered and {reloads} reloads in {took:.1} s"));
    assert!(sent > 1_000 && reloads > 3, "{sent} questions, {reloads} reloads");
    assert_eq!(service.stop().code, Some(0));
}

/// A thousand clusters of three servers. How long their reload takes is printed; the deadline is
/// that of all tests.
#[test]
fn a_thousand_clusters_are_reloaded() {
    let mut text = String::from(
        "[dns]\nlisten = [\"127.52.7.1:0\"]\nworkers = 1\n\
         [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n",
    );
    for cluster in 0..1_000 {
        text += &format!(
            "[[cluster]]\nname = \"c{cluster}\"\nengine = \"tcp\"\n\
             write = {{ name = \"c{cluster}.internal.\" }}\n\
             probe = {{ interval = \"60s\", fast_interval = \"60s\", timeout = \"5s\" }}\n"
        );
        for server in 0..3 {
            let port = 1_000 + cluster;
            text += &format!(
                "[[cluster.server]]\nname = \"c{cluster}-{server}\"\n\
                 address = \"127.52.8.{server}\"\nport = {port}\n"
            );
        }
    }
    let settings = Settings::new(&text, "");
    let (service, _) = Service::serve(&settings, &[]);
    let other = text.replace(
        "name = \"c7-1\"\naddress = \"127.52.8.1\"",
        "name = \"c7-1\"\naddress = \"127.52.8.9\"",
    );
    for (number, text) in (1..).zip([&other, &text, &other]) {
        let start = Instant::now();
        reload(&settings, &service, text);
        let is_told =
            |line: &serde_json::Value| message(line) == "configuration: reloaded, 2 changes";
        until("it is reloaded", || {
            service.log().iter().filter(|line| is_told(line)).count() == number
        });
        tell(format_args!("1,000 clusters reloaded in {} ms", start.elapsed().as_millis()));
    }
    assert_eq!(service.stop().code, Some(0));
}

#[expect(clippy::print_stdout, reason = "a measure, for whoever runs the test with --nocapture")]
fn tell(line: std::fmt::Arguments<'_>) {
    println!("{line}");
}
