//! A running service with clusters of plain TCP servers, which a test may let die and return.

use std::{
    collections::VecDeque,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pointsman_testbed::http::{self, Answer};
use tempfile::TempDir;

/// The service and its servers. Dropping it ends them.
pub(crate) struct Scene {
    service: Child,
    pub(crate) http: SocketAddr,
    /// Those that live.
    pub(crate) servers: Vec<Option<Server>>,
    folder: TempDir,
}

/// The clusters, each with its number of servers.
const CLUSTERS: [(&str, usize); 3] = [("billing", 2), ("orders", 3), ("search", 1)];

impl Scene {
    /// At addresses of `network`, such as `127.55.2`.
    pub(crate) fn start(network: &str) -> Self {
        Self::start_with(network, "")
    }

    /// The same with more sections in the configuration.
    pub(crate) fn start_with(network: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind((format!("{network}.1"), 0)).expect("a free port");
        let http = free.local_addr().expect("an address");
        drop(free);
        let mut text = format!(
            "[dns]\nlisten = [\"{network}.1:0\"]\nworkers = 1\n\
             [[zone]]\norigin = \"internal.\"\nfile = \"internal.zone\"\n\
             [admin]\nhttp = \"{http}\"\n{more}\n"
        );
        let mut servers = Vec::new();
        for (name, count) in CLUSTERS {
            text += &format!(
                "[[cluster]]\nname = \"{name}\"\nengine = \"tcp\"\n\
                 write = {{ name = \"{name}-write.internal.\" }}\n\
                 probe = {{ interval = \"100ms\", fast_interval = \"100ms\", \
                 timeout = \"500ms\" }}\n"
            );
            // One server alone would help itself out.
            if count > 1 {
                text += &format!(
                    "[[cluster.read]]\nname = \"{name}-read.internal.\"\nmin_servers = 1\n"
                );
            }
            for number in 1..=count {
                let address = format!("{network}.{}", servers.len() + 2);
                let server = Server::start(&address);
                let at = server.address;
                text += &format!(
                    "[[cluster.server]]\nname = \"{name}{number}\"\naddress = \"{}\"\nport = {}\n",
                    at.ip(),
                    at.port()
                );
                servers.push(Some(server));
            }
        }
        let zone = "$TTL 60\n@ SOA ns1 hostmaster 1 60 60 60 1\n@ NS ns1\nns1 A 127.0.0.1\n";
        fs::write(folder.path().join("internal.zone"), zone).expect("a file");
        let config = folder.path().join("pointsman.toml");
        fs::write(&config, text).expect("a file");
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let service = Command::new(env!("CARGO_BIN_EXE_pointsman"))
            .args(["serve", "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary");
        let scene = Self { service, http, servers, folder };
        scene.until("it is ready", || scene.get("/readyz", "").body == "ready\n");
        scene
    }

    /// Puts a file beside the configuration.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a file");
    }

    /// One `GET`, with this `Accept` unless it is empty.
    pub(crate) fn get(&self, path: &str, accept: &str) -> Answer {
        http::get(self.http, path, accept)
    }

    /// Waits until `is` is so.
    pub(crate) fn until(&self, what: &str, is: impl FnMut() -> bool) {
        if !comes_true(is) {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("not in time: {what}\n{log}");
        }
    }

    /// Sends a signal to the service.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.service.id().try_into().expect("a process"));
        kill(pid, signal).expect("it runs");
    }

    /// A folder of its own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        _ = self.service.kill();
        _ = self.service.wait();
    }
}

/// Asks again and again whether `is` is so.
pub(crate) fn comes_true(mut is: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if is() {
            return true;
        }
        sleep(Duration::from_millis(20));
    }
    false
}

/// The text of a file of the project.
pub(crate) fn project_file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server of which nothing is known but that it accepts connections. Dropping it ends it.
pub(crate) struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    fn start(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let over = Arc::<AtomicBool>::default();
        let is_over = Arc::clone(&over);
        let accepting = thread::spawn(move || {
            let mut kept = VecDeque::new();
            for stream in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                kept.push_front(stream);
                kept.truncate(64);
            }
        });
        Self { address, over, accepting: Some(accepting) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            _ = accepting.join();
        }
    }
}
