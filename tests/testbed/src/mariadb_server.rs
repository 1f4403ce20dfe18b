//! One MariaDB server: its data, its process, and a session for its administrator.
//!
//! The administrator comes in through the socket file without a password, the probe's user over TCP
//! with one.

use std::{
    ffi::OsString,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use mysql_async::{Conn, Opts, OptsBuilder, Row, prelude::Queryable};
use rustix::process::{Pid, Signal};
use tokio::{runtime::Runtime, time};

use crate::{
    account::{self, Account},
    disk::Disk,
    grants::Grants,
    patience,
    process::ServerProcess,
};

/// What every server is started with: small, quick, and a killed process loses nothing that the
/// kernel has.
const SETTINGS: &[&str] = &[
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-load-at-startup=0",
    "--innodb-buffer-pool-dump-at-shutdown=0",
    "--sync-binlog=0",
    "--binlog-format=ROW",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=8M",
    "--performance-schema=0",
    "--max-connections=20",
    "--back-log=1000", // A frozen server goes on accepting, as a large one would.
];

/// A server. Its process ends when this is dropped; its data is the caller's.
pub struct MariaServer {
    account: Account,
    address: Ipv4Addr,
    port: u16,
    home: PathBuf,
    environment: Vec<(OsString, OsString)>,
    process: Option<ServerProcess>,
    /// Its home; unmounted after the end of the process.
    disk: Disk,
}

/// Sessions held open; dropped, they end.
pub struct Sessions {
    _connections: Vec<Conn>,
}

impl MariaServer {
    /// Servers at `addresses` with equal new data below `directory`. Not started.
    ///
    /// # Panics
    /// When MariaDB is not installed.
    pub fn install(
        account: &Account,
        addresses: &[Ipv4Addr],
        port: u16,
        directory: &Path,
    ) -> Vec<Self> {
        let mut servers: Vec<Self> = Vec::new();
        for address in addresses {
            let disk = Disk::at(&directory.join(address.to_string()));
            let server = Self {
                account: account.clone(),
                address: *address,
                port,
                home: disk.path().to_path_buf(),
                environment: Vec::new(),
                process: None,
                disk,
            };
            account.own(&server.home);
            match servers.first() {
                Some(first) => server.copy_data(first),
                None => server.new_data(),
            }
            servers.push(server);
        }
        servers
    }

    /// Where it listens.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Starts it with further settings, without waiting.
    pub fn launch(&mut self, settings: &[String]) {
        assert!(self.process.is_none(), "{} is running", self.address);
        let mut command = self.account.command_with(&self.environment, "mariadbd");
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.data().display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--pid-file={}", self.home.join("pid").display()))
            .arg(format!("--bind-address={}", self.address))
            .arg(format!("--port={}", self.port))
            .args(SETTINGS)
            .args(settings);
        let identity = self.identity();
        if identity.exists() {
            command
                .arg(format!("--ssl-cert={}", identity.display()))
                .arg(format!("--ssl-key={}", identity.display()));
        }
        let log = self.home.join("log");
        self.process = Some(ServerProcess::spawn(command, &log));
    }

    /// What it finds in its environment from its next start on.
    pub fn set_environment(&mut self, environment: Vec<(OsString, OsString)>) {
        self.environment = environment;
    }

    /// The key and the certificate, PEM, that it has from its next start on; with `None` it speaks
    /// no TLS then.
    pub fn put_identity(&self, identity: Option<&str>) {
        match identity {
            Some(identity) => self.account.write_secret(&self.identity(), identity),
            None => fs::remove_file(self.identity()).expect("it has one"),
        }
    }

    /// Waits until a column of what a `SHOW` statement returns is `wanted`.
    pub fn wait_for(&self, runtime: &Runtime, show: &str, column: &str, wanted: &str) {
        let said = patience::poll(2 * patience::PATIENCE, || {
            let said = self.show(runtime, show, column);
            (said.as_deref() == Some(wanted)).then_some(())
        });
        let tail = || self.process().log_tail();
        assert!(said.is_some(), "{show} on {}:\n{}", self.address, tail());
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        self.process.as_ref().map(ServerProcess::log_tail).unwrap_or_default()
    }

    /// The process id of the running server.
    pub fn pid(&self) -> Pid {
        self.process().pid()
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        self.take_process().crash();
    }

    /// An orderly stop.
    pub fn stop(&mut self) {
        self.take_process().end(Signal::TERM);
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.process().freeze();
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self) {
        self.process().thaw();
    }

    /// Gives a stopped server a copy of the data of another stopped server.
    pub fn copy_data(&self, from: &Self) {
        drop(fs::remove_dir_all(self.data()));
        let mut copy = self.account.command("cp");
        copy.arg("--archive").arg(from.data()).arg(self.data());
        account::run(&mut copy);
    }

    /// Puts the data of a stopped server aside and gives it new data of no history. Returns a file
    /// of `statements` for `--init-file`, which run before anybody gets in.
    pub fn put_data_aside(&self, statements: &[String]) -> PathBuf {
        let aside = self.home.join("aside");
        fs::rename(self.data(), aside).expect("a directory can be renamed");
        self.new_data();
        let file = self.home.join("first.sql");
        let text = statements.join(";\n") + ";\n";
        fs::write(&file, text).expect("a file can be written");
        file
    }

    /// Ends [`Self::put_data_aside`].
    pub fn take_data_back(&self) {
        fs::remove_dir_all(self.data()).expect("a directory can be removed");
        let aside = self.home.join("aside");
        fs::rename(aside, self.data()).expect("a directory can be renamed");
    }

    /// Fills its disk, or ends that.
    pub fn fill_disk(&self, full: bool) {
        if full { self.disk.fill() } else { self.disk.free() }
    }

    /// The first column of the first row of a query that must succeed.
    pub fn value(&self, runtime: &Runtime, query: &str) -> String {
        self.query(runtime, &[query])
            .unwrap_or_else(|error| panic!("{query} on {}: {error}", self.address))
            .unwrap_or_else(|| panic!("{query} on {} has no row", self.address))
    }

    /// Runs statements that must succeed, in one session of the administrator.
    pub fn sql(&self, runtime: &Runtime, statements: &[&str]) {
        self.query(runtime, statements)
            .unwrap_or_else(|error| panic!("{statements:?} on {}: {error}", self.address));
    }

    /// A named column of the first row that a `SHOW` statement returns; `None` when it fails or
    /// there is no row.
    pub fn show(&self, runtime: &Runtime, statement: &str, column: &str) -> Option<String> {
        runtime.block_on(async {
            let mut session = connect(self.administrator()).await?;
            let row: Row = session.query_first(statement).await.ok()??;
            row.get::<Option<String>, _>(column).flatten()
        })
    }

    /// A session of the administrator.
    pub fn session(&self, runtime: &Runtime) -> Conn {
        let session = runtime.block_on(connect(self.administrator()));
        session.expect("the administrator gets in")
    }

    /// A session of the administrator that has run `statement` and stays open.
    pub fn hold(&self, runtime: &Runtime, statement: &str) -> Sessions {
        let mut session = self.session(runtime);
        assert!(runtime.block_on(run(&mut session, statement)), "{statement} fails");
        Sessions { _connections: vec![session] }
    }

    /// Takes every connection slot that an ordinary user can get, the probe's too.
    pub fn fill_connections(&self, runtime: &Runtime) -> Sessions {
        // One session for all questions: each one of its own would leave a slot behind.
        let mut administrator = self.session(runtime);
        let mut connections = Vec::new();
        let count = format!("SELECT count(*) {PROBE_SESSIONS}");
        patience::until("the probe has no session and gets none", || {
            let ended = runtime.block_on(run(&mut administrator, "KILL USER pointsman"));
            let application = OptsBuilder::default()
                .ip_or_hostname(self.address.to_string())
                .tcp_port(self.port)
                .user(Some("application"))
                .prefer_socket(false);
            let before = connections.len();
            while let Some(connection) = runtime.block_on(connect(application.clone().into())) {
                connections.push(connection);
            }
            let left = runtime.block_on(administrator.query_first(count.as_str()));
            ended && connections.len() == before && matches!(left, Ok(Some(0_u64)))
        });
        connections.push(administrator);
        Sessions { _connections: connections }
    }

    /// Ends the probe's sessions, so that it must log in anew.
    pub fn end_probe_sessions(&self, runtime: &Runtime) {
        self.sql(runtime, &["KILL USER pointsman"]);
    }

    /// How many sessions the probe has; `None` when the server does not tell.
    pub fn probe_sessions(&self, runtime: &Runtime) -> Option<usize> {
        let count = format!("SELECT count(*) {PROBE_SESSIONS}");
        self.query(runtime, &[&count]).ok()??.parse().ok()
    }

    /// Whether it is running.
    pub fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.has_ended())
    }

    /// What it has logged about the probe's user, or about connections that nobody has logged in
    /// over.
    pub fn log_of_probe(&self) -> Vec<String> {
        let log = fs::read(self.home.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let marks = ["'pointsman'", "unauthenticated", "Too many connections"];
        let lines = log.lines().filter(|line| marks.iter().any(|mark| line.contains(mark)));
        lines.map(str::to_owned).collect()
    }

    /// Statements that make the probe's user, an ordinary one, and one for replication.
    pub fn users() -> Vec<String> {
        let mut statements = grants().user();
        statements.extend(
            [
                "CREATE USER application@'127.%'",
                "CREATE USER replication@'127.%'",
                "GRANT REPLICATION SLAVE ON *.* TO replication@'127.%'",
            ]
            .map(str::to_owned),
        );
        statements
    }

    fn new_data(&self) {
        let mut install = self.account.command("mariadb-install-db");
        install
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.data().display()))
            .arg("--auth-root-authentication-method=normal")
            .arg("--skip-test-db")
            .arg("--innodb-log-file-size=8M");
        account::run(&mut install);
    }

    /// The first column of the first row that the last of `statements` returns, if any.
    fn query(
        &self,
        runtime: &Runtime,
        statements: &[&str],
    ) -> Result<Option<String>, Box<dyn std::error::Error>> {
        runtime.block_on(async {
            let work = async {
                let mut connection = Conn::new(self.administrator()).await?;
                let mut row: Option<Row> = None;
                for statement in statements {
                    row = connection.query_first(*statement).await?;
                }
                connection.disconnect().await?;
                Ok::<_, mysql_async::Error>(row)
            };
            let row = time::timeout(Duration::from_secs(10), work).await??;
            Ok(row.and_then(|row| row.get::<Option<String>, _>(0).flatten()))
        })
    }

    fn administrator(&self) -> Opts {
        OptsBuilder::default()
            .socket(Some(self.socket().display().to_string()))
            .user(Some("root"))
            .into()
    }

    fn socket(&self) -> PathBuf {
        self.home.join("socket")
    }

    fn identity(&self) -> PathBuf {
        self.home.join("identity.pem")
    }

    fn process(&self) -> &ServerProcess {
        let process = self.process.as_ref();
        process.unwrap_or_else(|| panic!("{} is not running", self.address))
    }

    fn take_process(&mut self) -> ServerProcess {
        let process = self.process.take();
        process.unwrap_or_else(|| panic!("{} is not running", self.address))
    }
}

const PROBE_SESSIONS: &str = "FROM information_schema.processlist WHERE user = 'pointsman'";

async fn connect(options: Opts) -> Option<Conn> {
    let connect = time::timeout(Duration::from_secs(5), Conn::new(options));
    connect.await.ok()?.ok()
}

/// Runs one statement; whether that went well.
pub async fn run(session: &mut Conn, statement: &str) -> bool {
    session.query_drop(statement).await.is_ok()
}

/// Runs the sessions of the tests themselves.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be made")
}

/// The account that runs the servers.
///
/// # Panics
/// When MariaDB is not installed.
pub fn account() -> Account {
    version();
    Account::named("mysql")
}

/// The SQL that makes the probe's user in the installed version.
pub fn grants() -> Grants {
    Grants::printed("mysql", &version())
}

/// The installed version as a server would call it: `10.11.6-MariaDB`.
fn version() -> String {
    let output = Command::new("mariadbd").arg("--version").output();
    let output = output.expect("MariaDB is not installed; tests/run installs it");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut words = text.split_whitespace().skip_while(|word| *word != "Ver").skip(1);
    words.next().unwrap_or_else(|| panic!("no version in {text}")).to_owned()
}
