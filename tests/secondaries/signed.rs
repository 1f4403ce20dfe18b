//! The zone signed by a stock server in front: a validating unbound that has that server's key as its trust
//! anchor believes it, through changes of the write name, and believes nobody who does not sign.

use std::{
    fmt::Write as _,
    fs,
    net::{IpAddr, SocketAddr},
    process::Output,
};

use tempfile::TempDir;

use crate::{
    account::Account,
    patience, ports,
    primary::{Primary, Setup, WRITE, ZONE},
    process::ServerProcess,
    secondary::{Kind, Secondary},
};

#[test]
fn knot_signs_the_zone() {
    is_believed(Kind::Knot, "knot", 35);
}

#[test]
fn bind_signs_the_zone() {
    is_believed(Kind::Bind, "bind", 36);
}

fn is_believed(kind: Kind, word: &str, number: u8) {
    let mut primary = Primary::new(Setup { number, has_key: true, ..Setup::default() });
    primary.start();
    let settings = primary.settings_with(&[word, "--signed"]);
    let mut signer = Secondary::start_as(kind, &primary, |_| settings.clone(), &[]);
    let mut anchor = String::new();
    patience::until("the zone has a key", || {
        assert!(signer.is_running(), "{}", signer.log_tail());
        anchor = keys(signer.address());
        !anchor.is_empty()
    });
    let resolver = Validator::start(&anchor, signer.address());
    for server in [1, 2, 3, 1] {
        primary.pin(server);
        let expected = vec![IpAddr::from(primary.server(server))];
        let mut last = None;
        let came = patience::poll(patience::PATIENCE, || {
            let answer = Answer::of(resolver.address, WRITE);
            let is_right = answer.is_authentic && answer.addresses == expected;
            last = Some(answer);
            is_right.then_some(())
        });
        assert!(came.is_some(), "db{server}: {last:?}\n{}", signer.log_tail());
    }
    // That there is no such name is signed, too.
    let nobody = Answer::of(resolver.address, "nobody.db.internal.");
    assert!(nobody.is_authentic && nobody.code == "NXDOMAIN", "{nobody:?}");
    // Whoever has the anchor does not believe us, who sign nothing.
    let doubter = Validator::start(&anchor, primary.address());
    patience::until("what is not signed is not believed", || {
        let answer = Answer::of(doubter.address, WRITE);
        assert!(answer.addresses.is_empty(), "{answer:?}");
        answer.code == "SERVFAIL"
    });
}

/// A validating unbound that asks one server for the zone.
struct Validator {
    address: SocketAddr,
    _process: ServerProcess,
    _directory: TempDir,
}

impl Validator {
    fn start(anchor: &str, server: SocketAddr) -> Self {
        let directory = Account::current().directory("pointsman-validator-");
        let (folder, address) = (directory.path(), ports::free_for_dns());
        fs::write(folder.join("anchor"), anchor).expect("a file can be written");
        let (ip, port, at) = (address.ip(), address.port(), folder.display());
        let config = format!(
            "server:\n    interface: {ip}@{port}\n    port: {port}\n    username: \"\"\n    \
             chroot: \"\"\n    directory: \"{at}\"\n    pidfile: \"\"\n    use-syslog: no\n    \
             do-not-query-localhost: no\n    local-zone: \"internal.\" nodefault\n    \
             module-config: \"validator iterator\"\n    trust-anchor-file: \"{at}/anchor\"\n\
             stub-zone:\n    name: \"{ZONE}\"\n    stub-addr: {}@{}\n\
             remote-control:\n    control-enable: no\n",
            server.ip(),
            server.port()
        );
        fs::write(folder.join("unbound.conf"), config).expect("a file can be written");
        let mut command = Account::current().command("/usr/sbin/unbound");
        command.args(["-d", "-p", "-c"]).arg(folder.join("unbound.conf")).current_dir(folder);
        let mut process = ServerProcess::spawn(command, &folder.join("log"));
        patience::until("the resolver answers", || {
            assert!(process.is_running(), "{}", process.log_tail());
            !Answer::of(address, ZONE).code.is_empty()
        });
        Self { address, _process: process, _directory: directory }
    }
}

/// What `dig` shows.
#[derive(Debug)]
struct Answer {
    /// NOERROR, NXDOMAIN or another; empty without a reply.
    code: String,
    /// The flag AD: whoever answers has validated.
    is_authentic: bool,
    addresses: Vec<IpAddr>,
}

impl Answer {
    fn of(server: SocketAddr, name: &str) -> Self {
        let text = dig(server, &[name, "A", "+dnssec"]);
        let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
        let word = |rest: &str| rest.split([',', ';']).next().unwrap_or_default().to_owned();
        let flags = after("flags:").map(word).unwrap_or_default();
        let records = text.lines().filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [owner, _, "IN", "A", address] = words[..] else { return None };
            address.parse().ok().filter(|_| owner == name)
        });
        Self {
            code: after("status: ").map(word).unwrap_or_default(),
            is_authentic: flags.split_whitespace().any(|flag| flag == "ad"),
            addresses: records.collect(),
        }
    }
}

/// The DNSKEY records of the zone, as a zone file has them.
fn keys(server: SocketAddr) -> String {
    let text = dig(server, &[ZONE, "DNSKEY"]);
    let mut keys = String::new();
    for line in text.lines().filter(|line| line.contains("\tDNSKEY\t")) {
        let _ = writeln!(keys, "{line}");
    }
    keys
}

fn dig(server: SocketAddr, arguments: &[&str]) -> String {
    let mut command = Account::current().command("dig");
    command.args(["+tries=1", "+time=2", "-p", &server.port().to_string()]);
    let output = command.arg(format!("@{}", server.ip())).args(arguments).output();
    let Output { stdout, .. } = output.expect("dig runs");
    String::from_utf8_lossy(&stdout).into_owned()
}
