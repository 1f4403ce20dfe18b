//! `pointsman init` on real servers: from one of them to a configuration that serves right answers.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use hickory_proto::rr::Name;
use tempfile::TempDir;

use crate::{
    account::{self, Account},
    dns_client::DnsClient,
    galera_cluster::GaleraCluster,
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_flavour::Flavour,
    mysql_programs::MySqlPrograms,
    namespace::Namespace,
    patience,
    pointsman::PROBE_PASSWORD,
    ports,
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
    process::ServerProcess,
};

const POSTGRES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 63, 23, 1), Ipv4Addr::new(127, 63, 23, 2)];
const MARIADB: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 63, 24, 1), Ipv4Addr::new(127, 63, 24, 2)];
const MYSQL: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 63, 25, 1), Ipv4Addr::new(127, 63, 25, 2)];

/// What passwords of files may have in them.
const ADMIN_PASSWORD: &str = "of: the # admin\\";

/// An administrator who logs in by a password, and is to be let in by nothing else.
fn admin_of_postgres(servers: &PgCluster, count: usize) {
    let password = ADMIN_PASSWORD.replace('\'', "''");
    servers.sql(0, &format!("CREATE ROLE admin SUPERUSER LOGIN PASSWORD '{password}'"));
    for server in 0..count {
        let file = servers.value(server, "SHOW hba_file");
        let rules = fs::read_to_string(&file).expect("the rules can be read");
        let rule = "host all admin 127.0.0.0/8 scram-sha-256\n";
        fs::write(&file, format!("{rule}{rules}")).expect("the rules can be written");
        servers.sql(server, "SELECT pg_reload_conf()");
        let read = "SELECT count(*) FROM pg_hba_file_rules WHERE '{admin}' = user_name";
        patience::until("the rules are read", || servers.value(server, read) == "1");
    }
}

/// Somebody with a home of their own.
struct Somebody {
    home: TempDir,
    dns: SocketAddr,
}

impl Somebody {
    fn new(dns: Ipv4Addr) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        Self { home, dns: ports::free_for_dns_on(&[dns])[0] }
    }

    fn secret(&self, name: &str, text: &str) {
        Account::current().write_secret(&self.home.path().join(name), text);
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("pointsman")
    }

    /// Runs `init` with these words, in an environment without any other.
    fn init(&self, words: &[&str], environment: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        command.args(["init", "--zone", "db.internal", "--listen", &self.dns.to_string()]);
        command.args(words).env_clear().env("HOME", self.home.path()).stdin(Stdio::null());
        command.envs(environment.iter().copied()).current_dir(self.home.path());
        if !words.contains(&"--out") {
            command.arg("--out").arg(self.folder());
        }
        command.output().expect("it can be started").into()
    }

    /// Serves what was written until the names say these servers.
    fn serve(&self, write: Ipv4Addr, read: &[Ipv4Addr]) {
        let config = self.folder().join("pointsman.toml");
        let mut check = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        account::run(check.arg("check-config").arg(&config));
        let mut serve = Account::current().command(env!("CARGO_BIN_EXE_pointsman"));
        serve.arg("serve").arg("--config").arg(&config);
        let service = ServerProcess::spawn(serve, &self.home.path().join("log"));
        let mut client = DnsClient::new(self.dns);
        for (name, expected) in [("write", &[write][..]), ("read", read)] {
            let dns = Name::from_ascii(format!("{name}.db.internal.")).expect("a name");
            let expected: Vec<IpAddr> = expected.iter().map(|one| (*one).into()).collect();
            let mut last = None;
            let said = patience::poll(patience::PATIENCE, || {
                last = client.addresses(&dns);
                (last.as_ref()?.set() == expected).then_some(())
            });
            assert!(said.is_some(), "{name}: {last:?}\n{}", service.log_tail());
        }
    }
}

/// What a command said.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    output: String,
    errors: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        Self {
            code: output.status.code(),
            output: text(&output.stdout),
            errors: text(&output.stderr),
        }
    }
}

impl Ended {
    fn is_fine(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.output, self.errors);
        self
    }

    fn says(&self, words: &[&str]) -> &Self {
        for one in words {
            assert!(self.output.contains(one), "{one}:\n{}\n{}", self.output, self.errors);
        }
        self
    }

    fn failed(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{}\n{}", self.output, self.errors);
        for one in words {
            assert!(self.errors.contains(one), "{one}:\n{}\n{}", self.output, self.errors);
        }
    }
}

fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    // The service has left its socket, and saves its state.
    let paths = paths.filter(|path| path.is_file() && !path.ends_with("state.json"));
    let mut files: Vec<_> =
        paths.map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect();
    files.sort();
    files
}

#[test]
fn a_pair_of_postgres_from_its_standby() {
    in_turn(|| {
        let servers = PgCluster::start(Programs::installed(), &POSTGRES);
        servers.forget_probe(0);
        admin_of_postgres(&servers, 2);
        servers.wait_caught_up(1, 0);
        let port = servers.port();
        let [primary, standby] = POSTGRES.map(|one| format!("{one}:{port}"));
        let somebody = Somebody::new(Ipv4Addr::new(127, 63, 23, 9));
        let ask = ["--from", &standby, "--user", "admin"];
        let with = |more: &[&'static str]| [&ask[..], more].concat();

        // Without a password, with a wrong one, and with a file that others may read.
        let shut_out = somebody.init(&with(&["--yes"]), &[]);
        shut_out.failed(&["no password was found", "~/.pgpass"]);
        let wrong = somebody.init(&with(&["--yes"]), &[("PGPASSWORD", "wrong")]);
        wrong.failed(&["28P01", "correct the password"]);
        let escaped = ADMIN_PASSWORD.replace('\\', "\\\\").replace(':', "\\:");
        somebody.secret(".pgpass", &format!("{}:{port}:*:admin:{escaped}\n", POSTGRES[1]));
        let file = somebody.home.path().join(".pgpass");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
        let open = somebody.init(&with(&["--yes"]), &[]);
        open.says(&["chmod 600"]).failed(&["no password was found"]);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");

        // A dry run shows everything, and does nothing.
        let dry = somebody.init(&with(&["--dry-run", "--create-user"]), &[]);
        let config =
            "--- ".to_owned() + &somebody.folder().join("pointsman.toml").to_string_lossy();
        dry.is_fine().says(&[
            &config,
            "origin = \"db.internal.\"",
            "stub-zone:",
            "dry run",
            "dig @",
        ]);
        assert!(!somebody.folder().exists());
        let users = "SELECT count(*) FROM pg_roles WHERE rolname = 'pointsman'";
        assert_eq!(servers.value(0, users), "0");

        let done = somebody.init(&with(&["--create-user", "--yes"]), &[]);
        done.is_fine().says(&[
            &format!("replica of {}:{port}", POSTGRES[0]),
            &format!("{standby} follows it"),
            "was asked",
            "lets it in",
            "systemd-resolved",
        ]);
        assert!(!done.output.contains("does not let it in"), "{}", done.output);
        let password = somebody.folder().join("db.password");
        let mode = fs::metadata(&password).expect("a password").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let secret = fs::read_to_string(&password).expect("a password");
        assert!(!done.output.contains(secret.trim()), "the password is shown");
        somebody.serve(POSTGRES[0], &POSTGRES[1..]);

        // Never twice, and not with a user whose password nobody knows.
        let before = contents(&somebody.folder());
        let again = somebody.init(&with(&["--create-user", "--yes"]), &[]);
        again.failed(&["pointsman.toml", "nothing is overwritten", "--out"]);
        assert_eq!(contents(&somebody.folder()), before);
        let other = somebody.home.path().join("other");
        let out = ["--out", other.to_str().expect("UTF-8"), "--create-user", "--yes"];
        let exists = somebody.init(&[&ask[..], &out].concat(), &[]);
        exists.failed(&[&primary, "has a user `pointsman` already", "Nothing is written"]);
        assert_eq!(contents(&other), []);

        // The SQL is for others to run, and a user of few rights is told what stays hidden.
        servers.sql(0, "CREATE ROLE guest LOGIN");
        servers.wait_caught_up(1, 0);
        let out = ["--from", &primary, "--user", "guest", "--dry-run"];
        let guest = somebody.init(&out, &[]);
        let grant = "CREATE ROLE pointsman LOGIN PASSWORD 'change me'";
        guest.is_fine().says(&["guest may not see who follows", "pg_read_all_stats", grant]);
    });
}

/// What is typed on a terminal is not shown, and nothing is written without a yes.
#[test]
fn a_password_is_typed_and_a_yes() {
    in_turn(|| {
        let addresses = [Ipv4Addr::new(127, 63, 28, 1), Ipv4Addr::new(127, 63, 28, 2)];
        let servers = PgCluster::start(Programs::installed(), &addresses);
        admin_of_postgres(&servers, 2);
        servers.wait_caught_up(1, 0);
        let somebody = Somebody::new(Ipv4Addr::new(127, 63, 28, 9));
        let from = format!("{}:{}", addresses[1], servers.port());
        for (answer, is_written) in [("n", false), ("y", true)] {
            let mut terminal = Terminal::open(
                &format!(
                    "{} init --from {from} --zone db.internal --user admin --out {} --listen {}",
                    env!("CARGO_BIN_EXE_pointsman"),
                    somebody.folder().display(),
                    somebody.dns,
                ),
                somebody.home.path(),
            );
            terminal.wait_for("Password of admin");
            terminal.type_line(ADMIN_PASSWORD);
            terminal.wait_for("[y/N]");
            assert!(!somebody.folder().exists());
            terminal.type_line(answer);
            terminal.wait_for(if is_written { "Next:" } else { "nothing is written" });
            terminal.end();
            let said = terminal.said();
            assert!(!said.contains(ADMIN_PASSWORD), "{said}");
            assert_eq!(somebody.folder().exists(), is_written, "{said}");
        }
    });
}

/// A command on a terminal of its own, by script(1).
struct Terminal {
    child: Child,
    keys: ChildStdin,
    said: Arc<Mutex<String>>,
}

impl Terminal {
    fn open(command: &str, home: &Path) -> Self {
        let mut script = Account::current().command("script");
        script.args(["--quiet", "--return", "--command", command, "/dev/null"]);
        script.env_remove("PGPASSWORD").env("HOME", home);
        let pipes = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = pipes.spawn().expect("script(1) is installed");
        let keys = child.stdin.take().expect("a pipe");
        let mut output = child.stdout.take().expect("a pipe");
        let said = Arc::new(Mutex::new(String::new()));
        let hears = Arc::clone(&said);
        // It ends with the command.
        thread::spawn(move || {
            let mut octets = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut octets) {
                let text = String::from_utf8_lossy(&octets[..length]);
                hears.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        Self { child, keys, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wait_for(&self, words: &str) {
        let heard =
            patience::poll(patience::PATIENCE, || self.said().contains(words).then_some(()));
        assert!(heard.is_some(), "{words}:\n{}", self.said());
    }

    fn type_line(&mut self, text: &str) {
        writeln!(self.keys, "{text}").expect("the terminal is there");
    }

    fn end(&mut self) {
        self.child.wait().expect("it ends");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Replicas that are named from above, two links deep, by the names that they have given themselves.
#[test]
fn followers_of_followers_are_found_from_the_primary() {
    in_turn(|| {
        let network = Namespace::enter();
        let at = |last| Ipv4Addr::new(127, 63, 26, last);
        let all = [at(1), at(2), at(3)];
        // Over the loopback device all connections come from one address unless routes say otherwise.
        for (to, from) in [(all[0], all[1]), (all[1], all[2])] {
            let own = format!("{from}/8");
            account::run(Command::new("ip").args(["address", "replace", &own, "dev", "lo"]));
            let route = ["route", "replace", "local", &to.to_string(), "dev", "lo"];
            let from = from.to_string();
            account::run(Command::new("ip").args(route).args(["table", "local", "src", &from]));
        }
        let mut servers = PgCluster::start(Programs::installed(), &all);
        servers.repoint(2, 1);
        let port = servers.port();
        let somebody = Somebody::new(Ipv4Addr::LOCALHOST);
        let from = format!("{}:{port}", all[0]);
        let found = somebody.init(&["--from", &from, "--user", "postgres", "--dry-run"], &[]);
        found.is_fine().says(&[
            // They ask for no password, so that their own word does not count.
            &format!("{}:{port} sends to it", all[0]),
            &format!("{}:{port} sends to it", all[1]),
            "name = \"host-127-63-26-2\"",
            "name = \"host-127-63-26-3\"",
        ]);
        assert!(!found.output.contains("Left out"), "{}", found.output);
        drop(network);
    });
}

/// Whoever may do nothing but ask is told of the other nodes, too.
#[test]
fn nodes_of_galera_are_found_from_one_of_them() {
    in_turn(|| {
        let addresses = [1, 2, 3].map(|last| Ipv4Addr::new(127, 63, 29, last));
        let nodes = GaleraCluster::start(&addresses);
        let somebody = Somebody::new(Ipv4Addr::new(127, 63, 29, 9));
        let from = format!("{}:{}", addresses[1], nodes.port());
        let ask = ["--from", &from, "--user", "pointsman", "--dry-run"];
        let found = somebody.init(&ask, &[("MYSQL_PWD", PROBE_PASSWORD)]);
        found.is_fine().says(&["member of its group", &format!("in the group of {from}")]);
        assert_eq!(found.output.matches("[[cluster.server]]").count(), 3, "{}", found.output);
        for address in addresses {
            found.says(&[&format!("address = \"{address}\"")]);
        }
    });
}

#[test]
fn a_pair_of_mariadb_from_its_replica() {
    pair_of_mysql(MySqlPrograms::mariadb(), MARIADB, "engine = \"mariadb\"");
}

#[test]
fn a_pair_of_mysql_from_its_replica() {
    pair_of_mysql(MySqlPrograms::mysql(), MYSQL, "engine = \"mysql\"");
}

fn pair_of_mysql(programs: MySqlPrograms, addresses: [Ipv4Addr; 2], engine: &str) {
    in_turn(|| {
        let flavour = programs.flavour();
        let servers = MySqlCluster::start(programs.clone(), &addresses);
        let hosts = "SELECT GROUP_CONCAT('DROP USER ', QUOTE(user), '@', QUOTE(host) \
                     SEPARATOR ';') FROM mysql.user WHERE user = 'pointsman'";
        for statement in servers.value(0, hosts).split(';') {
            servers.sql(0, &[statement]);
        }
        let password = ADMIN_PASSWORD.replace('\\', "\\\\");
        let create = format!("CREATE USER 'admin'@'%' IDENTIFIED BY '{password}'");
        servers.sql(0, &[&create, "GRANT ALL PRIVILEGES ON *.* TO 'admin'@'%' WITH GRANT OPTION"]);
        let has_admin = "SELECT COUNT(*) FROM mysql.user WHERE user = 'admin'";
        patience::until("the administrator is replicated", || servers.value(1, has_admin) == "1");
        let port = servers.port();
        let [primary, replica] = addresses.map(|one| format!("{one}:{port}"));
        let somebody = Somebody::new(Ipv4Addr::new(
            127,
            addresses[0].octets()[1],
            addresses[0].octets()[2],
            9,
        ));
        // MySQL lets nobody in without TLS whom it does not know by then, and strangers get no password
        // over TLS that shows nobody's identity: there both servers are named.
        let ask = match flavour {
            Flavour::MariaDb => vec!["--from", &replica],
            Flavour::MySql => vec!["--from", &replica, "--from", &primary],
        };
        let wrong = [&ask[..], &["--user", "admin", "--yes"]].concat();
        somebody.init(&wrong, &[("MYSQL_PWD", "wrong")]).failed(&["1045", "~/.my.cnf"]);

        let escaped = ADMIN_PASSWORD.replace('\\', "\\\\");
        let options = format!("[client]\nuser = admin\npassword = \"{escaped}\"\n");
        somebody.secret(".my.cnf", &options);
        if flavour == Flavour::MySql {
            let alone = somebody.init(&["--from", &replica, "--create-user", "--yes"], &[]);
            alone
                .says(&["Left out", &format!("--from {primary}")])
                .failed(&["no primary was found"]);
        }
        let ended = somebody.init(&[&ask[..], &["--create-user", "--yes"]].concat(), &[]);
        ended.is_fine().says(&[&format!("replica of {primary}"), "primary", "lets it in"]);
        assert!(!ended.output.contains("does not let it in"), "{}", ended.output);
        let config = fs::read_to_string(somebody.folder().join("pointsman.toml")).expect("a file");
        assert!(config.contains(engine), "{config}");
        somebody.serve(addresses[0], &addresses[1..]);
    });
}

/// A script of six commands, each of them run as it stands. Only the service manager is played here: what
/// it starts is the program that its unit names, and unbound as Debian configures it.
#[test]
fn six_commands_to_an_answer_of_the_systems_resolver() {
    in_turn(|| {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first-answer/postgres-unbound");
        let text = fs::read_to_string(&script).expect("the script");
        let words = ["#", "set ", "server=", "shift "];
        let commands = text
            .lines()
            .filter(|line| !line.is_empty() && !words.iter().any(|word| line.starts_with(word)));
        let commands: Vec<_> = commands.collect();
        assert!(commands.len() <= 6, "{text}");
        let readme = include_str!("../../README.md");
        let (_, told) = readme.split_once("\n## A first answer\n").expect("the section");
        for command in commands.iter().filter(|command| !command.contains('$')) {
            assert!(told.contains(&format!("\n{command}\n")), "README.md does not say {command}");
        }

        let addresses = [Ipv4Addr::new(127, 63, 27, 1), Ipv4Addr::new(127, 63, 27, 2)];
        let servers = PgCluster::start(Programs::installed(), &addresses);
        servers.forget_probe(0);
        admin_of_postgres(&servers, 2);
        servers.wait_caught_up(1, 0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str, mode| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            fs::write(&path, text).expect("a file can be written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        };
        let dns = ports::free_for_dns_on(&[Ipv4Addr::new(127, 63, 27, 9)])[0];
        write("resolv.conf", "nameserver 127.63.27.53\noptions timeout:1 attempts:5\n", 0o644);
        write("unbound.conf.d/here.conf", UNBOUND_HERE, 0o644);
        write("bin/systemctl", SYSTEMCTL, 0o755);
        // What the package puts there.
        let example = include_str!("../../packaging/pointsman.toml");
        write("etc/pointsman.toml", example, 0o644);
        write("stage", STAGE, 0o755);
        let program = Path::new(env!("CARGO_BIN_EXE_pointsman"));
        std::os::unix::fs::symlink(program, folder.path().join("bin/pointsman")).expect("a link");

        let mut stage = Command::new("timeout");
        stage
            .args(["--signal=KILL", "60", "unshare", "--mount", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "--propagation=private"])
            .arg(folder.path().join("stage"))
            .arg(script)
            .arg(format!("{}:{}", addresses[1], servers.port()))
            .args(["db.internal", "--listen", &dns.to_string()])
            .env("STAGE", folder.path())
            .env("PGUSER", "admin")
            .env("PGPASSWORD", ADMIN_PASSWORD);
        let ended: Ended = stage.output().expect("it can be started").into();
        ended.is_fine();
        let answers: Vec<_> =
            ended.output.lines().filter(|line| line.contains(" STREAM")).collect();
        let [write, read] = answers[..] else { panic!("{}", ended.output) };
        assert!(write.starts_with(&format!("{} ", addresses[0])), "{write}");
        assert!(read.starts_with(&format!("{} ", addresses[1])), "{read}");
    });
}

/// unbound beside others on this machine.
const UNBOUND_HERE: &str = "\
server:
    interface: 127.63.27.53
    username: \"\"
    chroot: \"\"
    pidfile: \"\"
    use-syslog: no
    private-address: 127.0.0.0/8
remote-control:
    control-enable: no
";

/// A host of its own, as far as its files go. What is started in it ends with it.
const STAGE: &str = r#"#!/bin/sh
set -eu
mount --bind "$STAGE/etc" /etc/pointsman 2>/dev/null || {
    cp -a /etc "$STAGE/all-etc"
    mount --bind "$STAGE/all-etc" /etc
    mkdir -p /etc/pointsman
    mount --bind "$STAGE/etc" /etc/pointsman
}
cp /usr/share/dns/root.key "$STAGE/root.key"
printf 'server:\n    trust-anchor-file: "%s"\n' "$STAGE/root.key" \
    > "$STAGE/unbound.conf.d/anchor.conf"
mount --bind "$STAGE/unbound.conf.d" /etc/unbound/unbound.conf.d
mount --bind "$STAGE/resolv.conf" /etc/resolv.conf
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mkdir /run/pointsman /var/lib/pointsman
PATH=$STAGE/bin:$PATH
exec_script=$1
shift
"$exec_script" "$@"
"#;

/// As much of systemctl as the script needs: it returns when the service answers.
const SYSTEMCTL: &str = r#"#!/bin/sh
set -eu
answers() {
    for _ in $(seq 300); do
        if dig @"$1" -p "$2" +tries=1 +time=1 db.internal SOA >/dev/null; then return; fi
        sleep 0.1
    done
    cat "$STAGE/log" >&2
    exit 1
}
case "$*" in
"enable --now pointsman")
    pointsman check-config /etc/pointsman/pointsman.toml >/dev/null
    pointsman serve --config /etc/pointsman/pointsman.toml >"$STAGE/log" 2>&1 &
    at=$(sed -n 's/^listen = \["\(.*\)"\]$/\1/p' /etc/pointsman/pointsman.toml)
    answers "${at%:*}" "${at#*:}"
    ;;
"restart unbound")
    /usr/sbin/unbound -d -c /etc/unbound/unbound.conf >"$STAGE/log" 2>&1 &
    answers 127.63.27.53 53
    ;;
*) echo "nobody plays systemctl $*" >&2; exit 1 ;;
esac
"#;
