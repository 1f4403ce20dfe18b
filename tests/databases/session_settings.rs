//! What a PostgreSQL server gives each new session, by role, by database or to all: what the probe
//! makes of it.

use std::net::Ipv4Addr;

use ::pointsman::{
    engine::{FailureKind, Outcome},
    probe,
};
use tokio::runtime::Builder;

use crate::{postgres_cluster::PgCluster, refused_logins::target};

/// Plays through the settings of the first of `servers`, a primary, which is at `address`.
pub(crate) fn check(servers: &PgCluster, address: Ipv4Addr) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let target = target(address, servers.port());
    let ask = || runtime.block_on(probe::once(&target));
    // Whoever is read-only by default may still ask for more.
    let set = |statement: &str| {
        servers.sql(0, &format!("BEGIN READ WRITE; {statement}; COMMIT"));
    };
    let is_writable = || match ask() {
        Outcome::Answered(facts) => facts.claims_writable(),
        other => panic!("{other:?}"),
    };
    let setting = "default_transaction_read_only";
    assert!(is_writable());
    set(&format!("ALTER DATABASE postgres SET {setting} = on"));
    assert!(!is_writable(), "it is the only one");
    set(&format!("ALTER DATABASE postgres RESET {setting}"));
    servers.sql(0, "CREATE DATABASE shop");
    set(&format!("ALTER DATABASE postgres SET {setting} = on"));
    assert!(is_writable(), "one database does not stand for the server");
    set(&format!("ALTER DATABASE shop SET {setting} = 'TRUE'"));
    assert!(!is_writable(), "each is read-only");
    set(&format!("ALTER DATABASE postgres RESET {setting}"));
    assert!(!is_writable(), "and nothing is in `postgres`");
    set(&format!("ALTER DATABASE shop SET {setting} = off"));
    assert!(is_writable());
    servers.sql(0, "DROP DATABASE shop");
    set(&format!("ALTER ROLE ALL SET {setting} = on"));
    assert!(!is_writable());
    set(&format!("ALTER ROLE ALL RESET {setting}"));
    set(&format!("ALTER ROLE pointsman SET {setting} = on"));
    assert!(is_writable(), "the probe's own role alone");
    set(&format!("ALTER ROLE pointsman RESET {setting}"));

    set("ALTER ROLE pointsman SET session_preload_libraries = 'there_is_none'");
    match ask() {
        Outcome::Failed(failure) => {
            assert_eq!(failure.kind, FailureKind::Misconfigured, "{failure}");
            assert!(failure.detail.contains("there_is_none"), "{failure}");
        }
        other => panic!("{other:?}"),
    }
    set("ALTER ROLE pointsman RESET session_preload_libraries");
    assert!(is_writable());
}
