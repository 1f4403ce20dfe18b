//! How the probe's own client gets into a real MariaDB and a real MySQL: each way to prove a password
//! that this version has, each mode of TLS; and that the server counts no connection as aborted.
//!
//! `caching_sha2_password` asks for the password itself once, over TLS or encrypted with the server's
//! RSA key, and remembers it until `FLUSH PRIVILEGES`; from then on a scrambled one will do. Without TLS
//! the key has to be known, or the operator has to take any.
//!
//! The certificates in `tests/it/tls` are for 127.22.3.1, so the server listens there.

use std::{fs, net::Ipv4Addr, sync::Arc, time::Duration};

use ::pointsman::{
    config::{AuthConfig, ProbeConfig, ProbeTarget, Secret, ServerPublicKey, TargetHost, TlsMode},
    engine::{ClusterKind, Facts, FailureKind, Outcome, ProbeKey},
    metrics::ProbeMeter,
    probe::{self, Target},
};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, pem::PemObject};
use tokio::runtime::Runtime;

use crate::{
    in_turn, mysql_flavour::Flavour, mysql_programs::MySqlPrograms, mysql_server::MySqlServer,
    mysql_sessions, patience, pointsman::PROBE_PASSWORD, ports,
};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 22, 3, 1);
const AUTHORITY: &[u8] = include_bytes!("../it/tls/authority.pem");
const FOREIGN: &[u8] = include_bytes!("../it/tls/self_signed.pem");
const CERTIFICATE: &[u8] = include_bytes!("../it/tls/server.pem");
const KEY: &[u8] = include_bytes!("../it/tls/server.key");

/// An account, what it is, the password the probe has, and whether it is let in without TLS and with
/// it.
type Login = (&'static str, &'static str, Option<&'static str>, bool, bool);

const MARIADB: [Login; 7] = [
    ("native", "mysql_native_password", Some(PROBE_PASSWORD), true, true),
    ("edwards", "ed25519", Some(PROBE_PASSWORD), true, true),
    ("either", "two plugins", Some(PROBE_PASSWORD), true, true),
    ("open", "no password", None, true, true),
    ("strict", "mysql_native_password, REQUIRE SSL", Some(PROBE_PASSWORD), false, true),
    ("edwards", "ed25519, and the probe has another", Some("another"), false, false),
    ("nobody", "no such account", Some(PROBE_PASSWORD), false, false),
];

const MYSQL: [Login; 5] = [
    ("caching", "caching_sha2_password", Some(PROBE_PASSWORD), true, true),
    ("open", "no password", None, true, true),
    ("strict", "caching_sha2_password, REQUIRE SSL", Some(PROBE_PASSWORD), false, true),
    ("caching", "and the probe has another", Some("another"), false, false),
    ("nobody", "no such account", Some(PROBE_PASSWORD), false, false),
];

#[test]
fn mariadb_logins() {
    let edwards = format!("IDENTIFIED VIA ed25519 USING PASSWORD('{PROBE_PASSWORD}')");
    let either = format!(
        "IDENTIFIED VIA ed25519 USING PASSWORD('not this') \
         OR mysql_native_password USING PASSWORD('{PROBE_PASSWORD}')"
    );
    let right = "REPLICA MONITOR";
    let mut statements = vec!["INSTALL SONAME 'auth_ed25519'".to_owned()];
    statements.extend(account("native", &by_password(), right));
    statements.extend(account("edwards", &edwards, right));
    statements.extend(account("either", &either, right));
    statements.extend(account("open", "", right));
    statements.extend(account("strict", &(by_password() + " REQUIRE SSL"), right));
    play(&MySqlPrograms::mariadb(), &statements, &MARIADB);
}

#[test]
fn mysql_logins() {
    let right = "REPLICATION CLIENT";
    let mut statements = Vec::new();
    statements.extend(account("caching", &by_password(), right));
    statements.extend(account("open", "", right));
    statements.extend(account("strict", &(by_password() + " REQUIRE SSL"), right));
    play(&MySqlPrograms::mysql(), &statements, &MYSQL);
}

/// By the plugin that is the server's default.
fn by_password() -> String {
    format!("IDENTIFIED BY '{PROBE_PASSWORD}'")
}

fn account(user: &str, rule: &str, right: &str) -> [String; 2] {
    [
        format!("CREATE USER {user}@'127.%' {rule}"),
        format!("GRANT {right} ON *.* TO {user}@'127.%'"),
    ]
}

/// Makes the accounts by `statements`, and lets the probe in as each of `logins`. The first has a
/// good password.
fn play(programs: &MySqlPrograms, statements: &[String], logins: &[Login]) {
    in_turn(|| {
        let directory = programs.account().directory("pointsman-logins-");
        let port = ports::free_on(&[ADDRESS]);
        let mut servers = MySqlServer::install(programs, &[ADDRESS], port, directory.path());
        let mut settings = vec!["--server-id=1".to_owned(), "--log-bin=binlog".to_owned()];
        for (name, content) in [("cert", CERTIFICATE), ("key", KEY)] {
            let file = directory.path().join(name);
            fs::write(&file, content).expect("a file can be written");
            programs.account().own(&file);
            settings.push(format!("--ssl-{name}={}", file.display()));
        }
        let server = &mut servers[0];
        server.launch(&settings);
        let stage = Stage { server, runtime: mysql_sessions::runtime(), port };
        stage.server.wait_for(&stage.runtime, "SELECT 1", "1", "1");
        for statement in statements {
            stage.server.sql(&stage.runtime, &[statement]);
        }

        stage.wait_for_the_last();
        let before = stage.aborted("Aborted_clients");
        for login in logins {
            stage.log_in(*login);
        }
        let (first, ..) = logins[0];
        let failure = stage.probe(first, Some(PROBE_PASSWORD), trusting(FOREIGN));
        assert!(matches!(&failure, Outcome::Failed(failure)
        if failure.kind == FailureKind::Misconfigured && failure.detail.contains("TLS")));

        stage.wait_for_the_last();
        assert_eq!(stage.aborted("Aborted_clients"), before, "a goodbye is missing");
        let refused = stage.aborted("Aborted_connects");
        for (user, _, password, without_tls, _) in logins {
            if *without_tls {
                stage.probe(user, *password, TlsMode::Disable);
                stage.probe(user, *password, trusting(AUTHORITY));
            }
        }
        stage.wait_for_the_last();
        assert_eq!(stage.aborted("Aborted_connects"), refused, "a login was broken off");

        stage.log_in_by_key(logins[0]);

        // Let in, and thrown out again by what the server does for each new session.
        stage.server.sql(&stage.runtime, &["SET GLOBAL init_connect = 'SELECT * FROM mysql.user'"]);
        let (user, _, password, ..) = logins[0];
        let thrown_out = stage.probe(user, password, trusting(AUTHORITY));
        assert!(
            matches!(&thrown_out, Outcome::Failed(failure)
        if failure.kind == FailureKind::Misconfigured && failure.detail.contains("1184")),
            "{thrown_out:?}"
        );
    });
}

struct Stage<'a> {
    server: &'a MySqlServer,
    runtime: Runtime,
    port: u16,
}

impl Stage<'_> {
    /// In each mode of TLS: once as the server has never seen the account, and once more.
    fn log_in(&self, (user, what, password, without_tls, with_tls): Login) {
        for (tls, wanted) in [
            (TlsMode::Disable, without_tls),
            (TlsMode::Prefer, with_tls),
            (TlsMode::Require, with_tls),
            (trusting(AUTHORITY), with_tls),
        ] {
            self.server.sql(&self.runtime, &["FLUSH PRIVILEGES"]);
            for time in ["first", "second"] {
                let outcome = self.probe(user, password, tls.clone());
                let title = format!("{what}, {tls:?}, the {time} time: {outcome:?}");
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
    }

    /// Without TLS, by an account that the server has not in its cache: who asks for the password gets it
    /// by the key that is known, and not by its own.
    fn log_in_by_key(&self, (user, what, password, ..): Login) {
        if self.server.flavour() != Flavour::MySql {
            return;
        }
        let pem = fs::read(self.server.data().join("public_key.pem")).expect("MySQL makes it");
        let key = SubjectPublicKeyInfoDer::from_pem_slice(&pem).expect("a key");
        let pinned = ServerPublicKey::Pinned(key.as_ref().into());
        for (key, wanted) in [(ServerPublicKey::Unknown, false), (pinned, true)] {
            self.server.sql(&self.runtime, &["FLUSH PRIVILEGES"]);
            match self.probe_with(key.clone(), user, password, TlsMode::Disable) {
                Outcome::Answered(_) => assert!(wanted, "{what}, {key:?}"),
                Outcome::Failed(failure) => {
                    assert!(!wanted, "{what}, {key:?}: {failure}");
                    assert!(failure.detail.contains("get_server_public_key"), "{failure}");
                }
                other @ Outcome::Witnessed(..) => panic!("{other:?}"),
            }
        }
    }

    /// Where there is no TLS, any key will do.
    fn probe(&self, user: &str, password: Option<&str>, tls: TlsMode) -> Outcome {
        self.probe_with(ServerPublicKey::Requested, user, password, tls)
    }

    fn probe_with(
        &self,
        server_public_key: ServerPublicKey,
        user: &str,
        password: Option<&str>,
        tls: TlsMode,
    ) -> Outcome {
        let config = ProbeConfig {
            user: user.into(),
            password: password.map(Secret::new),
            database: "".into(),
            tls,
            auth: AuthConfig { server_public_key, ..AuthConfig::default() },
            interval: Duration::from_secs(1),
            fast_interval: Duration::from_millis(250),
            candidate_interval: Duration::from_millis(15),
            timeout: Duration::from_secs(10),
            heartbeat_write: false,
        };
        let target = Target {
            key: ProbeKey(0),
            target: ProbeTarget { host: TargetHost::Address(ADDRESS.into()), port: self.port },
            kind: ClusterKind::MySql,
            config: Arc::new(config),
            meter: ProbeMeter::default(),
            listener: None,
        };
        self.runtime.block_on(probe::once(&target))
    }

    fn aborted(&self, counter: &str) -> String {
        let schema = match self.server.flavour() {
            Flavour::MySql => "performance_schema",
            Flavour::MariaDb => "information_schema",
        };
        let query = format!(
            "SELECT variable_value FROM {schema}.global_status \
             WHERE variable_name = '{counter}'"
        );
        self.server.value(&self.runtime, &query)
    }

    /// The server has dealt with the end of each connection.
    fn wait_for_the_last(&self) {
        let query = "SELECT count(*) FROM information_schema.processlist \
                     WHERE id <> connection_id() AND \
                     user NOT IN ('system user', 'event_scheduler')";
        patience::until("the server has seen the last of the probes", || {
            self.server.value(&self.runtime, query) == "0"
        });
    }
}

fn trusting(pem: &[u8]) -> TlsMode {
    let authority = CertificateDer::from_pem_slice(pem).expect("a certificate");
    TlsMode::VerifyFull { authorities: vec![authority.to_vec()].into() }
}
