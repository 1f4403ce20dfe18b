//! One MySQL or MariaDB server: its data, its process, and a session for its administrator.
//!
//! The administrator comes in through the socket file without a password, the probe's user over TCP
//! with one.

use std::{
    ffi::OsString,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use mysql_async::{Conn, Opts, OptsBuilder, Row, prelude::Queryable};
use rustix::process::{Pid, Signal};
use tokio::{runtime::Runtime, time};

use crate::{
    account,
    disk::Disk,
    mysql_flavour::Flavour,
    mysql_programs::{IDENTITY, MySqlPrograms},
    mysql_sessions::{Sessions, connect, count_clients_beside, end_sessions_of, ids_of, run},
    patience,
    process::ServerProcess,
};

/// The user of the probe.
const PROBE: &str = "pointsman";

/// From one end of the probe's session to the next: several probes.
const BETWEEN_ENDS: Duration = Duration::from_secs(1);

/// In so long a server has noticed that a connection was given up.
const GIVEN_UP: Duration = Duration::from_millis(200);

/// A server. Its process ends when this is dropped; its data is the caller's.
pub struct MySqlServer {
    programs: MySqlPrograms,
    address: Ipv4Addr,
    port: u16,
    home: PathBuf,
    environment: Vec<(OsString, OsString)>,
    process: Option<ServerProcess>,
    /// Its home; unmounted after the end of the process.
    disk: Disk,
}

impl MySqlServer {
    /// Servers at `addresses` with equal new data below `directory`. Not started.
    pub fn install(
        programs: &MySqlPrograms,
        addresses: &[Ipv4Addr],
        port: u16,
        directory: &Path,
    ) -> Vec<Self> {
        let mut servers: Vec<Self> = Vec::new();
        for address in addresses {
            let disk = Disk::at(&directory.join(address.to_string()));
            let server = Self {
                programs: programs.clone(),
                address: *address,
                port,
                home: disk.path().to_path_buf(),
                environment: Vec::new(),
                process: None,
                disk,
            };
            programs.account().own(&server.home);
            match servers.first() {
                Some(first) => server.copy_data(first),
                None => server.new_data(),
            }
            servers.push(server);
        }
        servers
    }

    /// Who made it.
    pub fn flavour(&self) -> Flavour {
        self.programs.flavour()
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
        let mut command = self.programs.server(&self.environment);
        command
            .arg(format!("--datadir={}", self.data().display()))
            .arg(format!("--tmpdir={}", self.temporary().display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--pid-file={}", self.home.join("pid").display()))
            .arg(format!("--bind-address={}", self.address))
            .arg(format!("--port={}", self.port))
            .args(self.flavour().settings())
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
            Some(identity) => self.programs.account().write_secret(&self.identity(), identity),
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

    /// An orderly stop that is as quick as it can be. While MySQL has replicas, its event scheduler
    /// holds the end up for eight seconds, which is how long it waits for its other threads.
    pub fn stop_quickly(&mut self, runtime: &Runtime) {
        if self.flavour() == Flavour::MySql {
            self.sql(runtime, &["SET GLOBAL event_scheduler = OFF"]);
        }
        self.stop();
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.process().freeze();
    }

    /// Ends [`Self::freeze`].
    pub fn thaw(&self) {
        self.process().thaw();
    }

    /// Gives a stopped server a copy of the data of another stopped server. On MySQL it stays the
    /// server that it is: its `server_uuid` is in a file of the data.
    pub fn copy_data(&self, from: &Self) {
        let identity = self.data().join(IDENTITY);
        let own = fs::read_to_string(&identity).ok();
        drop(fs::remove_dir_all(self.data()));
        let mut copy = self.programs.account().command("cp");
        copy.arg("--archive").arg(from.data()).arg(self.data());
        account::run(&mut copy);
        match own {
            Some(own) => self.programs.account().write_secret(&identity, &own),
            None => drop(fs::remove_file(identity)), // It makes one for itself.
        }
    }

    /// Puts the data of a stopped server aside and gives it new data of no history.
    pub fn put_data_aside(&self) {
        let aside = self.home.join("aside");
        fs::rename(self.data(), aside).expect("a directory can be renamed");
        self.new_data();
    }

    /// A file of `statements` for `--init-file`, which run before anybody gets in.
    pub fn first_statements(&self, statements: &[String]) -> PathBuf {
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

    /// Makes the data of a server that has no history.
    fn new_data(&self) {
        self.programs.new_data(&self.data());
    }

    /// Where it keeps temporary tables: a directory of its own, because a server that starts
    /// removes the temporary tables of whoever shares the directory, and beside its home, which may
    /// be a full disk.
    fn temporary(&self) -> PathBuf {
        let directory = self.home.with_file_name(format!("{}.tmp", self.address));
        fs::create_dir_all(&directory).expect("a directory can be made");
        self.programs.account().own(&directory);
        directory
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
        // A server that was full takes a moment to see that others have left.
        let done = patience::poll(patience::PATIENCE, || match self.query(runtime, statements) {
            Err(error) if is_full(&*error) => None,
            result => Some(result),
        });
        let failure = match done {
            Some(Ok(_)) => return,
            Some(Err(error)) => error.to_string(),
            None => "it stays full".to_owned(),
        };
        panic!("{statements:?} on {}: {failure}\n{}", self.address, self.log_tail());
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
        let slots: usize = runtime
            .block_on(administrator.query_first("SELECT @@GLOBAL.max_connections"))
            .expect("the administrator may ask")
            .expect("a number of slots");
        let application = OptsBuilder::default()
            .ip_or_hostname(self.address.to_string())
            .tcp_port(self.port)
            .user(Some("application"))
            .prefer_socket(false);
        let mut fill = |administrator: &mut Conn| {
            while let Some(connection) = runtime.block_on(connect(application.clone().into())) {
                connections.push(connection);
            }
            let taken = runtime.block_on(count_clients_beside(administrator, PROBE))?;
            let probes = runtime.block_on(ids_of(administrator, PROBE))?;
            // An administrator gets one slot more.
            (probes.is_empty() && taken >= slots).then_some(())
        };
        patience::until("every slot is taken, none of them by the probe", || {
            // A connection that was given up is counted for a moment, and leaves its slot to whoever comes.
            let is_full = fill(&mut administrator).is_some() && {
                thread::sleep(GIVEN_UP);
                fill(&mut administrator).is_some()
            };
            if is_full {
                return true;
            }
            runtime.block_on(end_sessions_of(&mut administrator, PROBE));
            // A slot is free some moments after its session was ended, and whoever asks first has it. Two
            // ends in a row would look like the end of the server: the probe has time for a reply.
            patience::poll(BETWEEN_ENDS, || fill(&mut administrator)).is_some()
        });
        connections.push(administrator);
        Sessions { _connections: connections }
    }

    /// Ends the probe's sessions, so that it must log in anew.
    pub fn end_probe_sessions(&self, runtime: &Runtime) {
        let mut administrator = self.session(runtime);
        let asked = runtime.block_on(end_sessions_of(&mut administrator, PROBE));
        assert!(asked, "{} does not tell who is connected", self.address);
    }

    /// How many sessions the probe has; `None` when the server does not tell.
    pub fn probe_sessions(&self, runtime: &Runtime) -> Option<usize> {
        runtime.block_on(async {
            let mut administrator = connect(self.administrator()).await?;
            let ids = ids_of(&mut administrator, PROBE);
            Some(time::timeout(Duration::from_secs(5), ids).await.ok()??.len())
        })
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

/// ER_CON_COUNT_ERROR: every connection slot is taken.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    const ER_CON_COUNT_ERROR: u16 = 1040;
    let server = error.downcast_ref::<mysql_async::Error>();
    matches!(server, Some(mysql_async::Error::Server(error)) if error.code == ER_CON_COUNT_ERROR)
}
