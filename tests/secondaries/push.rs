//! Names in zones of others: BIND and Knot DNS that take updates, and writers that compete.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    str::FromStr,
    sync::Arc,
};

use hickory_proto::{op::ResponseCode, rr::LowerName, rr::Name};
use pointsman::{
    config::{KeyAlgorithm, KeyConfig},
    engine::Moment,
    push::{Ledger, OwnerText, Place, PushRules, Reading, Remembered, Verdict, Wish, exchange},
    transfer::Key,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    account::{self, Account},
    dns_client::DnsClient,
    patience, ports,
    primary::{Primary, SECRET, Setup},
    process::ServerProcess,
    story::name,
};

const CORP: &str = "corp.example.";
const NAME: &str = "db-write.corp.example.";
const KEY: &str = "upd.corp.example";

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bind,
    Knot,
}

/// A server of somebody else's zone. Dropped, it is killed.
struct Corp {
    process: ServerProcess,
    address: SocketAddr,
    folder: TempDir,
}

impl Corp {
    /// With what `docs/SECONDARIES.md` says of the key, and with these records beside.
    fn start(kind: Kind, records: &str) -> Self {
        Self::start_at(ports::free_for_dns(), kind, records)
    }

    fn start_at(address: SocketAddr, kind: Kind, records: &str) -> Self {
        let folder = Account::current().directory("pointsman-corp-");
        let at = folder.path();
        let zone = format!(
            "$ORIGIN {CORP}\n@ 300 SOA ns hostmaster ( 1 3600 600 86400 5 )\n@ 300 NS ns\n\
             ns 300 A 127.0.0.1\nwww 300 A 192.0.2.80\n{records}"
        );
        fs::write(at.join("corp.zone"), zone).expect("a file can be written");
        let mut command = match kind {
            Kind::Bind => bind(at, address),
            Kind::Knot => knot(at, address),
        };
        command.current_dir(at);
        let mut process = ServerProcess::spawn(command, &at.join("log"));
        let mut client = DnsClient::new(address);
        patience::until("the zone is answered", || {
            assert!(process.is_running(), "{}", process.log_tail());
            client.addresses(&name("www.corp.example.")).is_some_and(|a| a.addresses.len() == 1)
        });
        Self { process, address, folder }
    }

    fn client(&self) -> DnsClient {
        DnsClient::new(self.address)
    }

    /// Changes the zone as its administrator.
    fn change(&self, commands: &str) {
        let script = self.folder.path().join("update");
        let (ip, port) = (self.address.ip(), self.address.port());
        let text = format!("server {ip} {port}\nzone {CORP}\n{commands}\nsend\n");
        fs::write(&script, text).expect("a file can be written");
        let mut command = Account::current().command("nsupdate");
        command.args(["-y", &format!("hmac-sha256:admin:{SECRET}")]).arg(&script);
        account::run(&mut command);
    }
}

fn bind(at: &Path, address: SocketAddr) -> std::process::Command {
    let (ip, port, folder) = (address.ip(), address.port(), at.display());
    let config = format!(
        r#"options {{ directory "{folder}"; pid-file none; session-keyfile none; lock-file none;
    listen-on port {port} {{ {ip}; }}; listen-on-v6 {{ none; }}; recursion no; }};
controls {{ }};
key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
key "admin" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
zone "corp.example" {{ type primary; file "corp.zone";
    update-policy {{
        grant "{KEY}" name db-write.corp.example A AAAA;
        grant "{KEY}" name _pointsman.db-write.corp.example TXT;
        grant "admin" subdomain corp.example ANY;
    }};
}};
"#
    );
    fs::write(at.join("named.conf"), config).expect("a file can be written");
    let mut command = Account::current().command("/usr/sbin/named");
    command.args(["-g", "-4", "-c"]).arg(at.join("named.conf"));
    command
}

fn knot(at: &Path, address: SocketAddr) -> std::process::Command {
    let (ip, port, folder) = (address.ip(), address.port(), at.display());
    let config = format!(
        r#"server:
    rundir: "{folder}"
    listen: {ip}@{port}
database:
    storage: "{folder}"
log:
  - target: stderr
    any: info
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {SECRET}
  - id: admin
    algorithm: hmac-sha256
    secret: {SECRET}
acl:
  - id: pointsman
    key: {KEY}
    action: [query, update]
    update-type: [A, AAAA, TXT]
    update-owner: name
    update-owner-match: sub-or-equal
    update-owner-name: [db-write.corp.example.]
  - id: admin
    key: admin
    action: [query, update]
zone:
  - domain: corp.example
    storage: "{folder}"
    file: corp.zone
    acl: [pointsman, admin]
"#
    );
    fs::write(at.join("knot.conf"), config).expect("a file can be written");
    let mut command = Account::current().command("/usr/sbin/knotd");
    command.arg("-c").arg(at.join("knot.conf"));
    command
}

fn says(client: &mut DnsClient, address: impl Into<IpAddr>) -> bool {
    let answer = client.addresses(&name(NAME));
    let address = address.into();
    answer.is_some_and(|answer| answer.addresses == [address])
}

fn owner(client: &mut DnsClient) -> Vec<String> {
    client.texts(&name("_pointsman.db-write.corp.example."))
}

/// A name is made, follows, is put right, survives us and our restart, and its epoch grows.
fn is_kept(kind: Kind, number: u8) {
    let corp = Corp::start(kind, "");
    let setup = Setup { number, push_to: Some(corp.address), ..Setup::default() };
    let mut primary = Primary::new(setup);
    primary.start();
    let mut client = corp.client();
    let tell = |primary: &Primary| {
        format!(
            "{}\n{}\n-- corp\n{}",
            primary.status(),
            primary.log_tail(),
            corp.process.log_tail()
        )
    };
    let mut expect = |what: &str, primary: &Primary, server: u8| {
        let said = patience::poll(patience::PATIENCE, || {
            says(&mut client, primary.server(server)).then_some(())
        });
        assert!(said.is_some(), "{kind:?}: {what}\n{}", tell(primary));
    };
    expect("the name is made", &primary, 1);
    for server in [2, 3, 2] {
        primary.pin(server);
        expect("the name follows", &primary, server);
    }
    let mut client = corp.client();
    let before = owner(&mut client);
    assert!(before.len() == 1 && before[0].contains("epoch=4 id=orders"), "{before:?}");
    // An administrator's change is put right by the same epoch.
    corp.change(&format!("update delete {NAME} A\nupdate add {NAME} 60 A 192.0.2.66"));
    assert!(says(&mut client, [192, 0, 2, 66]));
    expect("a stranger's change is put right", &primary, 2);
    assert_eq!(owner(&mut client), before);
    // The same writer after a restart is no change; another one is the next.
    primary.kill();
    primary.start();
    patience::until("we are level", || primary.status().contains("level"));
    assert_eq!(owner(&mut client), before);
    primary.pin(3);
    expect("the name follows after a restart", &primary, 3);
    let after = owner(&mut client);
    assert!(after[0].contains("epoch=5 id=orders"), "{after:?}");
}

#[test]
fn bind_is_kept() {
    is_kept(Kind::Bind, 23);
}

#[test]
fn knot_is_kept() {
    is_kept(Kind::Knot, 24);
}

/// The first server of a zone that answers is told. One that comes back without what was written meanwhile, as from
/// a backup, is put right, and the epoch does not go back.
#[test]
fn the_next_server_is_told_while_the_first_is_away() {
    let first = Corp::start(Kind::Bind, "");
    let second = Corp::start(Kind::Knot, "");
    let (address, also) = (first.address, second.address);
    let setup =
        Setup { number: 39, push_to: Some(address), push_also_to: Some(also), ..Setup::default() };
    let mut primary = Primary::new(setup);
    primary.start();
    let expect = |corp: &Corp, what: &str, server: u8| {
        let mut client = corp.client();
        let said = patience::poll(patience::PATIENCE, || {
            says(&mut client, primary.server(server)).then_some(())
        });
        assert!(said.is_some(), "{what}\n{}\n{}", primary.status(), primary.log_tail());
    };
    expect(&first, "the first server is told", 1);
    patience::until("it is seen that the second does not follow", || {
        primary.status().contains(&also.to_string())
    });
    assert!(!says(&mut second.client(), primary.server(1)), "nobody copies the zone to it");
    drop(first);
    primary.pin(2);
    expect(&second, "the second server is told", 2);
    primary.pin(3);
    expect(&second, "the second server follows", 3);
    let epoch = |corp: &Corp| {
        let text = owner(&mut corp.client()).pop().expect("an owner record");
        let epoch = text.split_once("epoch=").expect("an epoch").1;
        epoch.split(' ').next().expect("a word").parse::<u64>().expect("a number")
    };
    let reached = epoch(&second);
    let first = Corp::start_at(address, Kind::Bind, "");
    expect(&first, "the first server is put right", 3);
    assert!(epoch(&first) >= reached, "{} < {reached}", epoch(&first));
}

/// What is of somebody else stays as it is, and is told.
fn is_left_alone(kind: Kind, number: u8) {
    for (records, words) in [
        ("db-write 60 CNAME www\n", "CNAME"),
        ("db-write 60 A 192.0.2.66\n", "adopt = true"),
        ("db-write 60 MX 10 www\n", "MX"),
        ("_pointsman.db-write 60 TXT \"v=1 epoch=9 id=users set=0000000000000000\"\n", "users"),
        ("_pointsman.db-write 60 TXT \"heritage=external-dns\"\n", "owner record"),
    ] {
        let corp = Corp::start(kind, records);
        let setup = Setup { number, push_to: Some(corp.address), ..Setup::default() };
        let mut primary = Primary::new(setup);
        let mut client = corp.client();
        let before = client.serial(&name(CORP));
        primary.start();
        let mut status = String::new();
        let told = patience::poll(patience::PATIENCE, || {
            status = primary.status();
            (status.contains("blocked") && status.contains(words)).then_some(())
        });
        assert!(told.is_some(), "{kind:?} {records}: {status}\n{}", primary.log_tail());
        primary.pin(2);
        let mut ours = primary.client();
        patience::until("we say another", || {
            let answer = ours.addresses(&name(crate::primary::WRITE));
            answer.is_some_and(|answer| answer.addresses == [primary.server(2)])
        });
        assert_eq!(client.serial(&name(CORP)), before, "{kind:?} {records}");
    }
}

#[test]
fn bind_is_left_alone() {
    is_left_alone(Kind::Bind, 25);
}

#[test]
fn knot_is_left_alone() {
    is_left_alone(Kind::Knot, 26);
}

/// Two writers that race, so many times: `POINTSMAN_RACES`, or as many as a gate has time for.
fn races() -> usize {
    let said = std::env::var("POINTSMAN_RACES").ok();
    said.and_then(|number| number.parse().ok()).unwrap_or(50)
}

struct Race {
    place: Place,
    server: SocketAddr,
    key: Key,
}

impl Race {
    fn of(corp: &Corp) -> Self {
        let key = KeyConfig {
            name: LowerName::from_str("upd.corp.example.").expect("a name"),
            algorithm: KeyAlgorithm::HmacSha256,
            secret: b"0123456789abcdef0123456789abcdef"[..].into(),
            secret_file: "x.key".into(),
        };
        let place = Place {
            zone: Name::from_ascii(CORP).expect("a name"),
            name: name(NAME),
            owner: name("_pointsman.db-write.corp.example."),
        };
        Self { place, server: corp.address, key: Key::new(&Arc::new(key)) }
    }

    async fn read(&self, id: u16) -> Reading {
        let questions = self.place.questions(id);
        let replies = exchange(self.server, &self.key, &questions).await.expect("an answer");
        self.place.read(&replies).expect("a reading")
    }

    /// Writes until it is level or has lost. Returns how many updates it sent, and how many were taken.
    async fn run(&self, ledger: &mut Ledger, ids: u16) -> (u32, u32) {
        let (mut sent, mut taken) = (0, 0);
        for step in 0..20 {
            let id = ids.wrapping_add(step * 8);
            let reading = self.read(id).await;
            let update = match ledger.judge(&reading, Moment::START) {
                Verdict::Write(update, _) => update,
                Verdict::ReadAgain => continue,
                _ => return (sent, taken),
            };
            let message = update.message(&self.place, id.wrapping_add(7));
            let replies = exchange(self.server, &self.key, &[message]).await.expect("an answer");
            sent += 1;
            match replies[0].metadata.response_code {
                ResponseCode::NoError => taken += 1,
                ResponseCode::NXRRSet | ResponseCode::YXRRSet | ResponseCode::YXDomain => {}
                code => panic!("an update is answered with {code}"),
            }
        }
        panic!("no end");
    }
}

fn compete(kind: Kind) {
    let corp = Corp::start(kind, "");
    let race = Race::of(&corp);
    let runtime = Runtime::new().expect("a runtime");
    let mut rng = SmallRng::seed_from_u64(2136);
    let mut epoch = 0;
    for number in 0..races() {
        // Both have seen a change since the last race; one of them more of them.
        let seen = [epoch + rng.random_range(0..3), epoch + rng.random_range(0..3)];
        let mut writers = [0, 1].map(|which: usize| {
            let rules = PushRules { id: "orders".into(), adopt: false, push_empty: false };
            let remembered = Remembered { epoch: seen[which], fingerprint: None };
            let mut ledger = Ledger::new(rules, Some(remembered));
            let last = u8::try_from(which + 1).expect("two");
            let third = u8::try_from(number % 200).expect("small");
            let addresses = BTreeSet::from([IpAddr::from([10, 0, third, last])]);
            ledger.want(Wish { addresses, ttl: 1 });
            ledger
        });
        let [first, second] = &mut writers;
        let (one, other) = runtime.block_on(async {
            tokio::join!(race.run(first, rng.random()), race.run(second, rng.random()))
        });
        let last = runtime.block_on(race.read(rng.random()));
        let OwnerText::Owner(owner) = &last.owner else { panic!("race {number}: {last:?}") };
        let epochs = writers.each_ref().map(|writer| writer.remembered().epoch);
        let highest = epochs[0].max(epochs[1]);
        assert_eq!(owner.epoch, highest, "race {number}: {epochs:?}");
        assert!(one.1 + other.1 >= 1 && one.0 + other.0 <= 4, "race {number}: {one:?} {other:?}");
        // What stands there is whole: the addresses of who wrote the owner record.
        let fingerprint = pointsman::push::Fingerprint::of(&last.addresses);
        assert_eq!(fingerprint, owner.fingerprint, "race {number}: {last:?}");
        let winners = epochs.iter().filter(|epoch| **epoch == highest).count();
        if winners == 1 {
            let winner = usize::from(epochs[1] == highest);
            let IpAddr::V4(address) = last.addresses.first().expect("an address") else {
                panic!("IPv4");
            };
            assert_eq!(usize::from(address.octets()[3]), winner + 1, "race {number}");
        }
        epoch = highest;
    }
}

#[test]
fn two_writers_compete_for_a_name_of_bind() {
    compete(Kind::Bind);
}

#[test]
fn two_writers_compete_for_a_name_of_knot() {
    compete(Kind::Knot);
}
