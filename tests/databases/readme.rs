//! README.md, "Five minutes with your own servers", to the letter: its files, its commands and its
//! output are taken from the text itself.
//!
//! A primary and a standby run at the two addresses of the text. Replaced are only the program's
//! path and the ports, which may be taken on this machine.

use std::{fs, net::Ipv4Addr, path::Path, process::Command};

use tempfile::TempDir;

use crate::{
    account::{self, Account},
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    patience, ports,
    postgres_cluster::{PgCluster, Shutdown},
    postgres_programs::Programs,
    process::ServerProcess,
};

const README: &str = include_str!("../../README.md");
const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 1, 1), Ipv4Addr::new(127, 0, 1, 2)];
const MARIADB: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 63, 21, 1), Ipv4Addr::new(127, 63, 21, 2)];

#[test]
fn five_minutes_with_ones_own_servers() {
    in_turn(|| {
        let mut servers = PgCluster::start(Programs::installed(), &SERVERS);
        servers.forget_probe(0);
        let [build, password, to_grant, config, to_run, shown] = &code_blocks()[..] else {
            panic!("the section has other code blocks");
        };
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let dns_port = ports::free_for_dns().port().to_string();
        let reader = Reader { folder, dns_port, database_port: servers.port().to_string() };
        assert_eq!(commands(build), ["cargo build --release"]);

        // 1. A password; 2. a user for the probes; 3. the configuration.
        for command in commands(password).into_iter().chain(commands(to_grant)) {
            reader.run(command);
        }
        reader.write("pointsman/pointsman.toml", &reader.localise(config, servers.port()));

        // 4. Check, run, ask.
        let [check, serve, ask_write, ask_read] = commands(to_run)[..] else {
            panic!("other commands: {to_run}");
        };
        reader.run(check);
        let serve = serve.strip_suffix(" &").expect("it runs in the background");
        let pointsman = reader.start(serve);
        reader.expect(ask_write, &["127.0.1.1"], &pointsman);
        reader.expect(ask_read, &["127.0.1.2"], &pointsman);

        // Stop the primary and look again.
        servers.stop(0, Shutdown::Fast);
        let (ask, answer) = shown.split_once('\n').expect("a command and its output");
        let ask = ask.strip_prefix("$ ").expect("a prompt");
        reader.expect(ask, &answer.lines().collect::<Vec<_>>(), &pointsman);

        // Promote the standby, and the name follows it.
        servers.promote(1);
        reader.expect(ask_write, &["127.0.1.2"], &pointsman);
    });
}

/// The same on MariaDB, with the words that the text has for it: another argument of `grants`, another
/// engine, its own client. That one is the test itself here, for the administrator of these servers comes in by a
/// socket file.
#[test]
fn five_minutes_with_mariadb() {
    in_turn(|| {
        let servers = MySqlCluster::start(MySqlPrograms::mariadb(), &MARIADB);
        let drop = "SELECT GROUP_CONCAT('DROP USER ', QUOTE(user), '@', QUOTE(host) SEPARATOR ';') \
                    FROM mysql.user WHERE user = 'pointsman'";
        for statement in servers.value(0, drop).split(';') {
            servers.sql(0, &[statement]);
        }
        let [_, password, to_grant, config, to_run, _] = &code_blocks()[..] else {
            panic!("the section has other code blocks");
        };
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let dns_port = ports::free_for_dns().port().to_string();
        let reader = Reader { folder, dns_port, database_port: servers.port().to_string() };
        for command in commands(password) {
            reader.run(command);
        }
        let [grant] = commands(to_grant)[..] else { panic!("other commands: {to_grant}") };
        let (grant, _client) = grant.rsplit_once(" | ").expect("the client comes last");
        let sql = reader.run(&grant.replace("grants postgres", "grants mariadb"));
        let lines = sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>();
        for statement in lines.join("\n").split(';').map(str::trim) {
            if !statement.is_empty() {
                servers.sql(0, &[statement]);
            }
        }
        let engine = config.replace("engine = \"postgres\"", "engine = \"mariadb\"");
        let mut text = reader.localise(&engine, servers.port());
        for (theirs, ours) in SERVERS.iter().zip(MARIADB) {
            text = text.replace(&format!("\"{theirs}\""), &format!("\"{ours}\""));
        }
        reader.write("pointsman/pointsman.toml", &text);
        let [check, serve, ask_write, ask_read] = commands(to_run)[..] else {
            panic!("other commands: {to_run}");
        };
        reader.run(check);
        let pointsman = reader.start(serve.strip_suffix(" &").expect("in the background"));
        reader.expect(ask_write, &[&MARIADB[0].to_string()], &pointsman);
        reader.expect(ask_read, &[&MARIADB[1].to_string()], &pointsman);
    });
}

/// The code blocks of the section, in order.
fn code_blocks() -> Vec<&'static str> {
    let (_, section) =
        README.split_once("\n## Five minutes with your own servers\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("a section after it");
    let fenced = section.split("\n```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').expect("a language, then the text").1).collect()
}

/// The commands of a block, without comments.
fn commands(block: &'static str) -> Vec<&'static str> {
    let lines = block.lines();
    lines.map(|line| line.split_once(" #").map_or(line, |(command, _)| command).trim()).collect()
}

/// Somebody who does what the text says, in a folder of their own.
struct Reader {
    folder: TempDir,
    dns_port: String,
    database_port: String,
}

impl Reader {
    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        let folder = path.parent().expect("it lies in a folder");
        fs::create_dir_all(folder).expect("a directory can be made");
        fs::write(&path, text).expect("a file can be written");
    }

    /// The configuration with ports that are free here.
    fn localise(&self, config: &str, database_port: u16) -> String {
        let mut text = config.replace(":5300", &format!(":{}", self.dns_port));
        for server in SERVERS {
            let line = format!("address = \"{server}\"");
            assert!(text.contains(&line), "the text has other servers:\n{text}");
            text = text.replace(&line, &format!("{line}\nport = {database_port}"));
        }
        text
    }

    /// Runs a command that must succeed; returns what it printed.
    fn run(&self, command: &str) -> String {
        account::run(self.shell(command).current_dir(self.folder.path()))
    }

    /// Starts a command that goes on running.
    fn start(&self, command: &str) -> ServerProcess {
        let words = self.adapt(command);
        let mut words = words.split_whitespace();
        let mut process = Account::current().command(words.next().expect("a program"));
        process.args(words).current_dir(self.folder.path());
        ServerProcess::spawn(process, &self.folder.path().join("log"))
    }

    /// Waits until the output of a command has all of `lines`, however they are indented.
    fn expect(&self, command: &str, lines: &[&str], pointsman: &ServerProcess) {
        let mut said = String::new();
        let found = patience::poll(patience::PATIENCE, || {
            let output = self.shell(command).output().expect("a shell can be started");
            said = String::from_utf8_lossy(&output.stdout).into_owned();
            let printed: Vec<_> = said.lines().map(words).collect();
            lines.iter().all(|line| printed.contains(&words(line))).then_some(())
        });
        let log = || pointsman.log_tail();
        assert!(found.is_some(), "{command}: wanted {lines:#?}, not\n{said}\n{}", log());
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(self.adapt(command));
        shell
    }

    /// The command for the program under test and the port it listens on.
    fn adapt(&self, command: &str) -> String {
        let program = env!("CARGO_BIN_EXE_pointsman");
        assert!(Path::new(program).is_absolute(), "the command runs in another folder");
        command
            .replace("target/release/pointsman", program)
            .replace("-p 5300", &format!("-p {}", self.dns_port))
            .replace("psql -h", &format!("psql -X -p {} -h", self.database_port))
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
