//! The server programs of one version of MySQL or MariaDB, and the account that runs them.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    account::{self, Account},
    build_folder,
    data_template::DataTemplate,
    distribution::Distribution,
    grants::Grants,
    mysql_flavour::Flavour,
};

/// The file of its data in which a server of MySQL keeps its `server_uuid`.
pub(crate) const IDENTITY: &str = "auto.cnf";

/// Where the programs of one version lie.
#[derive(Clone, Debug)]
pub struct MySqlPrograms {
    flavour: Flavour,
    /// `10.11.6-MariaDB`, as a server calls itself.
    version: String,
    account: Account,
    /// Unless they are installed.
    distribution: Option<Distribution>,
}

impl MySqlPrograms {
    /// The MariaDB that Debian's packages have installed.
    ///
    /// # Panics
    /// When there is none.
    pub fn mariadb() -> Self {
        Self::new(Flavour::MariaDb, None)
    }

    /// MariaDB of another release of Debian.
    ///
    /// # Panics
    /// When `tests/run` has not fetched it.
    pub fn mariadb_of(release: &str) -> Self {
        Self::new(Flavour::MariaDb, Some(&format!("mariadb-{release}")))
    }

    /// The newest MySQL that Debian has.
    ///
    /// # Panics
    /// When `tests/run` has not fetched it.
    pub fn mysql() -> Self {
        Self::new(Flavour::MySql, Some("mysql-sid"))
    }

    fn new(flavour: Flavour, fetched: Option<&str>) -> Self {
        let account = Account::named("mysql");
        let distribution = fetched.map(|name| {
            let path = build_folder().join("debian-servers").join(name);
            assert!(path.exists(), "{} is missing; tests/run fetches it", path.display());
            Distribution::at(&path, &format!("usr/sbin/{}", flavour.program()), &account)
        });
        let mut programs = Self { flavour, version: String::new(), account, distribution };
        programs.version = programs.ask_version();
        programs
    }

    /// Who made them.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The version, as a server calls it: `10.11.6-MariaDB`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The account that runs them.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The SQL that makes the probe's user in this version.
    pub fn grants(&self) -> Grants {
        Grants::printed("mysql", &self.version)
    }

    /// Statements that make the probe's user, an ordinary one, and one for replication.
    pub fn users(&self) -> Vec<String> {
        let mut statements = self.grants().user();
        statements.push("CREATE USER application@'127.%'".to_owned());
        statements.extend(Flavour::replication_user());
        statements
    }

    /// The same, which leave no trace in the binary log.
    pub fn unlogged_users(&self) -> Vec<String> {
        std::iter::once("SET sql_log_bin = 0".to_owned()).chain(self.users()).collect()
    }

    /// A command that runs the server under its account, with these variables for it alone.
    pub(crate) fn server(&self, environment: &[(OsString, OsString)]) -> Command {
        let program = self.program("sbin", self.flavour.program());
        let mut command = self.account.command_with(environment, program);
        command.arg("--no-defaults").args(self.base());
        command
    }

    /// Makes the data of a server that has no history, and no `server_uuid` either: it makes one for
    /// itself at its first start.
    pub(crate) fn new_data(&self, data: &Path) {
        let template = DataTemplate {
            account: &self.account,
            name: format!("{}-{}", self.flavour.program(), self.version),
            options: self.flavour.initialisation(),
            initialise: |folder: &Path| self.initialise(folder),
        };
        template.copy_to(data);
    }

    /// Makes a folder `data` in `folder`, which the account may write to.
    fn initialise(&self, folder: &Path) {
        let data = folder.join("data");
        let mut command = match self.flavour {
            Flavour::MySql => self.server(&[]),
            Flavour::MariaDb => {
                let mut install = self.account.command(self.program("bin", "mariadb-install-db"));
                install.arg("--no-defaults").args(self.base());
                install
            }
        };
        command.args(self.flavour.initialisation());
        command.arg(format!("--datadir={}", data.display()));
        account::run(command.arg(format!("--tmpdir={}", folder.display())));
        drop(fs::remove_file(data.join(IDENTITY))); // MariaDB has none.
    }

    /// Where everything lies that belongs to the programs.
    fn base(&self) -> Option<String> {
        let distribution = self.distribution.as_ref()?;
        Some(format!("--basedir={}", distribution.path().join("usr").display()))
    }

    fn program(&self, folder: &str, name: &str) -> PathBuf {
        match &self.distribution {
            Some(distribution) => distribution.path().join("usr").join(folder).join(name),
            None => name.into(),
        }
    }

    fn ask_version(&self) -> String {
        let output =
            Command::new(self.program("sbin", self.flavour.program())).arg("--version").output();
        let output = output.expect("the server is not installed; tests/run installs it");
        let text = String::from_utf8_lossy(&output.stdout);
        let mut words = text.split_whitespace().skip_while(|word| *word != "Ver").skip(1);
        words.next().unwrap_or_else(|| panic!("no version in {text}")).to_owned()
    }
}
