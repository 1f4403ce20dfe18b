//! How the probe's own client gets into a real MariaDB: each way to prove a password that this
//! version has, each mode of TLS; that the server counts no connection as aborted; and what it means
//! to be thrown out right after the login.
//!
//! The certificates in `tests/it/tls` are for 127.22.3.1, so the server listens there.

use std::{fs, net::Ipv4Addr, sync::Arc, time::Duration};

use ::pointsman::{
    config::{ProbeConfig, ProbeTarget, Secret, TargetHost, TlsMode},
    engine::{ClusterKind, Facts, FailureKind, Outcome, ProbeKey},
    metrics::ProbeMeter,
    probe::{self, Target},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::runtime::Runtime;

use crate::{
    mariadb_server::{self, MariaServer},
    patience,
    pointsman::PROBE_PASSWORD,
    ports, turn,
};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 22, 3, 1);
const AUTHORITY: &[u8] = include_bytes!("../it/tls/authority.pem");
const FOREIGN: &[u8] = include_bytes!("../it/tls/self_signed.pem");
const CERTIFICATE: &[u8] = include_bytes!("../it/tls/server.pem");
const KEY: &[u8] = include_bytes!("../it/tls/server.key");

/// Account, the password the probe has, and whether it is let in without TLS and with it.
const ACCOUNTS: [(&str, &str, Option<&str>, bool, bool); 7] = [
    ("native", "mysql_native_password", Some(PROBE_PASSWORD), true, true),
    ("edwards", "ed25519", Some(PROBE_PASSWORD), true, true),
    ("either", "two plugins", Some(PROBE_PASSWORD), true, true),
    ("open", "no password", None, true, true),
    ("strict", "mysql_native_password, REQUIRE SSL", Some(PROBE_PASSWORD), false, true),
    ("edwards", "ed25519, and the probe has another", Some("another"), false, false),
    ("nobody", "no such account", Some(PROBE_PASSWORD), false, false),
];

#[test]
fn mariadb_logins() {
    let _turn = turn();
    let account = mariadb_server::account();
    let directory = account.directory("pointsman-mariadb-");
    let port = ports::free_on(&[ADDRESS]);
    let mut servers = MariaServer::install(&account, &[ADDRESS], port, directory.path());
    let mut settings = vec!["--server-id=1".to_owned(), "--log-bin=binlog".to_owned()];
    for (name, content) in [("cert", CERTIFICATE), ("key", KEY)] {
        let file = directory.path().join(name);
        fs::write(&file, content).expect("a file can be written");
        account.own(&file);
        settings.push(format!("--ssl-{name}={}", file.display()));
    }
    let server = &mut servers[0];
    server.launch(&settings);
    let stage = Stage { server, runtime: mariadb_server::runtime(), port };
    stage.server.wait_for(&stage.runtime, "SELECT 1", "1", "1");
    stage.make_accounts();

    stage.wait_for_the_last();
    let before = stage.aborted("Aborted_clients");
    for (user, what, password, without_tls, with_tls) in ACCOUNTS {
        for (tls, wanted) in [
            (TlsMode::Disable, without_tls),
            (TlsMode::Prefer, with_tls),
            (TlsMode::Require, with_tls),
            (trusting(AUTHORITY), with_tls),
        ] {
            let outcome = stage.probe(user, password, tls.clone());
            let title = format!("{what}, {tls:?}: {outcome:?}");
            match &outcome {
                Outcome::Answered(Facts::MySql(_)) => assert!(wanted, "{title}"),
                Outcome::Failed(failure) => {
                    assert!(!wanted, "{title}");
                    assert_eq!(failure.kind, FailureKind::Misconfigured, "{title}");
                }
                Outcome::Answered(_) | Outcome::Witnessed(..) => panic!("{title}"),
            }
        }
    }
    let failure = stage.probe("native", Some(PROBE_PASSWORD), trusting(FOREIGN));
    assert!(matches!(&failure, Outcome::Failed(failure)
        if failure.kind == FailureKind::Misconfigured && failure.detail.contains("TLS")));

    stage.wait_for_the_last();
    assert_eq!(stage.aborted("Aborted_clients"), before, "a goodbye is missing");
    let refused = stage.aborted("Aborted_connects");
    stage.probe("native", Some(PROBE_PASSWORD), TlsMode::Disable);
    stage.probe("edwards", Some(PROBE_PASSWORD), trusting(AUTHORITY));
    stage.wait_for_the_last();
    assert_eq!(stage.aborted("Aborted_connects"), refused, "a login was broken off");

    // Let in, and thrown out again by what the server does for each new session.
    stage.server.sql(&stage.runtime, &["SET GLOBAL init_connect = 'SELECT * FROM mysql.user'"]);
    let thrown_out = stage.probe("native", Some(PROBE_PASSWORD), TlsMode::Disable);
    assert!(
        matches!(&thrown_out, Outcome::Failed(failure)
        if failure.kind == FailureKind::Misconfigured && failure.detail.contains("1184")),
        "{thrown_out:?}"
    );
}

struct Stage<'a> {
    server: &'a MariaServer,
    runtime: Runtime,
    port: u16,
}

impl Stage<'_> {
    fn make_accounts(&self) {
        let sql = |statement: &str| self.server.sql(&self.runtime, &[statement]);
        sql("INSTALL SONAME 'auth_ed25519'");
        for (user, rule) in [
            ("native", format!("IDENTIFIED BY '{PROBE_PASSWORD}'")),
            ("edwards", format!("IDENTIFIED VIA ed25519 USING PASSWORD('{PROBE_PASSWORD}')")),
            (
                "either",
                format!(
                    "IDENTIFIED VIA ed25519 USING PASSWORD('not this') \
                     OR mysql_native_password USING PASSWORD('{PROBE_PASSWORD}')"
                ),
            ),
            ("open", String::new()),
            ("strict", format!("IDENTIFIED BY '{PROBE_PASSWORD}' REQUIRE SSL")),
        ] {
            sql(&format!("CREATE USER {user}@'127.%' {rule}"));
            sql(&format!("GRANT REPLICA MONITOR ON *.* TO {user}@'127.%'"));
        }
    }

    fn probe(&self, user: &str, password: Option<&str>, tls: TlsMode) -> Outcome {
        let config = ProbeConfig {
            user: user.into(),
            password: password.map(Secret::new),
            database: "".into(),
            tls,
            interval: Duration::from_secs(1),
            fast_interval: Duration::from_millis(250),
            timeout: Duration::from_secs(10),
            heartbeat_write: false,
        };
        let target = Target {
            key: ProbeKey(0),
            target: ProbeTarget { host: TargetHost::Address(ADDRESS.into()), port: self.port },
            kind: ClusterKind::MySql,
            config: Arc::new(config),
            meter: ProbeMeter::default(),
        };
        self.runtime.block_on(probe::once(&target))
    }

    fn aborted(&self, counter: &str) -> String {
        let query = format!(
            "SELECT variable_value FROM information_schema.global_status \
             WHERE variable_name = '{counter}'"
        );
        self.server.value(&self.runtime, &query)
    }

    /// The server has dealt with the end of each connection.
    fn wait_for_the_last(&self) {
        let query = "SELECT count(*) FROM information_schema.processlist \
                     WHERE id <> connection_id() AND user <> 'system user'";
        patience::until("the server has seen the last of the probes", || {
            self.server.value(&self.runtime, query) == "0"
        });
    }
}

fn trusting(pem: &[u8]) -> TlsMode {
    let authority = CertificateDer::from_pem_slice(pem).expect("a certificate");
    TlsMode::VerifyFull { authorities: vec![authority.to_vec()].into() }
}
