//! The whole of `serve` with witnesses: what an agent and a command say reaches the names.

use std::{
    fs,
    io::Write as _,
    net::{IpAddr, SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::{
    fake_postgres::Fake,
    names::Names,
    process::{Service, Settings},
};

/// An agent that says its word to everybody who calls, for as long as the test runs.
#[derive(Clone)]
struct Agent(Arc<Mutex<&'static str>>);

impl Agent {
    fn start(listener: TcpListener) -> Self {
        let agent = Self(Arc::new(Mutex::new("up")));
        let speaker = agent.clone();
        thread::spawn(move || {
            for mut caller in listener.incoming().flatten() {
                let word = *speaker.0.lock().unwrap_or_else(PoisonError::into_inner);
                // A caller that has left needs no word.
                drop(writeln!(caller, "{word}"));
            }
        });
        agent
    }

    fn says(&self, word: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = word;
    }
}

/// One free port on both addresses.
fn listeners(addresses: [IpAddr; 2]) -> [TcpListener; 2] {
    for _ in 0..100 {
        let first = TcpListener::bind((addresses[0], 0)).expect("a free port");
        let port = first.local_addr().expect("bound").port();
        if let Ok(second) = TcpListener::bind((addresses[1], port)) {
            return [first, second];
        }
    }
    panic!("no port is free on both of {addresses:?}");
}

fn config(servers: [SocketAddr; 2], agents: u16, words: &Path) -> String {
    let mut text = format!(
        r#"
[dns]
listen = ["127.27.4.1:0"]

[[zone]]
origin = "internal."
file = "internal.zone"

[[cluster]]
name = "orders"
engine = "tcp"
write = {{ name = "db-write.internal." }}
read = [{{ name = "db-read.internal." }}]

[cluster.probe]
interval = "200ms"
fast_interval = "100ms"
timeout = "2s"
checks = ["database", "agent", "command"]

[cluster.probe.agent]
port = {agents}

[cluster.probe.command]
run = ["/bin/cat", "{words}/{{server}}"]
"#,
        words = words.display()
    );
    for (number, server) in (1..).zip(servers) {
        let (address, port) = (server.ip(), server.port());
        text += &format!(
            "[[cluster.server]]\nname = \"db{number}\"\naddress = \"{address}\"\nport = {port}\n"
        );
    }
    text
}

#[tokio::test]
async fn the_words_of_agents_and_commands_reach_the_names() {
    let servers = ["127.27.4.11", "127.27.4.12"].map(|address| Fake::start(address, Vec::new()));
    let addresses = [servers[0].address, servers[1].address];
    let listeners = listeners(addresses.map(|address| address.ip()));
    let port = listeners[0].local_addr().expect("bound").port();
    let [first, second] = listeners.map(Agent::start);
    let words = tempfile::tempdir().expect("a temporary directory");
    let command_says = |server: &str, word: &str| {
        fs::write(words.path().join(server), word).expect("a file can be written");
    };
    command_says("db1", "up");
    command_says("db2", "up");
    let settings = Settings::new(&config(addresses, port, words.path()), "");
    let (service, address) = Service::serve(&settings, &[]);
    let names = Names(address);
    let (one, two) = (&addresses[..1], &addresses[1..]);
    names.wait_for("db-write.internal.", one).await;
    names.wait_for("db-read.internal.", two).await;

    second.says("drain");
    names.wait_for("db-read.internal.", one).await;
    second.says("ready");
    names.wait_for("db-read.internal.", two).await;
    command_says("db2", "maint");
    names.wait_for("db-read.internal.", one).await;
    fs::remove_file(words.path().join("db2")).expect("it is there");
    command_says("db2", "up");
    names.wait_for("db-read.internal.", two).await;

    // Nobody sends writers to a server in maintenance, though it accepts connections.
    first.says("maint");
    names.wait_for("db-write.internal.", two).await;
    assert!(service.output().contains("agent"), "the log names the witness: {}", service.output());
    assert_eq!(service.stop().code, Some(0));
}
