//! Whole configuration files: the shipped ones load, broken ones give exactly these messages.
//!
//! Each file in `tests/config_faults/` is one broken configuration (`.toml`) or zone file
//! (`.zone`). Its last lines, from the first `#! ` or `;! ` on, are the expected faults and not
//! part of the input. `UPDATE_EXPECTED=1 cargo test --test config_files` writes them anew; read the
//! difference before you commit it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use pointsman::config::{Config, Sources};
use proptest::prelude::*;

/// Files in memory first, then those in `folder`; a fixed environment.
struct Fixed {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
    variables: BTreeMap<&'static str, &'static str>,
}

impl Fixed {
    fn parts() -> Self {
        Self {
            folder: project("tests/config_faults/parts"),
            files: BTreeMap::new(),
            variables: [("GOOD_PASSWORD", "hunter2"), ("EMPTY_PASSWORD", "")].into(),
        }
    }
}

impl Sources for Fixed {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.files.get(path) {
            Some(content) => Ok(content.clone()),
            None => fs::read(self.folder.join(path)),
        }
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).map(Into::into)
    }
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A configuration whose only fault can be its zone file.
const AROUND_A_ZONE: &str = r#"
[[zone]]
origin = "internal."
file = "case.zone"

[[cluster]]
name = "orders"
engine = "postgres"
write = { name = "db-write.internal." }
probe = { user = "pointsman" }
server = [{ name = "db1", address = "127.0.1.1" }]
"#;

/// The faults of one case, one per line, and its text without the expectation.
fn faults(path: &Path, text: &str) -> String {
    let mut sources = Fixed::parts();
    let outcome = if path.extension().is_some_and(|kind| kind == "zone") {
        sources.files.insert("case.zone".into(), text.into());
        Config::from_text(AROUND_A_ZONE, Path::new("case.toml"), &sources)
    } else {
        Config::from_text(text, Path::new("case.toml"), &sources)
    };
    match outcome {
        Ok(_) => "no fault".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn broken_files_give_exactly_these_messages() {
    let mut cases: Vec<PathBuf> = fs::read_dir(project("tests/config_faults"))
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    cases.sort();
    assert!(cases.len() >= 50, "only {} cases", cases.len());
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = String::new();
    for path in cases {
        let mark = match path.extension().and_then(|kind| kind.to_str()) {
            Some("toml") => "#! ",
            Some("zone") => ";! ",
            _ => panic!("{} is no case", path.display()),
        };
        let content = fs::read_to_string(&path).expect("a readable case");
        let text_end = match content.starts_with(mark) {
            true => 0,
            false => content.find(&format!("\n{mark}")).map_or(content.len(), |at| at + 1),
        };
        let (text, expected) = content.split_at(text_end);
        let found: String =
            faults(&path, text).lines().map(|line| format!("{mark}{line}\n")).collect();
        assert!(!found.contains("hunter"), "{} shows a secret", path.display());
        if update {
            fs::write(&path, format!("{text}{found}")).expect("a writable case");
        } else if found != expected {
            let name = path.display();
            wrong += &format!("{name}\n--- expected\n{expected}--- found\n{found}\n");
        }
        assert!(!found.contains("no fault"), "{} has no fault", path.display());
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What cookie secrets look like.
const COOKIE_SECRET: &[u8] = b"000102030405060708090a0b0c0d0e0f\n";

/// The shipped files as they are, with secrets and certificates that are not shipped.
fn shipped() -> Fixed {
    let part = |name: &str| {
        fs::read(project("tests/config_faults/parts").join(name)).expect("a part of the cases")
    };
    Fixed {
        folder: project(""),
        files: [
            ("config/orders.password".into(), b"hunter2\n".to_vec()),
            ("/credentials/orders".into(), b"hunter2\n".to_vec()),
            ("/etc/pointsman/cookie.secret".into(), COOKIE_SECRET.into()),
            ("/etc/pointsman/dns.pem".into(), part("good.pem")),
            ("/etc/pointsman/dns.key".into(), part("good.key")),
            ("/etc/pointsman/chat.secret".into(), b"hunter2\n".to_vec()),
            ("/etc/ssl/certs/ca-certificates.crt".into(), part("good.pem")),
        ]
        .into(),
        variables: [("SHOP_PASSWORD", "hunter2"), ("CREDENTIALS_DIRECTORY", "/credentials")].into(),
    }
}

#[test]
fn every_shipped_configuration_loads() {
    let mut names = Vec::new();
    for entry in fs::read_dir(project("config")).expect("config/") {
        let path = entry.expect("an entry").path();
        let name = Path::new("config").join(path.file_name().expect("a file name"));
        let text = fs::read_to_string(&path).expect("a readable file");
        if let Err(error) = Config::from_text(&text, &name, &shipped()) {
            panic!("{error}");
        }
        names.push(name);
    }
    names.sort();
    let expected = ["example", "minimal", "production"];
    assert_eq!(names, expected.map(|name| PathBuf::from(format!("config/{name}.toml"))));
}

#[test]
fn the_example_shows_every_key() {
    let example = fs::read_to_string(project("config/example.toml")).expect("the example");
    let reference = fs::read_to_string(project("docs/CONFIGURATION.md")).expect("the reference");
    let keys = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(key, _)| key);
    for key in keys {
        assert!(example.contains(key), "config/example.toml lacks `{key}`");
    }
}

/// The configuration of the design document, letter by letter.
const DESIGN: &str = include_str!("designed.toml");

/// A folder with `config/case.toml` and what it names.
fn installed(case: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["config", "zones"] {
        fs::create_dir(folder.path().join(part)).expect("a folder in it");
    }
    fs::write(folder.path().join("zones/internal.zone"), ZONE).expect("the zone");
    let password = folder.path().join("config/orders.password");
    fs::write(&password, "hunter2\n").expect("the password");
    fs::set_permissions(&password, Permissions::from_mode(0o600)).expect("it is ours");
    let file = folder.path().join("config/case.toml");
    fs::write(&file, case).expect("the case");
    (folder, file)
}

#[test]
fn the_designed_file_loads_from_disk() {
    let (_folder, file) = installed(DESIGN);
    let config = Config::load(&file).unwrap_or_else(|error| panic!("{error}"));
    let cluster = &config.clusters[0];
    assert_eq!(cluster.servers.len(), 3);
    assert_eq!(cluster.servers[0].priority, 1);
    let password = cluster.probe.password.as_ref();
    assert_eq!(password.map(|secret| secret.reveal()), Some("hunter2"));
}

/// Runs `pointsman check-config FILE`: exit code, standard output, standard error.
fn check_config(file: &Path) -> (Option<i32>, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .arg("check-config")
        .arg(file)
        .output()
        .expect("a run of pointsman");
    let text = |octets| String::from_utf8(octets).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn check_config_says_fine_or_every_fault() {
    // This machine need not have the folders of a service.
    let here = DESIGN.replace("/run/pointsman/", "").replace("/var/lib/pointsman", ".");
    let here = here.replace("token_file", "# token_file");
    let (_folder, file) = installed(&here);
    let name = file.display();
    assert_eq!(
        check_config(&file),
        (Some(0), format!("{name}: fine: 1 zone, 1 cluster, 3 servers, 2 names\n"), String::new())
    );
    let broken = DESIGN.replace("max_lag", "max-lag").replace("fall = 3", "fall = 0");
    let (_folder, file) = installed(&broken);
    let name = file.display();
    assert_eq!(
        check_config(&file),
        (
            Some(78),
            String::new(),
            format!(
                "{name}:28:1: unknown key `max-lag` in [[cluster.read]]; did you mean `max_lag`?\n\
                 {name}:40:8: `fall` = 0 is out of range; write a number from 1 to 100\n\
                 2 faults found\n"
            )
        )
    );
}

/// A zone that fits every origin.
const ZONE: &str =
    "$TTL 1h\n@ 1s SOA ns1 hostmaster ( 1 1h 10m 1d 1s )\n@ NS ns1\nns1 A 127.0.0.1\n";

/// Every file that a snippet may name, by the end of its name.
struct Generous;

impl Sources for Generous {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.extension().and_then(|kind| kind.to_str()) {
            Some("zone") => Ok(ZONE.into()),
            Some("pem" | "crt") => fs::read(project("tests/config_faults/parts/good.pem")),
            Some("key") => fs::read(project("tests/config_faults/parts/good.key")),
            Some("secret") => Ok(COOKIE_SECRET.into()),
            Some("tsig") => Ok(b"MDEyMzQ1Njc4OWFiY2RlZg==\n".to_vec()),
            _ => Ok(b"hunter2\n".to_vec()),
        }
    }

    fn variable(&self, _: &str) -> Option<OsString> {
        Some("hunter2".into())
    }
}

/// What follows the opening fence, and the text of each fenced TOML block.
fn toml_blocks(markdown: &str) -> Vec<(&str, &str)> {
    markdown
        .split("\n```toml")
        .skip(1)
        .filter_map(|rest| {
            let (info, rest) = rest.split_once('\n')?;
            Some((info.trim(), rest.split("\n```").next()?))
        })
        .collect()
}

/// A block marked `toml` is a whole file; one marked `toml fragment` may lack what other parts
/// would say.
#[test]
fn every_snippet_in_the_documents_loads() {
    let documents = fs::read_dir(project("docs")).expect("docs/");
    let documents = documents.map(|entry| entry.expect("an entry").path());
    let documents: Vec<PathBuf> = documents.chain([project("README.md")]).collect();
    let mut blocks = 0;
    for path in documents.iter().filter(|path| path.exists()) {
        let Ok(markdown) = fs::read_to_string(path) else {
            continue;
        };
        for (info, text) in toml_blocks(&markdown) {
            blocks += 1;
            let outcome = Config::from_text(text, Path::new("snippet.toml"), &Generous);
            let faults = outcome.err().map_or(Vec::new(), |error| error.faults().to_vec());
            let faults = faults.iter().map(ToString::to_string).filter(|fault| {
                let lacks = [" has no ", " there is no ", " lies in no zone"];
                info != "fragment" || !lacks.iter().any(|lack| fault.contains(lack))
            });
            let faults: Vec<String> = faults.collect();
            assert!(faults.is_empty(), "{}:\n{text}\n{faults:#?}", path.display());
        }
    }
    assert!(blocks > 0, "no snippet was found");
}

/// Lines that are wrong in one way or another.
const ODD_LINES: [&str; 33] = [
    "listen = []",
    "listen = [1]",
    "name = ''",
    "name = 'é.internal'",
    "ttl = '0s'",
    "ttl = 1979-05-27",
    "port = -1",
    "port = 99999999999999999999",
    "address = []",
    "address = ['::', '']",
    "[[cluster.read]]",
    "[cluster]",
    "cluster = 1",
    "cluster = [{}]",
    "zone = [{}, {}]",
    "tls = 'verify-full'",
    "fall = nan",
    "max_lag = '18446744073709551615d'",
    "interval = '5m'",
    "probe_address = '[::1'",
    "password_env = 'X'",
    "password_credential = '..'",
    "engine = 'tcp'",
    "engine = 'mysql'",
    "\u{feff}",
    "write = []",
    "origin = '.'",
    "allow_query = ['all', '10.0.0.1/8', '::ffff:0:0/96', '::/0', 1]",
    "allow_query = 'private'",
    "cookie_secret_file = 'x'",
    "dns.tls = { listen = ['[::1]:853'], certificate_file = 'x.pem', key_file = 'x' }",
    "dns.expose = { servers = [], srv = 'all' }",
    "ttl_unstable = '90s'",
];

/// Pieces of configurations, so that random ones get beyond the TOML parser.
fn pieces() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = DESIGN.lines().collect();
    let line = prop_oneof![
        4 => prop::sample::select(lines),
        1 => prop::sample::select(ODD_LINES.to_vec()),
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        _ = Config::from_text(&text, Path::new("x.toml"), &Generous);
    }

    #[test]
    fn arbitrary_lines_never_panic_and_faults_are_in_order(text in pieces()) {
        if let Err(error) = Config::from_text(&text, Path::new("x.toml"), &Generous) {
            prop_assert!(!error.faults().is_empty());
            let places: Vec<_> = error.faults().iter().map(|fault| fault.position).collect();
            prop_assert!(places.is_sorted(), "{}", error);
        }
    }

    #[test]
    fn a_damaged_file_never_panics(
        at in 0..DESIGN.len(),
        length in 0..40_usize,
        insert in ".{0,3}",
    ) {
        let end = (at + length).min(DESIGN.len());
        let text = format!("{}{insert}{}", &DESIGN[..at], &DESIGN[end..]);
        _ = Config::from_text(&text, Path::new("x.toml"), &Generous);
    }
}
