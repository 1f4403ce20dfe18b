//! A network of the test's own, in which packets can be lost: a network namespace
//! (network_namespaces(7)) with rules of nftables (nft(8)).
//!
//! The thread that enters moves into the new namespace, and with it every thread and every process
//! that it starts from then on: servers, Pointsman, clients. Nothing outside is touched, and the
//! kernel removes the namespace with all of its rules when the last of them has ended, however that
//! came. There is only the loopback device, so that addresses are those of 127.0.0.0/8.
//!
//! Rules tell connections apart by who opened them, both directions of a connection alike:
//! Pointsman runs under a group of its own ([`MONITOR_GROUP`]), servers under the accounts of their
//! packages, and the test itself as root, which no rule concerns. Needs root, `ip` and `nft`.

use std::{
    cell::Cell,
    fs::File,
    io::Write as _,
    marker::PhantomData,
    net::Ipv4Addr,
    process::{Command, Stdio},
};

use nix::sched::{CloneFlags, setns, unshare};

use crate::account::{self, MONITOR_GROUP};

/// The present thread's stay in a namespace of its own. Dropped, the thread is back where it came
/// from; what it started stays inside.
#[derive(Debug)]
pub struct Namespace {
    outside: File,
    faults: Cell<u32>,
    _of_this_thread: PhantomData<*const ()>,
}

/// Something that is wrong with the network. Dropped, it is over.
#[derive(Debug)]
pub struct NetworkFault {
    table: String,
    _of_this_thread: PhantomData<*const ()>,
}

/// Which connections a fault concerns, by who opened them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Pointsman's.
    Probes,
    /// Those of one database server to another.
    Replication,
    /// Both of these, and not the test's own.
    Both,
}

/// What becomes of their packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// They are lost: a black hole.
    Lost,
    /// So many in a hundred are lost, from 1 to 99.
    SomeLost(u32),
    /// All but the first two of each connection are lost: it is opened, and nothing comes through.
    HalfOpen,
    /// So many in a hundred attempts to connect, from 1 to 99, are answered by RST: connection
    /// refused.
    SomeRefused(u32),
    /// Each is answered by RST: open connections break, new ones are refused.
    Reset,
    /// Each is answered by an ICMP message: no route to the host.
    NoRoute,
}

impl Namespace {
    /// Moves the present thread into a new namespace.
    ///
    /// # Panics
    /// Without root's rights, or when `ip` or `nft` is not installed.
    pub fn enter() -> Self {
        let outside = File::open("/proc/thread-self/ns/net").expect("/proc is mounted");
        unshare(CloneFlags::CLONE_NEWNET)
            .unwrap_or_else(|error| panic!("a network namespace needs root's rights: {error}"));
        let namespace = Self { outside, faults: Cell::new(0), _of_this_thread: PhantomData };
        account::run(Command::new("ip").args(["link", "set", "lo", "up"]));
        nft(&format!(
            "table inet owners {{\n\
             chain output {{\n\
             type filter hook output priority -10; policy accept;\n\
             tcp flags & (syn | ack) == syn meta skgid {MONITOR_GROUP} ct mark set {PROBE}\n\
             tcp flags & (syn | ack) == syn meta skuid != 0 ct mark set {REPLICATION}\n\
             }}\n}}\n"
        ));
        namespace
    }

    /// From now on `effect` happens to the packets of `traffic` from and to the servers at
    /// `addresses`.
    pub fn fault(&self, traffic: Traffic, addresses: &[Ipv4Addr], effect: Effect) -> NetworkFault {
        let marks = match traffic {
            Traffic::Probes => format!("{PROBE}"),
            Traffic::Replication => format!("{REPLICATION}"),
            Traffic::Both => format!("{PROBE}, {REPLICATION}"),
        };
        let rule = effect.rule();
        let concerned = set_of(addresses);
        self.load(&[format!("ct mark {{ {marks} }} ct original ip daddr {concerned} {rule}")])
    }

    /// From now on the servers at `one` and those at `other` cannot reach each other; Pointsman reaches
    /// all of them. It concerns connections that a server opens from its own address.
    pub fn split(&self, one: &[Ipv4Addr], other: &[Ipv4Addr]) -> NetworkFault {
        let (one, other) = (set_of(one), set_of(other));
        self.load(&[(&one, &other), (&other, &one)].map(|(from, to)| {
            format!(
                "ct mark {REPLICATION} ct original ip saddr {from} ct original ip daddr {to} drop"
            )
        }))
    }

    /// Loads `rules` for packets on the way in: the sender has done its part and hears nothing of the
    /// loss.
    fn load(&self, rules: &[String]) -> NetworkFault {
        let number = self.faults.get();
        self.faults.set(number + 1);
        let table = format!("fault{number}");
        let rules = rules.join("\n");
        nft(&format!(
            "table inet {table} {{\n\
             chain input {{\n\
             type filter hook input priority 0; policy accept;\n\
             {rules}\n\
             }}\n}}\n"
        ));
        NetworkFault { table, _of_this_thread: PhantomData }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let back = setns(&self.outside, CloneFlags::CLONE_NEWNET);
        assert!(back.is_ok() || std::thread::panicking(), "no way back: {back:?}");
    }
}

impl Effect {
    /// As nft(8) writes it.
    fn rule(self) -> String {
        match self {
            Self::Lost => "drop".to_owned(),
            Self::SomeLost(percent) => format!("numgen random mod 100 < {percent} drop"),
            Self::HalfOpen => "tcp flags & syn == 0 drop".to_owned(),
            Self::SomeRefused(percent) => format!(
                "tcp flags & (syn | ack) == syn numgen random mod 100 < {percent} \
                 reject with tcp reset"
            ),
            // An answer belongs to the connection too, and must not be answered.
            Self::Reset => "tcp flags & rst == 0 reject with tcp reset".to_owned(),
            Self::NoRoute => "meta l4proto tcp reject with icmpx type no-route".to_owned(),
        }
    }
}

impl Drop for NetworkFault {
    fn drop(&mut self) {
        let mut delete = Command::new("nft");
        let status = delete.args(["delete", "table", "inet", &self.table]).status();
        let gone = status.is_ok_and(|status| status.success());
        assert!(gone || std::thread::panicking(), "{} cannot be removed", self.table);
    }
}

/// As nft(8) writes a set.
fn set_of(addresses: &[Ipv4Addr]) -> String {
    let addresses: Vec<_> = addresses.iter().map(Ipv4Addr::to_string).collect();
    format!("{{ {} }}", addresses.join(", "))
}

/// Loads `rules`.
fn nft(rules: &str) {
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nft can be started; tests/run installs it");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(rules.as_bytes()).expect("nft reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("nft ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "nft refuses these rules:\n{rules}{errors}");
}

/// Marks of connections, set when the first packet leaves.
const PROBE: u32 = 1;
const REPLICATION: u32 = 2;

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        io::{ErrorKind, Read as _},
        net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
        thread,
        time::Duration,
    };

    use super::{Effect, Namespace, Traffic};
    use crate::{
        account::{self, Account},
        patience,
    };

    const SERVER: Ipv4Addr = Ipv4Addr::new(127, 42, 0, 1);
    const OTHER: Ipv4Addr = Ipv4Addr::new(127, 42, 0, 2);
    const PORT: u16 = 5432;

    /// What a client under `account` says of `host` within one and a half seconds: it connects and
    /// waits for a greeting. An ICMP message counts from the second attempt on, a second later.
    fn greeting(account: &Account, host: Ipv4Addr) -> String {
        let script = format!(
            "exec 3<>/dev/tcp/{host}/{PORT} || exit; read -t 0.5 -u 3 word; echo \"<$word>\""
        );
        let mut client = account.command("timeout");
        let output = client.args(["1.5", "bash", "-c", &script]).output();
        let output = output.expect("timeout can be started");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }

    fn greet(address: Ipv4Addr) {
        let listener = TcpListener::bind((address, PORT)).expect("a namespace is empty");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                drop(std::io::Write::write_all(&mut &client, b"hello\n"));
            }
        });
    }

    #[test]
    fn faults_tell_the_monitor_from_the_servers_and_from_the_test() {
        let namespace = Namespace::enter();
        greet(SERVER);
        greet(OTHER);
        let (monitor, server) = (Account::monitor(), Account::named("nobody"));
        let hello = "<hello>\n";
        for (account, traffic, other) in [
            (&monitor, Traffic::Probes, &server),
            (&server, Traffic::Replication, &monitor),
            (&server, Traffic::Both, &Account::current()),
        ] {
            assert_eq!(greeting(account, SERVER), hello, "before {traffic:?}");
            let fault = namespace.fault(traffic, &[SERVER], Effect::Lost);
            assert_eq!(greeting(account, SERVER), "", "{traffic:?}");
            assert_eq!(greeting(account, OTHER), hello, "another server than {traffic:?}");
            assert_eq!(greeting(other, SERVER), hello, "another client than {traffic:?}");
            drop(fault);
            assert_eq!(greeting(account, SERVER), hello, "after {traffic:?}");
        }
    }

    #[test]
    fn every_effect_is_seen_by_a_client() {
        let namespace = Namespace::enter();
        greet(SERVER);
        let monitor = Account::monitor();
        for (effect, sign) in [
            (Effect::HalfOpen, "<>"),
            (Effect::Reset, "refused"),
            (Effect::NoRoute, "unreachable"),
            (Effect::SomeLost(99), ""),
        ] {
            let _fault = namespace.fault(Traffic::Both, &[SERVER], effect);
            let said = greeting(&monitor, SERVER);
            assert!(said.to_lowercase().contains(sign), "{effect:?}: {said}");
            assert!(!sign.is_empty() || said.is_empty(), "{effect:?}: {said}");
        }
        let _fault = namespace.fault(Traffic::Both, &[SERVER], Effect::SomeRefused(50));
        let mut both = BTreeSet::new();
        patience::until("some are refused and some are not", || {
            both.insert(greeting(&monitor, SERVER).contains("refused"));
            both.len() == 2
        });
    }

    #[test]
    fn an_open_connection_falls_silent_and_speaks_again() {
        let namespace = Namespace::enter();
        let listener = TcpListener::bind((SERVER, PORT)).expect("a namespace is empty");
        let opener = thread::spawn(|| {
            let mut pause = Account::monitor().command("bash");
            let script = format!("exec 3<>/dev/tcp/{SERVER}/{PORT}; echo go >&3; read -t 9 -u 3");
            account::run(pause.args(["-c", &script]));
        });
        let (mut client, _) = listener.accept().expect("the opener comes");
        let mut word = [0; 3];
        client.read_exact(&mut word).expect("it speaks");
        let fault = namespace.fault(Traffic::Probes, &[SERVER], Effect::Lost);
        std::io::Write::write_all(&mut client, b"end\n").expect("there is room in the buffer");
        client.set_read_timeout(Some(Duration::from_millis(300))).expect("a duration");
        let silence = client.read(&mut word).expect_err("the opener heard nothing");
        assert_eq!(silence.kind(), ErrorKind::WouldBlock);
        drop(fault);
        client.set_read_timeout(Some(Duration::from_secs(5))).expect("a duration");
        assert_eq!(client.read(&mut word).expect("it left in peace"), 0);
        opener.join().expect("it heard the end");
    }

    #[test]
    fn the_thread_comes_back_and_nothing_is_left() {
        let outside = TcpListener::bind((SERVER, 0)).expect("an address of the tests");
        let address = outside.local_addr().expect("it is bound");
        let reach = |address: SocketAddr| TcpStream::connect(address).is_ok();
        assert!(reach(address));
        {
            let _namespace = Namespace::enter();
            assert!(!reach(address));
        }
        assert!(reach(address));
    }
}
