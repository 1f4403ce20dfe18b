//! The commands that end by themselves: what they say, where, and with which exit code.

use std::{
    env,
    fs::{self, Permissions},
    net::{TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::{
    patience::PATIENCE,
    process::{Ended, Service, Settings, message, parsed, run},
};

/// A configuration that is fine, with an address to answer on.
fn fine(listen: &str) -> String {
    format!(
        r#"
[dns]
listen = ["{listen}"]

[[zone]]
origin = "internal."
file = "internal.zone"

[[cluster]]
name = "orders"
engine = "tcp"
write = {{ name = "db-write.internal." }}
read = [{{ name = "db-read.internal." }}]
server = [{{ name = "db1", address = "127.27.9.1", port = 1 }}]
"#
    )
}

/// The same with three faults.
fn faulty(listen: &str) -> String {
    fine(listen)
        .replace("\"tcp\"", "\"oracle\"")
        .replace("127.27.9.1", "127.27.9.256")
        .replace("port = 1", "port = 70000")
}

#[test]
fn the_version_is_the_package_s() {
    let Ended { code, stdout, stderr } = run(&["--version"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout, format!("pointsman {}\n", env!("CARGO_PKG_VERSION")));
}

/// `UPDATE_EXPECTED=1 cargo test --test it command_line` writes `help.txt` anew; read the difference
/// before you commit it.
#[test]
fn each_command_explains_itself() {
    let mut found = String::new();
    let commands = [
        "",
        "init",
        "serve",
        "check-config",
        "demo",
        "grants",
        "secondary-config",
        "follow",
        "rehearse",
        "hint",
        "status",
        "why",
        "sessions",
        "explain",
        "what-if",
        "probe",
        "events",
        "drain",
        "undrain",
        "pin",
        "unpin",
        "freeze",
        "thaw",
        "maintenance",
        "accept",
        "server",
        "server add",
        "server ready",
        "server remove",
        "reload",
        "config",
    ];
    for command in commands {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let Ended { code, stdout, stderr } = run(&arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        found += &format!("$ pointsman {}\n{stdout}\n", arguments.join(" "));
    }
    if env::var_os("UPDATE_EXPECTED").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help.txt");
        fs::write(file, &found).expect("a writable file");
    } else {
        let expected = include_str!("help.txt");
        assert!(found == expected, "--- expected\n{expected}--- found\n{found}");
    }
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    for arguments in [
        &[][..],
        &["watch"],
        &["serve", "now"],
        &["serve", "--config"],
        &["grants"],
        &["grants", "oracle"],
        &["hint"],
        &["hint", "orders", "billing"],
        &["drain", "db1"],
        &["drain", "db1", "--reason", "x", "--for", "1h", "--forever"],
        &["pin", "orders", "--reason", "x"],
        &["accept", "orders", "db1"],
        &["accept", "orders", "--reason", "x"],
        &["accept", "orders", "db1", "--reason", "x", "--for", "1h"],
        &["maintenance", "orders"],
        &["maintenance", "orders", "--end", "--forever"],
        &["server", "add", "orders", "db9"],
        &["what-if", "db1"],
        &["demo", "--port", "100000"],
        &["check-config", "a", "b"],
    ] {
        let Ended { code, stdout, stderr } = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        let advice = stderr.contains("Usage: pointsman") || stderr.contains("try '--help'");
        assert!(advice, "{arguments:?}: {stderr}");
    }
}

#[test]
fn check_config_is_content_with_a_fine_file() {
    let settings = Settings::new(&fine("127.27.1.9:0"), "");
    let file = settings.file();
    // The other commands take it as an option, and so may this one.
    for named in [&[file.as_str()][..], &["--config", &file], &["--config", "other.toml", &file]] {
        let Ended { code, stdout, stderr } = run(&[&["check-config"][..], named].concat());
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert_eq!(stdout, format!("{file}: fine: 1 zone, 1 cluster, 1 server, 2 names\n"));
    }

    let Ended { code, stdout, .. } = run(&["check-config", "--json", &file]);
    assert_eq!((code, parsed(&stdout)), (Some(0), parsed(r#"{ "faults": [], "warnings": [] }"#)));
}

/// A configuration that names every kind of file whose rights matter.
fn settings_of_many_files() -> Settings {
    let text = fine("127.27.1.10:0")
        .replace("[dns]", "[dns]\ncookie_secret_file = \"cookies\"\n")
        .replace(
            "engine = \"tcp\"",
            "engine = \"postgres\"\nprobe = { user = \"p\", password_file = \"probe.password\" }",
        )
        + r#"
[dns.tls]
listen = ["127.27.1.10:0"]
certificate_file = "server.pem"
key_file = "server.key"

[state]
directory = "state"

[admin]
token_file = "token"

[[hook]]
name = "caller"
events = ["write_changed"]
webhook = "http://127.27.9.2/"
secret_file = "webhook"

[[hook]]
name = "runner"
events = ["write_changed"]
command = ["program"]
"#;
    let settings = Settings::new(&text, "secret");
    let folder = settings.folder();
    let put = |name: &str, content: &str| {
        fs::write(folder.join(name), content).expect("a file can be written");
    };
    put("cookies", "0123456789abcdef0123456789abcdef");
    put("token", "0123456789abcdef0123456789abcdef");
    put("webhook", "secret");
    put("program", "");
    put("server.pem", include_str!("tls/server.pem"));
    put("server.key", include_str!("tls/server.key"));
    fs::create_dir(folder.join("state")).expect("a writable folder");
    settings
}

/// Everything that a file names and that is not for everybody, each too open: `check-config` says so
/// file by file and finds the configuration fine all the same; the log of the service says the same.
#[test]
fn files_that_others_may_read_or_change_are_told() {
    let settings = settings_of_many_files();
    let folder = settings.folder();
    let files = [
        ("cookies", 0o640, 0o644, "holds a secret"),
        ("pointsman.toml", 0o644, 0o666, "says what is run"),
        ("probe.password", 0o400, 0o444, "holds a secret"),
        ("program", 0o755, 0o775, "says what is run"),
        ("server.key", 0o640, 0o660, "holds a secret"),
        ("state", 0o755, 0o777, "holds the state"),
        ("token", 0o600, 0o601, "holds a secret"),
        ("webhook", 0o440, 0o642, "holds a secret"),
    ];
    let set = |name: &str, mode| {
        let path = folder.join(name);
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    };
    for (name, closed, _, _) in files {
        set(name, closed);
    }
    let file = settings.file();
    let Ended { code, stderr, .. } = run(&["check-config", &file]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for (name, _, open, _) in files {
        set(name, open);
    }
    let Ended { code, stdout, stderr } = run(&["check-config", &file]);
    assert!(code == Some(0) && stdout.contains(": fine: "), "{stdout}{stderr}");
    let lines: Vec<_> = stderr.lines().collect();
    assert_eq!(lines.len(), files.len(), "{stderr}");
    for (line, (name, _, open, what)) in lines.iter().zip(files) {
        let path = folder.join(name);
        let begin = format!("warning: {} {what}", path.display());
        assert!(line.starts_with(&begin), "{line}");
        assert!(line.contains(&format!("(mode {open:03o}); run `chmod ")), "{line}");
    }
    let Ended { stdout, .. } = run(&["check-config", "--json", &file]);
    let warnings = parsed(&stdout)["warnings"].as_array().map(Vec::len);
    assert_eq!(warnings, Some(files.len()), "{stdout}");

    let (service, _) = Service::serve(&settings, &[]);
    let log = service.log();
    let told = log.iter().filter(|line| line["fields"]["event"] == "open_file");
    assert_eq!(told.count(), files.len(), "{log:?}");
}

/// A shell and a pipeline have neither the service's credentials nor its folders: that is told, and
/// is no fault. The service itself does not start without them.
#[test]
fn what_only_the_service_has_is_a_warning() {
    let probe = |source: &str| {
        let probe = format!("engine = \"postgres\"\nprobe = {{ user = \"p\", {source} }}");
        let rest = "[admin]\nsocket = \"gone/admin.sock\"\ntoken_file = \"token\"\n\n\
                    [state]\ndirectory = \"away\"\n";
        fine("127.27.1.11:0").replace("engine = \"tcp\"", &probe) + rest
    };
    for (source, said) in [
        ("password_credential = \"orders\"", "CREDENTIALS_DIRECTORY is not set here"),
        ("password_env = \"POINTSMAN_TEST_UNSET\"", "`POINTSMAN_TEST_UNSET` is not set here"),
    ] {
        let settings = Settings::new(&probe(source), "");
        fs::write(settings.folder().join("token"), "short").expect("a file can be written");
        let file = settings.file();
        let Ended { code, stdout, stderr } = run(&["check-config", &file]);
        assert!(code == Some(0) && stdout.ends_with("; 5 warnings\n"), "{stdout}{stderr}");
        assert!(stderr.starts_with(&format!("warning: {file}:")), "{stderr}");
        for part in [
            said,
            "token holds a secret and is open to others",
            "gone/admin.sock`, the `socket` of [admin], is missing, and `serve` does not start",
            "away`, the `directory` of [state], is missing, so nothing survives a restart",
            "gives no token, so nothing can be changed over HTTP: a token has at least 16",
        ] {
            assert!(stderr.contains(part), "{part}: {stderr}");
        }
        let Ended { code, stderr, .. } = run(&["check-config", "--no-secrets", &file]);
        assert_eq!((code, stderr.lines().count()), (Some(0), 3), "{stderr}");
        assert!(!stderr.contains("is not set"), "{stderr}");
        let Ended { code, stderr, .. } = run(&["serve", "--config", &file]);
        assert!(code == Some(78) && stderr.contains("is not set; "), "{stderr}");
    }
    // What the file names by a path is the same for everybody.
    let settings = Settings::new(&probe("password_file = \"nobody\""), "");
    let file = settings.file();
    let Ended { code, stderr, .. } = run(&["check-config", &file]);
    assert!(code == Some(78) && stderr.contains("cannot read the password file"), "{stderr}");
    let Ended { code, .. } = run(&["check-config", "--no-secrets", &file]);
    assert_eq!(code, Some(0));
    // A path is no credential, wherever that is looked at.
    let settings = Settings::new(&probe("password_credential = \"a/b\""), "");
    let file = settings.file();
    let Ended { code, .. } = run(&["check-config", "--no-secrets", &file]);
    assert_eq!(code, Some(78));
}

#[test]
fn check_config_names_every_fault() {
    let settings = Settings::new(&faulty("127.27.1.9:0"), "");
    let file = settings.file();
    let Ended { code, stdout, stderr } = run(&["check-config", &file]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""));
    assert_names_all_faults(&stderr, &file);

    let Ended { code, stdout, stderr } = run(&["check-config", "--json", &file]);
    assert_eq!((code, stderr.as_str()), (Some(78), ""));
    let faults = parsed(&stdout)["faults"].as_array().map(Vec::len);
    assert_eq!(faults, Some(3), "{stdout}");
}

#[test]
fn a_file_that_is_not_there_is_a_fault_of_the_configuration() {
    let settings = Settings::new("", "");
    let file = settings.file().replace("pointsman.toml", "elsewhere.toml");
    for arguments in [&["check-config", &*file][..], &["serve", "--config", &file]] {
        let Ended { code, stdout, stderr } = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(78), ""), "{arguments:?}");
        assert!(stderr.contains(&file) && stderr.contains("1 fault found"), "{stderr}");
    }
}

#[test]
fn serve_with_a_faulty_configuration_names_every_fault_and_binds_nothing() {
    // A port that is taken: whoever tried to bind it would end with another code.
    let taken = taken_port();
    let settings = Settings::new(&faulty(&taken.address), "");
    let Ended { code, stdout, stderr } = run(&["serve", "--config", &settings.file()]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""), "{stderr}");
    assert_names_all_faults(&stderr, &settings.file());
    assert!(!stderr.contains("in use"), "{stderr}");
}

#[test]
fn serve_on_a_port_that_is_taken_fails_and_says_what_to_do() {
    let taken = taken_port();
    let settings = Settings::new(&fine(&taken.address), "");
    let Ended { code, stdout, stderr } = run(&["serve", "--config", &settings.file()]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    let lines: Vec<_> = stderr.lines().map(parsed).collect();
    let [start, line] = lines.as_slice() else { panic!("not two lines: {stderr}") };
    assert_eq!(start["fields"]["event"], "start");
    assert_eq!(line["level"], "ERROR");
    let words = message(line);
    assert!(words.starts_with("cannot start: "), "{words}");
    assert!(words.contains(&taken.address) && words.contains("is in use; `ss -lunpt"), "{words}");
}

/// No thread can have a stack of this size.
#[test]
fn without_threads_it_says_what_to_raise_and_does_not_panic() {
    let settings = Settings::new(&fine("127.27.1.11:0"), "");
    let file = settings.file();
    for arguments in [&["serve", "--config", &*file][..], &["demo", "--once"]] {
        let stack = ("RUST_MIN_STACK", "70368744177664");
        let mut service = Service::start(arguments, &[stack]);
        let code = service.exit_code(PATIENCE);
        let Ended { code, stderr, .. } = service.ended(code);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.starts_with("cannot start: the system lets us have 0 of the "), "{stderr}");
        assert!(stderr.contains("raise TasksMax= of the unit"), "{stderr}");
        assert!(stderr.contains("os error") && stderr.lines().count() == 1, "{stderr}");
    }
}

#[test]
fn grants_are_sql_for_each_version() {
    for (arguments, wanted, unwanted) in [
        (&["grants", "postgres"][..], "-- PostgreSQL 16 and newer:", "MAX_USER_CONNECTIONS"),
        (
            &["grants", "postgres", "--server-version", "16.4"],
            "\nGRANT pg_use_reserved_connections TO pointsman;",
            "16 and newer",
        ),
        (
            &["grants", "postgres", "--server-version", "12"],
            "GRANT pg_read_all_stats TO pointsman;",
            "pg_use_reserved_connections",
        ),
        (&["grants", "postgresql"], "\n--   host     postgres  pointsman", "MAX_USER_CONNECTIONS"),
        (
            &["grants", "postgres", "--server-version", "PostgreSQL 15.3 (Debian 15.3-0+deb12u1)"],
            "GRANT pg_read_all_stats TO pointsman;",
            "pg_use_reserved_connections",
        ),
        (&["grants", "mysql"], "`pointsman grants mariadb`", "REPLICA MONITOR"),
        (&["grants", "mariadb"], "GRANT REPLICA MONITOR", "performance_schema"),
        (
            &["grants", "mysql", "--server-version", "8.4"],
            "GRANT REPLICATION CLIENT ON *.* TO 'pointsman'@'%';",
            "MariaDB",
        ),
        (
            &["grants", "mysql", "--server-version", "10.11-MariaDB"],
            "GRANT REPLICA MONITOR ON *.* TO 'pointsman'@'%';",
            "REPLICATION CLIENT",
        ),
    ] {
        let Ended { code, stdout, stderr } = run(arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(stdout.contains(wanted), "{arguments:?}: {stdout}");
        assert!(!stdout.contains(unwanted), "{arguments:?}: {stdout}");
    }
}

#[test]
fn grants_for_no_version_say_what_a_version_is() {
    for (engine, example) in
        [("postgres", "such as 16,"), ("mysql", "such as 8.4 or 10.11-MariaDB,")]
    {
        let Ended { code, stdout, stderr } = run(&["grants", engine, "--server-version", "newest"]);
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert!(stderr.contains("`newest` is no version") && stderr.contains(example), "{stderr}");
    }
}

fn assert_names_all_faults(stderr: &str, file: &str) {
    for fault in ["oracle", "127.27.9.256", "70000", "3 faults found\n"] {
        assert!(stderr.contains(fault), "{fault} is missing in {stderr}");
    }
    let places = stderr.lines().filter(|line| line.starts_with(&format!("{file}:"))).count();
    assert_eq!(places, 3, "{stderr}");
}

/// A port that somebody else has, by UDP and TCP.
struct Taken {
    address: String,
    _sockets: (UdpSocket, TcpListener),
}

fn taken_port() -> Taken {
    loop {
        let udp = UdpSocket::bind("127.27.1.10:0").expect("a free port");
        let address = udp.local_addr().expect("bound");
        // Mostly the same port is free for TCP, too.
        if let Ok(tcp) = TcpListener::bind(address) {
            return Taken { address: address.to_string(), _sockets: (udp, tcp) };
        }
    }
}
