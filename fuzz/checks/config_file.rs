//! Any text as the configuration file: what is refused is explained without secrets, what is
//! accepted can be started.
//!
//! - Each fault has a place in the file that it names and is one line that a terminal can show;
//!   faults come file by file, in the order of each. None shows a secret.
//! - An accepted configuration has a place for every name, an engine accepts its policies, and
//!   every name is answered. Its `Debug` shows no secret.
//!
//! The files and variables that a configuration may name exist by the ends of their names.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hickory_proto::rr::RecordType;
use pointsman::{
    answers::{ClusterAnswers, Layout, Outcome, Serial, build},
    config::{Config, Fault, Sources},
    engine::{ClusterId, Engine, Moment},
};

/// Panics when `input`, read as UTF-8 as far as it is, breaks a rule.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let path = Path::new("etc/pointsman.toml");
    match Config::from_text(&text, path, &Files) {
        Ok(config) => startable(&config, &text),
        Err(error) => {
            assert!(!error.faults().is_empty(), "refused without a reason");
            in_order(error.faults());
            for run in error.faults().chunk_by(|left, right| left.file == right.file) {
                let is_config = run[0].file == path;
                let own = if is_config { &text } else { Files::text(&run[0].file).unwrap_or("") };
                let lines: Vec<_> = own.split('\n').collect();
                run.iter().for_each(|fault| sane(fault, own, &lines));
            }
        }
    }
}

/// The password of everything that has one.
const PASSWORD: &str = "Gr4nite-Otter-71";

/// A zone that fits every origin which is not too long.
const ZONE: &str = "$TTL 1h\n@ 1s SOA ns1 h ( 1 1h 10m 1d 1s )\n@ NS ns1\nns1 A 127.0.0.1\n\
                    alias CNAME ns1\nchild NS ns.child\nns.child A 127.0.0.2\n";

const BROKEN_ZONE: &str = "@ 1 SOA ns1 h 1 2 3 4\n\n  \"x";

/// Secrets of cookies, whose digits no message may show.
const COOKIES: &str = "0123456789abcdef0123456789abcdef\nfedcba9876543210fedcba9876543210\n";

const CERTIFICATE: &str = include_str!("../../tests/config_faults/parts/good.pem");

const KEY: &str = include_str!("../../tests/config_faults/parts/good.key");

struct Files;

impl Files {
    fn text(path: &Path) -> Option<&'static str> {
        match path.extension().and_then(|kind| kind.to_str())? {
            "zone" if path.ends_with("broken.zone") => Some(BROKEN_ZONE),
            "zone" => Some(ZONE),
            "pem" => Some(CERTIFICATE),
            "key" => Some(KEY),
            "cookies" => Some(COOKIES),
            "password" => Some("Gr4nite-Otter-71\n"),
            "lines" => Some("Gr4nite-Otter-71\nGr4nite-Otter-71\n"),
            _ => None,
        }
    }
}

impl Sources for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = Self::text(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.into())
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        match name {
            "CREDENTIALS_DIRECTORY" => Some("/credentials".into()),
            "ORDERS_PASSWORD" | "SHOP_PASSWORD" => Some(PASSWORD.into()),
            _ => None,
        }
    }
}

fn in_order(faults: &[Fault]) {
    let mut files: Vec<&PathBuf> = Vec::new();
    for run in faults.chunk_by(|left, right| left.file == right.file) {
        assert!(!files.contains(&&run[0].file), "the faults of a file are scattered");
        files.push(&run[0].file);
        assert!(run.is_sorted_by_key(|fault| fault.position), "faults out of order");
    }
}

/// A fault of the file `own` with these lines.
fn sane(fault: &Fault, own: &str, lines: &[&str]) {
    let shown = fault.to_string();
    if let Some(position) = fault.position {
        let line = position.line.checked_sub(1).and_then(|index| lines.get(index));
        let width = line.map_or(0, |line| line.chars().count() + 1);
        assert!((1..=width).contains(&position.column), "no such place: {shown}");
    }
    assert!(!shown.contains(char::is_control), "not one line of text: {shown:?}");
    assert!(!fault.what.is_empty() && !fault.advice.is_empty(), "{shown:?}");
    // A file with a secret in it may be named as a zone file, whose faults show its words.
    for secret in secrets() {
        assert!(own.contains(secret) || !shown.contains(secret), "a secret in {shown}");
    }
}

/// The texts of passwords, cookies and keys.
fn secrets() -> impl Iterator<Item = &'static str> {
    let lines = [PASSWORD].into_iter().chain(COOKIES.lines());
    lines.chain(KEY.lines().filter(|line| !line.starts_with('-')))
}

fn startable(config: &Config, text: &str) {
    let shown = format!("{config:?}");
    for secret in secrets() {
        assert!(text.contains(secret) || !shown.contains(secret), "a secret in {shown}");
    }
    assert!(!shown.contains("239, 1, 35"), "the octets of a secret in {shown}");
    assert!(!config.zones.is_empty() && !config.clusters.is_empty(), "{shown}");
    let names: Vec<_> = config.clusters.iter().flat_map(|cluster| cluster.names.clone()).collect();
    let layout = Layout::new(&config.zones, names.clone()).expect("a place for every name");
    let policies = config.clusters.iter().map(|cluster| cluster.policy()).collect();
    let mut engine = Engine::new(policies, Moment::START);
    engine.decide(Moment::START);
    let decisions: Vec<_> =
        (0..config.clusters.len()).map(|index| engine.decision(ClusterId(index))).collect();
    let listings = config.directory().clusters;
    let clusters: Vec<_> = listings
        .iter()
        .zip(&decisions)
        .map(|(listing, decision)| ClusterAnswers {
            overrides: &[],
            name: &listing.name,
            servers: &listing.servers,
            decision,
        })
        .collect();
    let table = build(&Arc::new(layout), &clusters, 1, Serial::MIN);
    for served in &names {
        assert!(served.ttl >= 1, "{served:?}");
        // Before the first probe nobody knows, and no name is denied.
        let outcome = table.lookup(&served.name, RecordType::A).outcome;
        assert!(matches!(outcome, Outcome::NotReady { .. }), "{served:?}: {outcome:?}");
    }
}
