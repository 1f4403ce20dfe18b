//! The page on the real cluster, as text and in Chromium; and with a thousand clusters.
//! Pictures are left in `target/page/` to be looked at.

use std::{
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use pointsman_testbed::browser::Browser;

use super::{Stage, output_of};
use crate::{
    in_turn, patience,
    pointsman::{Cluster, Engine, Pointsman, write_files},
    ports,
};

const DESK: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

/// A standby that is really late, one that is drained, and the page of both.
pub(super) fn the_page_shows_what_is(stage: &mut Stage) {
    let read = stage.cluster.read_name();
    stage.said("drain db2 --reason kernel-update --for 30m --author ann");
    let workload = stage.servers.write_steadily(0);
    let reader = stage.servers.block_replay(2, 0);
    stage.expect_state(2, "ReplicaLagging");
    stage.expect(&read, &[0]);
    let lag = stage.server(2)["lag_ms"].as_u64().expect("a number");
    assert!(lag > 2_000, "{lag}");
    let late = "SELECT now() - pg_last_xact_replay_timestamp() > interval '2 seconds'";
    assert_eq!(stage.servers.value(2, late), "t");

    let url = format!("http://{}/", stage.http);
    let text = output_of(Command::new("curl").args(["-s", &url]), "");
    for words in ["db-write.internal. -> db1", "db2", "kernel-update", "ReplicaLagging", "undrain"]
    {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    assert!(text.starts_with("db is degraded\n"), "{text}");
    assert!(!text.contains("nothing → drain"), "{text}");
    let mut browser = Browser::start();
    for (size, place) in [(DESK, "desk"), (PHONE, "phone")] {
        for theme in ["light", "dark"] {
            browser.show(&url, size, theme);
            expect_well(&mut browser, &format!("postgres-{place}-{theme}"));
        }
    }
    let shown = browser.value("document.body.innerText").to_string();
    for words in ["kernel-update", "ann", "db3", "behind"] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    assert_eq!(browser.value("document.querySelectorAll('svg.plot, svg').length > 0"), true);
    drop((workload, reader));
    stage.said("undrain db2");
    stage.expect(&read, &[1, 2]);
}

fn expect_well(browser: &mut Browser, name: &str) {
    let faults = browser.axe();
    assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    let widths = browser.value("[document.documentElement.scrollWidth, innerWidth]");
    assert!(widths[0].as_u64() <= widths[1].as_u64(), "{name}: {widths}");
    browser.photograph(name);
    browser.photograph_window(&format!("{name}-top"));
    assert!(browser.complaints().is_empty(), "{name}: {:?}", browser.complaints());
}

/// One port for all servers of the thousand clusters. Dropped, it closes.
struct Listener {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Listener {
    fn start(ip: &str) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let over = Arc::<AtomicBool>::default();
        let is_over = Arc::clone(&over);
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                drop(connection);
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        Self { address, over, thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        _ = std::net::TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

#[test]
fn a_thousand_clusters_are_shown_with_the_broken_one_first() {
    in_turn(|| {
        let home = std::net::Ipv4Addr::new(127, 62, 11, 9);
        let listener = Listener::start("127.62.11.1");
        let silent = ports::free_for_dns_on(&[[127, 62, 11, 2].into()])[0];
        let dns = ports::free_for_dns_on(&[home])[0];
        let http = SocketAddr::new(home.into(), ports::free_on(&[home]));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut more = format!("[admin]\nsocket = \"admin.sock\"\nhttp = \"{http}\"\n");
        for number in 0..1_000 {
            let probed = if number == 777 { silent } else { listener.address };
            let (ten, one) = (20 + number / 200, 1 + number % 200);
            write!(
                more,
                "[[cluster]]\nname = \"c{number}\"\nengine = \"tcp\"\n\
             write = {{ name = \"c{number}.internal.\" }}\n\
             probe = {{ interval = \"30s\", fast_interval = \"30s\", timeout = \"5s\" }}\n\
             [[cluster.server]]\nname = \"s{number}\"\naddress = \"127.62.{ten}.{one}\"\n\
             port = 80\nprobe_address = \"{probed}\"\n"
            )
            .expect("a string takes everything");
        }
        let at = [[127, 62, 11, 1].into()];
        let cluster = Cluster::new("last", Engine::Tcp, at, listener.address.port());
        write_files(folder.path(), dns, &[&cluster], &more);
        let pointsman = Pointsman::serve_files(folder.path(), dns, &cluster);
        let url = format!("http://{http}/");
        patience::until("the first round has ended", || {
            let ready = Command::new("curl").args(["-s", &format!("{url}readyz")]).output();
            ready.is_ok_and(|ready| ready.stdout == b"ready\n")
        });
        let text = output_of(Command::new("curl").args(["-s", &url]), "");
        assert!(text.contains("c999.internal. -> s999"), "{text:.2000}");
        let place =
            |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text:.2000}"));
        assert!(place("c777 (tcp") < place("c0 (tcp"), "what is broken comes first");
        let mut browser = Browser::start();
        for (size, place) in [(DESK, "desk"), (PHONE, "phone")] {
            browser.show(&url, size, "light");
            browser.until("document.body.innerText.includes('c777')");
            let widths = browser.value("[document.documentElement.scrollWidth, innerWidth]");
            assert!(widths[0].as_u64() <= widths[1].as_u64(), "{place}: {widths}");
            assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
            browser.photograph_window(&format!("thousand-{place}"));
        }
        drop(browser);
        let file = fs::read_to_string(folder.path().join("pointsman.toml")).expect("the file");
        assert_eq!(file.matches("[[cluster]]").count(), 1_001);
        pointsman.stop();
    });
}
