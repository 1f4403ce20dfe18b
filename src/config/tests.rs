//! Whole configurations in, settings out. What broken ones say is in `tests/config_files.rs`.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Config, DnsConfig, ExposeConfig, LogConfig, LogFormat, Networks, ProbeTarget, RateLimitConfig,
    Secrets, Sources, TargetHost, TcpConfig, TlsListenConfig, TlsMode, dns::LISTEN, log::LogLevel,
};
use crate::{
    answers::{Balance, NameRole},
    engine::{
        ClusterId, ClusterKind, Failback, OnNewerTimeline, OnNotWritable, OnSplitBrain, Thresholds,
    },
};

const ZONE: &str = "@ 1 SOA ns1 hostmaster 1 3600 600 86400 1\n@ 60 NS ns1\nns1 60 A 10.0.0.53\n";

/// Files and variables in memory.
#[derive(Default)]
struct Memory {
    files: BTreeMap<PathBuf, Vec<u8>>,
    variables: BTreeMap<&'static str, &'static str>,
}

impl Memory {
    fn with(files: &[(&str, &str)]) -> Self {
        let zone = [("etc/internal.zone", ZONE)];
        Self {
            files: zone
                .iter()
                .chain(files)
                .map(|(path, content)| (path.into(), content.as_bytes().to_vec()))
                .collect(),
            variables: BTreeMap::new(),
        }
    }
}

impl Sources for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.files.get(path).cloned();
        content.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).map(Into::into)
    }
}

fn load_from(text: &str, sources: &Memory) -> Config {
    Config::from_text(text, Path::new("etc/pointsman.toml"), sources)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// One cluster of `engine` around `probe` lines and `server` lines.
fn one(engine: &str, probe: &str, server: &str) -> String {
    format!(
        r#"
        zone = [{{ origin = "internal", file = "internal.zone" }}]
        [[cluster]]
        name = "c"
        engine = "{engine}"
        write = {{ name = "w.internal" }}
        [[cluster.read]]
        name = "r.internal"
        [cluster.probe]
        {probe}
        [[cluster.server]]
        name = "s1"
        address = "10.0.0.1"
        {server}
        "#
    )
}

const USER: &str = "user = \"u\"\n";

#[test]
fn what_is_left_out_has_its_default() {
    let config = load_from(&one("postgres", USER, ""), &Memory::with(&[]));
    assert!(config.dns.workers >= 1);
    let workers = config.dns.workers;
    assert_eq!(config.dns, DnsConfig::on(vec![LISTEN], workers));
    assert_eq!(config.state.directory, None);
    assert_eq!(config.admin, super::AdminConfig::default());
    let [cluster] = &config.clusters[..] else {
        panic!("{config:?}");
    };
    assert_eq!(cluster.kind, ClusterKind::Postgres);
    let write = cluster.write.expect("a write name");
    assert_eq!(write.on_not_writable, OnNotWritable::Empty);
    assert_eq!(write.on_split_brain, OnSplitBrain::Keep);
    assert_eq!((write.on_newer_timeline, write.shared_storage), (OnNewerTimeline::Follow, false));
    assert_eq!(write.failback, Failback::Stay);
    let read = cluster.reads[0];
    assert_eq!(
        (read.max_lag, read.min_servers, read.include_primary),
        (Duration::from_secs(10), 1, false)
    );
    assert_eq!(
        cluster.thresholds,
        Thresholds {
            fall: 3,
            rise: 2,
            stale_after: Duration::from_millis(8125),
            first_round: Duration::from_secs(2),
        }
    );
    let probe = &cluster.probe;
    assert_eq!((&*probe.user, &*probe.database), ("u", "postgres"));
    assert!(probe.password.is_none() && !probe.heartbeat_write);
    assert!(matches!(probe.tls, TlsMode::Prefer));
    assert_eq!(
        (probe.interval, probe.fast_interval, probe.timeout),
        (Duration::from_secs(1), Duration::from_millis(250), Duration::from_millis(1500))
    );
    let server = &cluster.servers[0];
    assert_eq!((server.port, server.priority), (5432, 100));
    assert_eq!((server.weight, server.port), (1, 5432));
    assert_eq!(server.target.to_string(), "10.0.0.1:5432");
}

/// The settings of DNS in a file that begins with `lines`, beside one cluster.
fn dns(lines: &str, sources: &Memory) -> DnsConfig {
    load_from(&format!("{}\n{lines}", one("postgres", USER, "")), sources).dns
}

#[test]
fn networks_are_words_or_lists() {
    let read = |value: &str| {
        let lines = format!("[dns]\nallow_query = {value}");
        dns(&lines, &Memory::with(&[])).allow_query
    };
    let only = |networks: &[&str]| {
        Networks::Only(networks.iter().map(|text| text.parse().unwrap()).collect())
    };
    assert_eq!(read("\"all\""), Networks::All);
    assert_eq!(read("\"none\""), Networks::Nobody);
    assert_eq!(read("[\"loopback\", \"private\"]"), Networks::local());
    assert_eq!(
        read("[\"10.0.0.1\", \"10.1.0.0/16\", \"fd00::1\", \"::/0\", \"0.0.0.0/0\"]"),
        only(&["10.0.0.1/32", "10.1.0.0/16", "fd00::1/128", "::/0", "0.0.0.0/0"])
    );
}

/// A value for every key of `[dns]`.
const WHOLE_DNS: &str = r#"
        [dns]
        listen = ["127.0.0.1:5300"]
        workers = 3
        identity = "ns1 in Köln"
        allow_query = ["loopback"]
        cookie_secret_file = "c"
        tcp = { max_connections = 100, idle_timeout = "500ms" }
        tls = { listen = ["[::1]:853"], certificate_file = "dns.pem", key_file = "dns.key" }
        [dns.rate_limit]
        responses_per_second = 10
        slip = 2
        ipv4_prefix = 32
        ipv6_prefix = 64
        exempt = "none"
        [dns.expose]
        srv = "none"
        servers = "none"
        status = "all"
        why = "all"
        events = "all"
        version = "none"
        identity = "all"
"#;

#[test]
fn everything_about_dns_can_be_said() {
    let pem = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config_faults/parts/");
        fs::read_to_string(format!("{folder}{name}")).expect("a part of the cases")
    };
    let sources = Memory::with(&[
        ("etc/c", "000102030405060708090a0b0c0d0e0f\r\nFFeeddccbbaa99887766554433221100"),
        ("etc/dns.pem", &pem("good.pem")),
        ("etc/dns.key", &pem("good.key")),
    ]);
    let config = dns(WHOLE_DNS, &sources);
    let shown = format!("{config:?}");
    assert!(!shown.contains("238") && shown.contains("2 of them"), "shows a secret: {shown}");
    let (all, nobody) = (Networks::All, Networks::Nobody);
    let expected = DnsConfig {
        listen: vec!["127.0.0.1:5300".parse().unwrap()],
        workers: 3,
        identity: Some("ns1 in Köln".into()),
        allow_query: Networks::Only(["127.0.0.0/8", "::1/128"].map(|n| n.parse().unwrap()).into()),
        cookie_secrets: vec![
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            [255, 238, 221, 204, 187, 170, 153, 136, 119, 102, 85, 68, 51, 34, 17, 0],
        ],
        tcp: TcpConfig {
            max_connections: 100,
            max_connections_per_client: 100,
            idle_timeout: Duration::from_millis(500),
        },
        tls: Some(TlsListenConfig {
            listen: vec!["[::1]:853".parse().unwrap()],
            certificate_file: "etc/dns.pem".into(),
            key_file: "etc/dns.key".into(),
        }),
        rate_limit: RateLimitConfig {
            responses_per_second: 10,
            slip: 2,
            ipv4_prefix: 32,
            ipv6_prefix: 64,
            exempt: nobody.clone(),
        },
        expose: ExposeConfig {
            srv: nobody.clone(),
            servers: nobody.clone(),
            status: all.clone(),
            why: all.clone(),
            events: all.clone(),
            version: nobody,
            identity: all,
        },
    };
    assert_eq!(config, expected);
}

#[test]
fn names_follow_their_cluster_and_rule() {
    let second = r#"
        [[cluster]]
        name = "d"
        engine = "tcp"
        [[cluster.read]]
        name = "x.Internal."
        [[cluster.read]]
        name = "y.internal"
        ttl = "1m"
        ttl_unstable = "5s"
        balance = "client-hash"
        max_answers = 3
        [[cluster.server]]
        name = "t1"
        address = ["10.0.1.1", "fd00::1"]
        port = 80
        weight = 0
    "#;
    let text = one("mysql", USER, "") + second;
    let config = load_from(&text, &Memory::with(&[]));
    assert_eq!(config.clusters[0].servers[0].port, 3306);
    assert_eq!(&*config.clusters[0].probe.database, "");
    let shown: Vec<_> = config
        .clusters
        .iter()
        .flat_map(|cluster| &cluster.names)
        .map(|name| (name.name.to_string(), name.cluster, name.role, (name.ttl, name.ttl_unstable)))
        .collect();
    let read = |index, balance, max_answers| NameRole::Read { index, balance, max_answers };
    let (c, d) = (ClusterId(0), ClusterId(1));
    assert_eq!(
        shown,
        [
            ("w.internal.".into(), c, NameRole::Write, (1, 1)),
            ("r.internal.".into(), c, read(0, Balance::Shuffle, None), (2, 1)),
            ("x.internal.".into(), d, read(0, Balance::Shuffle, None), (2, 1)),
            ("y.internal.".into(), d, read(1, Balance::ClientHash, Some(3)), (60, 5)),
        ]
    );
    let published = &config.clusters[1].servers[0];
    assert_eq!((published.addresses.len(), published.port, published.weight), (2, 80, 0));
    assert_eq!(config.clusters[1].write, None);
}

#[test]
fn a_server_is_known_by_every_name_it_has() {
    let probe_at = |place: &str| {
        let server = format!("port = 5433\nprobe_address = \"{place}\"");
        let mut config = load_from(&one("postgres", USER, &server), &Memory::with(&[]));
        let mut cluster = config.clusters.remove(0);
        let aliases = cluster.policy().servers.remove(0).aliases.join(" ");
        (cluster.servers.remove(0).target, aliases)
    };
    let named = |name: &str, port| ProbeTarget { host: TargetHost::Name(name.into()), port };
    assert_eq!(
        probe_at("db.example"),
        (named("db.example", 5433), "10.0.0.1 db.example s1".into())
    );
    assert_eq!(probe_at("db.example:1"), (named("db.example", 1), "10.0.0.1 db.example s1".into()));
    assert_eq!(
        probe_at("10.0.0.1"),
        (
            ProbeTarget {
                host: TargetHost::Address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))),
                port: 5433,
            },
            "10.0.0.1 s1".into()
        )
    );
}

#[test]
fn a_password_has_one_source_and_is_never_shown() {
    let mut sources = Memory::with(&[("etc/p", "hunter2\r\n"), ("/cred/orders", "hunter2")]);
    sources.variables = [("PW", "hunter2"), ("CREDENTIALS_DIRECTORY", "/cred")].into();
    for source in
        ["password_file = \"p\"", "password_env = \"PW\"", "password_credential = \"orders\""]
    {
        let config = load_from(&one("postgres", &format!("{USER}{source}"), ""), &sources);
        let password = config.clusters[0].probe.password.as_ref();
        assert_eq!(password.map(super::Secret::reveal), Some("hunter2"), "{source}");
        assert!(!format!("{config:?}").contains("hunter2"), "{source}");
    }
}

#[test]
fn authorities_come_from_pem() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config_faults/parts/good.pem");
    let pem = fs::read_to_string(path).expect("good.pem");
    let sources = Memory::with(&[("etc/ca.pem", &(pem.clone() + &pem))]);
    let probe = format!("{USER}tls = \"verify-full\"\nca_file = \"ca.pem\"");
    let config = load_from(&one("postgres", &probe, ""), &sources);
    let TlsMode::VerifyFull { authorities } = &config.clusters[0].probe.tls else {
        panic!("{config:?}");
    };
    assert_eq!(authorities.len(), 2);
    assert_eq!(authorities[0][0], 0x30, "DER begins with a SEQUENCE");
}

#[test]
fn slow_probes_wait_longer_and_fast_ones_stay_below_the_calm_cadence() {
    let probe = format!("{USER}interval = \"200ms\"\ntimeout = \"2s\"");
    let cluster = load_from(&one("postgres", &probe, ""), &Memory::with(&[])).clusters.remove(0);
    assert_eq!(cluster.probe.fast_interval, Duration::from_millis(200));
    assert_eq!(cluster.thresholds.stale_after, Duration::from_millis(8750));
    let probe = format!("{USER}timeout = \"50ms\"");
    let cluster = load_from(&one("postgres", &probe, ""), &Memory::with(&[])).clusters.remove(0);
    assert_eq!(cluster.thresholds.stale_after, Duration::from_micros(6_312_500));
    assert_eq!(cluster.thresholds.first_round, Duration::from_millis(550));
}

#[test]
fn a_name_goes_to_the_innermost_zone() {
    let text = one("postgres", USER, "")
        .replace("zone = [", "zone = [{ origin = \"sub.internal\", file = \"sub.zone\" }, ");
    let sources = Memory::with(&[("etc/sub.zone", &format!("{ZONE}r 60 A 10.0.0.9\n"))]);
    let config = load_from(&text, &sources);
    assert_eq!(config.zones.len(), 2);
    let error = Config::from_text(
        &text.replace("\"r.internal\"", "\"r.sub.internal\""),
        Path::new("etc/pointsman.toml"),
        &sources,
    )
    .expect_err("a clash with the inner zone's record");
    assert_eq!(error.faults().len(), 1);
    assert!(error.to_string().contains("static records"), "{error}");
}

#[test]
fn an_unreadable_file_is_one_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let absent = folder.path().join("absent.toml");
    let error = Config::load(&absent).expect_err("no file");
    assert_eq!(
        error.to_string(),
        format!(
            "{}: cannot be read: No such file or directory (os error 2); \
             name the file with --config or POINTSMAN_CONFIG",
            absent.display()
        )
    );
    let binary = folder.path().join("binary.toml");
    fs::write(&binary, b"[dns]\nworkers = \xFF\n").expect("a file");
    let error = Config::load(&binary).expect_err("no text");
    assert_eq!(
        error.to_string(),
        format!("{}:2:11: not UTF-8; save the file as UTF-8", binary.display())
    );
}

/// One cluster behind one zone, with these sections in front.
fn with_zone(before: &str, zone: &str, engine: &str) -> String {
    format!(
        "{before}\n[[zone]]\norigin = \"db.internal.\"\n{zone}\n[[cluster]]\nname = \"orders\"\n\
         engine = \"{engine}\"\nwrite = {{ name = \"write.db.internal.\" }}\n\
         probe = {{ user = \"pointsman\" }}\n\
         server = [{{ name = \"db1\", address = \"127.0.1.1\" }}]\n"
    )
}

/// Every record of the first zone, as `name TTL type data`.
fn records(config: &Config) -> Vec<String> {
    let zone = &config.zones[0];
    let sets = zone.names().filter_map(|name| zone.records(name)).flat_map(BTreeMap::values);
    let line = |record: &hickory_proto::rr::Record| {
        format!("{} {} {} {}", record.name, record.ttl, record.record_type(), record.data)
    };
    let mut lines: Vec<_> = sets.flatten().map(line).collect();
    lines.sort();
    lines
}

/// `docs/CONFIGURATION.md`, "[[zone]]", has the same records.
#[test]
fn a_zone_without_a_file_is_made_up_of_where_we_listen() {
    let text = with_zone(
        "[dns]\nlisten = [\"10.0.0.53:53\", \"10.0.0.53:5300\", \"[fd00::53]:53\", \
         \"0.0.0.0:54\"]\n",
        "",
        "postgres",
    );
    let config = load_from(&text, &Memory::default());
    assert_eq!(
        records(&config),
        [
            "db.internal. 1 SOA ns1.db.internal. hostmaster.db.internal. 1 3600 600 86400 1",
            "db.internal. 3600 NS ns1.db.internal.",
            "ns1.db.internal. 3600 A 10.0.0.53",
            "ns1.db.internal. 3600 AAAA fd00::53",
        ]
    );
    let config = load_from(&with_zone("", "", "postgres"), &Memory::default());
    assert!(records(&config).contains(&"ns1.db.internal. 3600 A 127.0.0.1".to_owned()));
}

#[test]
fn a_zone_file_may_begin_with_a_byte_order_mark() {
    let text = with_zone("", "file = \"db.zone\"", "postgres");
    let plain = load_from(&text, &Memory::with(&[("etc/db.zone", ZONE)]));
    let marked = format!("\u{feff}{ZONE}");
    let marked = load_from(&text, &Memory::with(&[("etc/db.zone", &marked)]));
    assert_eq!(records(&marked), records(&plain));
}

#[test]
fn engines_have_the_names_that_people_give_them() {
    for (word, kind) in [
        ("postgres", ClusterKind::Postgres),
        ("postgresql", ClusterKind::Postgres),
        ("mysql", ClusterKind::MySql),
        ("mariadb", ClusterKind::MySql),
    ] {
        let config = load_from(&with_zone("", "", word), &Memory::default());
        assert_eq!(config.clusters[0].kind, kind, "{word}");
    }
}

#[test]
fn the_log_is_for_people_unless_somebody_says_otherwise() {
    let log = |text: &str| load_from(&with_zone(text, "", "postgres"), &Memory::default()).log;
    assert_eq!(log(""), LogConfig { format: LogFormat::Text, level: LogLevel::Info });
    let said = log("[log]\nformat = \"json\"\nlevel = \"warn\"\n");
    assert_eq!(said, LogConfig { format: LogFormat::Json, level: LogLevel::Warn });
    assert_eq!(said.level.word(), "warn");
}

/// Secrets that this user may not read: the service may, and nobody else has to.
#[test]
fn what_only_the_service_may_read_is_a_fault_of_the_service_alone() {
    struct Closed(Secrets);
    impl Sources for Closed {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let known = path.ends_with("orders.password") || path.ends_with("c");
            Err(if known { io::ErrorKind::PermissionDenied } else { io::ErrorKind::NotFound }
                .into())
        }

        fn variable(&self, _: &str) -> Option<OsString> {
            None
        }

        fn secrets(&self) -> Secrets {
            self.0
        }
    }
    let text = with_zone("[dns]\ncookie_secret_file = \"c\"\n", "", "postgres");
    let load = |text: &str, secrets| {
        let loaded = Config::from_text(text, Path::new("etc/pointsman.toml"), &Closed(secrets));
        loaded.map(|config| config.unseen.len()).map_err(|error| error.faults().len())
    };
    for (source, faults) in [
        ("password_file = \"orders.password\"", 2),
        ("password_env = \"ORDERS\"", 2),
        ("password_credential = \"orders\"", 2),
    ] {
        let user = "user = \"pointsman\"";
        let text = text.replace(user, &format!("{user}, {source}"));
        assert_eq!(load(&text, Secrets::Needed), Err(faults), "{source}");
        assert_eq!(load(&text, Secrets::OfTheService), Ok(faults), "{source}");
        assert_eq!(load(&text, Secrets::LeftOut), Ok(0), "{source}");
    }
    // A file that is not there is missing for the service, too.
    let missing = text.replace("\"c\"", "\"nowhere\"");
    assert_eq!(load(&missing, Secrets::OfTheService), Err(1));
    assert_eq!(load(&missing, Secrets::LeftOut), Ok(0));
}
