//! One secondary as a child process, with all of its files in a temporary directory.

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::{account::Account, dns_client::DnsClient, primary::Primary, process::ServerProcess};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nsd,
    Knot,
    Bind,
    PowerDns,
    Unbound,
}

/// A running secondary. Dropped, it is killed, and its files are removed.
pub(crate) struct Secondary {
    process: ServerProcess,
    address: SocketAddr,
    _directory: TempDir,
}

impl Secondary {
    /// Starts the server with what `secondary-config` prints for it, and with what only a test
    /// needs: ports, folders, no other user.
    pub(crate) fn start(kind: Kind, primary: &Primary) -> Self {
        Self::start_as(kind, primary, |settings| settings, &[])
    }

    /// The same, with settings that `changed` has changed, and with these variables.
    pub(crate) fn start_as(
        kind: Kind,
        primary: &Primary,
        changed: impl Fn(String) -> String,
        environment: &[(OsString, OsString)],
    ) -> Self {
        let directory = Account::current().directory("pointsman-secondary-");
        let address = primary.secondary();
        let folder = directory.path();
        let name = match kind {
            Kind::Nsd => "nsd",
            Kind::Knot => "knot",
            Kind::Bind => "bind",
            Kind::PowerDns => "powerdns",
            Kind::Unbound => "unbound",
        };
        let settings = changed(primary.settings(name));
        // The authority of the tests is in no bundle.
        let bundle = primary.certificate().display().to_string();
        let settings = settings.replace("/etc/ssl/certs/ca-certificates.crt", &bundle);
        let configure = match kind {
            Kind::Nsd => nsd,
            Kind::Knot => knot,
            Kind::Bind => bind,
            Kind::PowerDns => powerdns,
            Kind::Unbound => unbound,
        };
        let (program, arguments) = configure(folder, address, &settings);
        let mut command = Account::current().command_with(environment, program);
        command.args(arguments).current_dir(folder);
        let process = ServerProcess::spawn(command, &folder.join("log"));
        Self { process, address, _directory: directory }
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it.
    pub(crate) fn client(&self) -> DnsClient {
        DnsClient::new(self.address)
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}

/// A program and its arguments.
type Program = (&'static str, Vec<String>);

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file can be written");
    path.display().to_string()
}

fn nsd(folder: &Path, address: SocketAddr, settings: &str) -> Program {
    let (ip, port, at) = (address.ip(), address.port(), folder.display());
    let own = format!(
        "server:\n    ip-address: {ip}@{port}\n    port: {port}\n    username: \"\"\n    \
         chroot: \"\"\n    zonesdir: \"{at}\"\n    pidfile: \"\"\n    database: \"\"\n    \
         xfrdfile: \"{at}/xfrd.state\"\n    \
         zonelistfile: \"{at}/zone.list\"\n    xfrdir: \"{at}\"\n    cookie-secret-file: \"\"\n\
         remote-control:\n    control-enable: no\n"
    );
    let config = write(folder, "nsd.conf", &format!("{own}\n{settings}"));
    ("/usr/sbin/nsd", vec!["-d".into(), "-c".into(), config])
}

fn knot(folder: &Path, address: SocketAddr, settings: &str) -> Program {
    let (ip, port, at) = (address.ip(), address.port(), folder.display());
    let own = format!(
        "server:\n    rundir: \"{at}\"\n    listen: {ip}@{port}\ndatabase:\n    storage: \"{at}\"\n\
         template:\n  - id: default\n    storage: \"{at}\"\n\
         log:\n  - target: stderr\n    any: info\n"
    );
    // A section stands once: ours goes on where the test's began.
    let settings = settings.replacen("server:\n", "", 1);
    let (own, settings) = match settings.split_once("template:\n") {
        Some((before, after)) => {
            let template = format!("template:\n  - id: default\n    storage: \"{at}\"\n");
            (own.replacen(&template, "", 1), format!("{before}{template}{after}"))
        }
        None => (own, settings),
    };
    let own = own.replacen("server:\n", "", 1);
    let (head, rest) = settings.split_once("\n\n").expect("the first section ends");
    let (listening, other) = own.split_once("database:").expect("it is there");
    let config = format!("server:\n{head}\n{listening}database:{other}\n{rest}");
    let config = write(folder, "knot.conf", &config);
    ("/usr/sbin/knotd", vec!["-c".into(), config])
}

fn bind(folder: &Path, address: SocketAddr, settings: &str) -> Program {
    let (ip, port, at) = (address.ip(), address.port(), folder.display());
    fs::create_dir(folder.join("catalog")).expect("a directory can be made");
    // What the settings say of the one clause that the test has already.
    let options: String = settings
        .lines()
        .filter_map(|line| Some(format!("{}\n", line.strip_prefix("#     ")?)))
        .collect();
    let own = format!(
        "options {{\n    directory \"{at}\";\n    pid-file none;\n    session-keyfile none;\n    \
         lock-file none;\n    listen-on port {port} {{ {ip}; }};\n    \
         listen-on-v6 {{ none; }};\n    \
         recursion no;\n{options}}};\ncontrols {{ }};\n"
    );
    let config = write(folder, "named.conf", &format!("{own}\n{settings}"));
    ("/usr/sbin/named", vec!["-g".into(), "-4".into(), "-c".into(), config])
}

fn powerdns(folder: &Path, address: SocketAddr, settings: &str) -> Program {
    let (ip, port, at) = (address.ip(), address.port(), folder.display());
    let own = format!(
        "local-address={ip}\nlocal-port={port}\nlaunch=gsqlite3\ngsqlite3-database={at}/pdns.db\n\
         gsqlite3-dnssec=yes\nsocket-dir={at}\nguardian=no\ndaemon=no\nwrite-pid=no\n\
         zone-cache-refresh-interval=0\n"
    );
    let at = at.to_string();
    write(folder, "pdns.conf", &format!("{own}\n{settings}"));
    let schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
    run("/bin/sh", &["-c", &format!("sqlite3 {at}/pdns.db < {schema}")]);
    // The commands that the settings name.
    for command in settings.lines().filter_map(|line| line.strip_prefix("# pdnsutil ")) {
        run("/bin/sh", &["-c", &format!("pdnsutil --config-dir={at} {command}")]);
    }
    ("/usr/sbin/pdns_server", vec![format!("--config-dir={at}")])
}

fn unbound(folder: &Path, address: SocketAddr, settings: &str) -> Program {
    let (ip, port, at) = (address.ip(), address.port(), folder.display());
    let own = format!(
        "server:\n    interface: {ip}@{port}\n    port: {port}\n    username: \"\"\n    \
         chroot: \"\"\n    directory: \"{at}\"\n    pidfile: \"\"\n    use-syslog: no\n    \
         verbosity: 1\n    \
         do-not-query-localhost: no\n    module-config: \"iterator\"\nremote-control:\n    \
         control-enable: no\n"
    );
    let config = write(folder, "unbound.conf", &format!("{own}\n{settings}"));
    ("/usr/sbin/unbound", vec!["-d".into(), "-p".into(), "-c".into(), config])
}

fn run(program: &str, arguments: &[&str]) {
    let mut command: Command = Account::current().command(program);
    let Output { status, stdout, stderr } =
        command.args(arguments).output().expect("the command runs");
    let told = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(status.success(), "{arguments:?}: {told:?}");
}
