//! `pointsman serve` as a service: signals, and a log that is complete, short and without secrets.

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    fake_postgres::{Fake, Step, error, message as pg_message},
    patience::until,
    process::{Ended, Service, Settings, message},
};

/// The probe's password in the configuration of these tests.
const PASSWORD: &str = "Gr4nite-Otter-71";

/// Other forms of it: base64, hexadecimal, and both steps of PostgreSQL's MD5 method for the user
/// `pointsman` and the salt 01 02 03 04.
const FORMS: [&str; 5] = [
    PASSWORD,
    "R3I0bml0ZS1PdHRlci03MQ",
    "4772346e6974652d4f747465722d3731",
    "4084b54fae34f7e8dfe46a8a7d00c729",
    "25a17680f54a5d44ea6f4e7110d8abe0",
];

/// A cluster of `engine` whose servers are at these addresses with ports, probed every 200 ms.
fn config(engine: &str, probe: &str, servers: &[String]) -> String {
    let mut text = format!(
        r#"
[dns]
listen = ["127.27.2.1:0"]

[[zone]]
origin = "internal."
file = "internal.zone"

[[cluster]]
name = "orders"
engine = "{engine}"
write = {{ name = "db-write.internal." }}
read = [{{ name = "db-read.internal." }}]

[cluster.probe]
{probe}interval = "200ms"
fast_interval = "200ms"
timeout = "1s"
"#
    );
    for (number, server) in (1..).zip(servers) {
        let (address, port) = server.rsplit_once(':').expect("an address with a port");
        text += &format!(
            "[[cluster.server]]\nname = \"db{number}\"\naddress = \"{address}\"\nport = {port}\n"
        );
    }
    text
}

#[test]
fn the_limit_of_open_files_is_raised_and_one_that_is_too_low_is_told() {
    let server = Fake::start("127.32.0.30", Vec::new());
    let settings = Settings::new(&config("tcp", "", &[server.address.to_string()]), "");
    let complains = |service: &Service| {
        let log = service.log();
        log.iter().any(|line| message(line).contains("limit of open files is too low"))
    };
    let (service, _) = Service::serve_limited(&settings, "ulimit -S -n 100");
    let (soft, hard) = service.file_limits();
    assert_eq!(soft, hard);
    let is_high = hard == "unlimited" || hard.parse::<u64>().is_ok_and(|hard| hard > 4000);
    assert_eq!(complains(&service), !is_high, "{hard}");
    service.stop();
    let (service, _) = Service::serve_with_files(&settings, 100);
    assert!(complains(&service), "{}", service.output());
    service.stop();
}

#[test]
fn sigterm_ends_it_and_sighup_does_not() {
    let server = Fake::start("127.27.2.2", Vec::new());
    let settings = Settings::new(&config("tcp", "", &[server.address.to_string()]), "");
    let (mut service, _) = Service::serve(&settings, &[]);
    service.signal(Signal::HUP);
    service.wait_for_line("a word about SIGHUP", |line| {
        line["level"] == "INFO" && message(line) == "configuration: reloaded, 0 changes"
    });
    // It goes on: another probe comes.
    let before = server.accepted();
    until("it probes on", || server.accepted() > before + 1);
    assert!(service.is_running());
    let Ended { code, stdout, stderr } = service.stop();
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    assert!(stderr.lines().last().is_some_and(|line| line.contains("stopping")), "{stderr}");
}

#[test]
fn each_line_of_the_log_is_json_with_a_level_and_words() {
    let server = Fake::start("127.27.2.3", Vec::new());
    let settings = Settings::new(&config("tcp", "", &[server.address.to_string()]), "");
    let (service, _) = Service::serve(&settings, &[("RUST_LOG", "debug,not=a=directive")]);
    service.wait_for_line("the write name is published", |line| {
        line["fields"]["event"] == "write" && line["fields"]["to"] == "db1"
    });
    for line in service.log() {
        assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&line["level"].as_str().unwrap()));
        assert!(!message(&line).is_empty(), "{line}");
        assert!(line["timestamp"].is_string(), "{line}");
    }
    service.wait_for_line("a word about RUST_LOG", |line| message(line).starts_with("RUST_LOG"));
    assert_eq!(service.stop().code, Some(0));
}

/// The log as it is by default: words, no JSON, and a name where a name is meant.
#[test]
fn a_log_for_people_says_what_starts_what_is_ready_and_which_name_changed() {
    let server = Fake::start("127.27.2.5", Vec::new());
    let text = config("tcp", "", &[server.address.to_string()]);
    let settings = Settings::new(&text, "");
    let text_please = [("POINTSMAN_LOG_FORMAT", "text")];
    let service = Service::start(&["serve", "--config", &settings.file()], &text_please);
    let mut output = String::new();
    until("the names have been published", || {
        output = service.output();
        output.contains("db-read.internal.: none -> db1: ")
    });
    let Ended { code, stderr, .. } = service.stop();
    assert_eq!(code, Some(0), "{stderr}");
    let version = env!("CARGO_PKG_VERSION");
    let file = settings.file();
    let first = stderr.lines().next().expect("a line");
    let words =
        format!("pointsman {version} starts with {file}: 1 zone, 1 cluster, 1 server, 2 names");
    assert!(first.contains(" INFO ") && first.contains(&words), "{first}");
    assert!(stderr.contains("ready: DNS is answered"), "{stderr}");
    assert!(stderr.contains("db-write.internal.: none -> db1: "), "{stderr}");
    assert!(stderr.contains("db1: Unknown -> "), "{stderr}");
    for line in stderr.lines() {
        assert!(!line.starts_with('{') && !line.contains('\u{1b}'), "{line}");
    }
}

#[test]
fn the_file_says_how_the_log_is_written_and_how_much() {
    let server = Fake::start("127.27.2.6", Vec::new());
    let log = "\n[log]\nformat = \"json\"\nlevel = \"warn\"\n";
    let text = config("tcp", "", &[server.address.to_string()]) + log;
    let settings = Settings::new(&text, "");
    let told = |variables: &[(&str, &str)]| {
        // `env -u` takes away what the tests set for every service.
        let mut command = Command::new("env");
        command.args(["-u", "POINTSMAN_LOG_FORMAT", env!("CARGO_BIN_EXE_pointsman")]);
        command.args(["serve", "--config", &settings.file()]);
        let service = Service::spawn(command, variables);
        service.wait_for_line("a warning", |line| message(line).starts_with("RUST_LOG"));
        service.log()
    };
    // One directive that is none brings a warning, and leaves the file's level.
    let lines = told(&[("RUST_LOG", "not=a=directive")]);
    assert!(lines.iter().all(|line| line["level"] == "WARN"), "{lines:?}");
}

#[test]
fn no_form_of_the_password_is_ever_logged() {
    let md5 = [&5_u32.to_be_bytes()[..], &[1, 2, 3, 4]].concat();
    let refuses = vec![
        Step::ReadStartup,
        Step::Send(pg_message(b'R', &md5)),
        Step::ReadMessage,
        Step::Send(error(
            "FATAL",
            "28P01",
            "password authentication failed for user \"pointsman\"",
        )),
    ];
    // In plain text, too, and garbled.
    let asks_plainly = vec![
        Step::ReadStartup,
        Step::Send(pg_message(b'R', &3_u32.to_be_bytes())),
        Step::ReadMessage,
        Step::Send(b"?what".to_vec()),
    ];
    let server = Fake::start_each("127.27.2.4", vec![asks_plainly, refuses]);
    let probe = "user = \"pointsman\"\npassword_file = \"probe.password\"\ntls = \"disable\"\n\
                 require_auth = [\"password\", \"md5\"]\n";
    let text = config("postgres", probe, &[server.address.to_string()]);
    let settings = Settings::new(&text, PASSWORD);
    let everything = "trace,hickory_server=trace,hickory_net=trace,hickory_proto=trace";
    let (service, _) = Service::serve(&settings, &[("RUST_LOG", everything)]);
    service.wait_for_line("the refusal is logged", |line| {
        let fields = &line["fields"];
        fields["to"] == "Misconfigured" && fields["detail"].to_string().contains("28P01")
    });
    until("it has been refused some more", || server.accepted() >= 8);
    let Ended { code, stdout, stderr } = service.stop();
    assert_eq!(code, Some(0), "{stderr}");
    for form in FORMS {
        for output in [&stdout, &stderr] {
            assert!(!output.to_lowercase().contains(&form.to_lowercase()), "{form} in {output}");
        }
    }
}

#[test]
fn a_failure_that_stays_is_logged_once() {
    // The second server counts the time: when it has been asked so often, the first one has, too.
    let refused = Fake::start("127.27.2.5", Vec::new()).address.to_string();
    let other = Fake::start("127.27.2.6", Vec::new());
    let settings = Settings::new(&config("tcp", "", &[refused, other.address.to_string()]), "");
    let (service, _) = Service::serve(&settings, &[]);
    service.wait_for_line("the first server is down", |line| is_state(line, "db1"));
    let before = other.accepted();
    until("three seconds of probes", || other.accepted() >= before + 15);
    let log = service.log();
    let lines: Vec<_> = log.iter().filter(|line| line.to_string().contains("db1")).collect();
    let [line] = lines.as_slice() else { panic!("not one line about it: {lines:#?}") };
    assert_eq!((line["level"].as_str(), &line["fields"]["to"]), (Some("WARN"), &"Down".into()));
    assert!(line["fields"]["reason"].to_string().contains("connection refused"), "{line}");
    assert_eq!(service.stop().code, Some(0));
}

fn is_state(line: &Value, server: &str) -> bool {
    line["fields"]["event"] == "state" && line["fields"]["server"] == server
}
