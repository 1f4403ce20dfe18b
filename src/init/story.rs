//! What is said of all this: what was found and why, the files, and what is to be done next.

use std::fmt::Write as _;

use super::{
    EngineKind,
    plan::{self, CONFIG_FILE, PACKAGED_FOLDER, Plan, Wishes},
    probe_user::USER,
    server::Found,
};
use crate::{discovery::NameHint, engine::Failure, plain_text::start_of_line};

/// Characters of a server's words.
const WORDS: usize = 300;

/// How one server refused the user of the probe; `None` when it lets it in.
pub type Let = Option<Failure>;

/// What became of the user of the probe.
#[derive(Clone, Debug)]
pub enum UserNews {
    /// Somebody else is to make it.
    ToBeMade,
    /// It would have been made, were it not for `--dry-run`.
    WouldBeMade,
    /// It was made; what each server says to it, in their order.
    Made(Vec<Let>),
}

/// All that there is to tell once the cluster was found.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    pub found: &'a Found,
    pub names: &'a [NameHint],
    pub plan: &'a Plan,
    pub wishes: &'a Wishes,
    /// What `grants` prints.
    pub sql: &'a str,
}

/// What was found, and what was left out.
pub fn found(found: &Found, names: &[NameHint], user: &str) -> String {
    let mut text = format!("Found, by asking as {user} ({}):\n", found.engine.title());
    let rows: Vec<[String; 4]> = found
        .servers
        .iter()
        .zip(names)
        .map(|(server, name)| {
            let role = server.role_in_words();
            [name.to_string(), server.at.to_string(), role, server.kinship_in_words()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second, third) = (width(0), width(1), width(2));
    for [name, at, role, why] in &rows {
        line(&mut text, &format!("  {name:first$}  {at:second$}  {role:third$}  {why}"));
    }
    if !found.left_out.is_empty() {
        text += "Left out:\n";
        for one in &found.left_out {
            line(&mut text, &format!("  {}: {}", one.what, one.why));
        }
    }
    for note in &found.notes {
        line(&mut text, &format!("careful: {note}"));
    }
    for (server, name) in found.servers.iter().zip(names) {
        let address = server.at.ip();
        if address.is_loopback() {
            line(
                &mut text,
                &format!(
                    "careful: {name} is published as {address}, which only clients on this host \
                     reach; ask it by the address that clients use, if there are others"
                ),
            );
        }
    }
    text
}

impl Story<'_> {
    /// Every file, as `--dry-run` shows it. The password is none that will ever be used.
    pub fn files(&self) -> String {
        let mut text = String::new();
        for file in &self.plan.files {
            let path = self.plan.path(file);
            line(&mut text, &format!("\n--- {}", path.display()));
            match file.is_secret {
                true => text += "(a random password of 32 characters; mode 600)\n",
                false => text += &file.text,
            }
        }
        text + "\nNothing was written: this is a dry run.\n"
    }

    /// What is asked before files are written.
    pub fn question(&self, creates_user: bool) -> String {
        let files: Vec<_> =
            self.plan.files.iter().map(|file| self.plan.path(file).display().to_string()).collect();
        let user = match (creates_user, self.primary()) {
            (true, Some((name, _))) => format!(", and make the user `{USER}` on {name}"),
            _ => String::new(),
        };
        format!("Write {}{user}? [y/N] ", files.join(", "))
    }

    /// Which files were written.
    pub fn written(&self) -> String {
        let mut text = "\nWritten:\n".to_owned();
        for file in &self.plan.files {
            line(&mut text, &format!("  {}", self.plan.path(file).display()));
        }
        text
    }

    /// The user, the resolver, and the next commands.
    pub fn next(&self, news: &UserNews) -> String {
        let mut text = String::new();
        match news {
            UserNews::ToBeMade => self.sql(&mut text),
            UserNews::WouldBeMade => {
                line(&mut text, &format!("\nThe user of the probes, `{USER}`, would be made."));
            }
            UserNews::Made(all) => self.made(&mut text, all),
        }
        self.resolver(&mut text);
        self.commands(&mut text);
        text
    }

    fn primary(&self) -> Option<(&NameHint, std::net::SocketAddr)> {
        let primary = self.found.primary()?;
        let place = self.found.servers.iter().position(|server| server.at == primary.at)?;
        Some((self.names.get(place)?, primary.at))
    }

    /// The statements, and the line that runs them.
    fn sql(&self, text: &mut String) {
        let Some((name, at)) = self.primary() else { return };
        let (ip, port) = (at.ip(), at.port());
        let password = self.wishes.folder.join(format!("{}.password", self.wishes.cluster));
        line(text, &format!("\nThe user of the probes is to be made on {name}, the primary:"));
        indented(text, self.sql.trim_end());
        let client = match self.found.engine {
            EngineKind::Postgres => format!("psql -h {ip} -p {port} -U postgres postgres"),
            EngineKind::MySql => format!("mysql -h {ip} -P {port} -u root -p"),
            EngineKind::MariaDb => format!("mariadb -h {ip} -P {port} -u root -p"),
        };
        let version = self.version();
        line(
            text,
            &format!(
                "which this does, with the password that was written (or `init` itself, with \
                 --create-user):\n  pointsman grants {}{version} | sed \"s/change me/$(cat {})/\" \
                 | {client}",
                self.found.engine.word(),
                password.display()
            ),
        );
    }

    /// The option of `grants` for this server: the number in its version.
    fn version(&self) -> String {
        let version = self.found.primary().map_or("", |primary| &primary.version);
        let number =
            version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        number.map(|number| format!(" --server-version {number}")).unwrap_or_default()
    }

    fn made(&self, text: &mut String, all: &[Let]) {
        let Some((name, _)) = self.primary() else { return };
        line(text, &format!("\nThe user of the probes, `{USER}`, was made on {name}."));
        let mut shuts_out = false;
        for ((server, name), failure) in self.found.servers.iter().zip(self.names).zip(all) {
            match failure {
                None => line(text, &format!("  {name} ({}) lets it in", server.at)),
                Some(failure) => {
                    shuts_out = true;
                    let words = start_of_line(&failure.detail, WORDS);
                    line(text, &format!("  {name} ({}) does not let it in: {words}", server.at));
                }
            }
        }
        if !shuts_out {
            return;
        }
        let ours = self.wishes.our_address;
        let bits = if ours.is_ipv4() { 32 } else { 128 };
        match self.found.engine {
            EngineKind::Postgres => line(
                text,
                &format!(
                    "Let it in before `serve`, by a line of pg_hba.conf there, then SELECT \
                     pg_reload_conf():\n  host  postgres  {USER}  {ours}/{bits}  scram-sha-256"
                ),
            ),
            EngineKind::MySql | EngineKind::MariaDb => line(
                text,
                &format!("Let `{USER}` in from {ours} there before `serve`; docs/PROBES.md helps."),
            ),
        }
    }

    fn resolver(&self, text: &mut String) {
        let unbound = self.plan.files.last();
        let Some(unbound) = unbound else { return };
        let path = self.plan.path(unbound);
        line(
            text,
            &format!(
                "\nYour resolver is to ask Pointsman about {}. unbound, by a copy of {} in \
                 /etc/unbound/unbound.conf.d/:",
                self.wishes.zone,
                path.display()
            ),
        );
        indented(text, unbound.text.trim_end());
        line(
            text,
            &format!(
                "systemd-resolved from version 258 on, as \
                 /etc/systemd/dns-delegate.d/{}.dns-delegate:",
                self.wishes.cluster
            ),
        );
        indented(text, plan::resolved(self.wishes).trim_end());
        line(text, "docs/RESOLVERS.md has BIND, dnsmasq, PowerDNS, Knot Resolver and others.");
    }

    fn commands(&self, text: &mut String) {
        let config = self.wishes.folder.join(CONFIG_FILE);
        let config = config.display();
        let serve = match self.wishes.folder.as_os_str() == PACKAGED_FOLDER {
            true => "systemctl enable --now pointsman".to_owned(),
            false => format!("pointsman serve --config {config}"),
        };
        text.push_str("\nNext:\n");
        for command in [
            format!("pointsman check-config {config}"),
            serve,
            plan::dig(self.wishes, "write"),
            plan::dig(self.wishes, "read"),
        ] {
            line(text, &format!("  {command}"));
        }
    }
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "{words}").expect("writing to a string succeeds");
}

fn indented(text: &mut String, block: &str) {
    for words in block.lines() {
        line(text, format!("    {words}").trim_end());
    }
}
