//! Servers that were added while the service ran, as a layer over the configuration file.
//!
//! The file with the added servers written into it is read like any file, so that an added server
//! obeys the same rules and has the same defaults. That text is also what `pointsman config` prints. Those
//! that join a configuration in force are read alone, to the same effect.

mod joining;

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    net::IpAddr,
    path::Path,
};

use toml_edit::{
    Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TomlError, Value, value,
};

pub use self::joining::Joined;
use super::AddedServer;
use super::{Config, ConfigError, System, TargetHost, read::host_port, text::text};

/// Why servers cannot be added to a configuration.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// The file itself has faults, or cannot be read.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// The file cannot be edited.
    #[error("the configuration file cannot be edited: {0}")]
    Edit(#[from] TomlError),
    /// The address of a server is none.
    #[error(
        "{0:?} is no published address; write it as in 10.0.0.7, 10.0.0.7:5432 or [fd00::7]:5432"
    )]
    Address(String),
    /// There is no such cluster.
    #[error("there is no cluster `{}`; known: {}", name.escape_debug(), known.join(", "))]
    NoCluster {
        /// What was asked for.
        name: String,
        /// Those that there are, or the first of them.
        known: Vec<String>,
    },
    /// There is a server of that name.
    #[error("there is a server {server} already, in {cluster}; give every server its own name")]
    Taken {
        /// The server.
        server: String,
        /// Its cluster.
        cluster: String,
    },
    /// Another server is where this one is said to be.
    #[error("{address} with port {port} is already published, by {server}; name every server once")]
    Published {
        /// Where.
        address: IpAddr,
        /// The database port there.
        port: u16,
        /// Whose address it is.
        server: Box<str>,
    },
    /// The file with the servers in it would have faults that the file alone has not.
    #[error("{}", joined(.0))]
    Faults(ConfigError),
}

/// What each fault says, without a place: it would be one in a text that nobody has seen.
fn joined(error: &ConfigError) -> String {
    let faults = error.faults().iter().map(|fault| format!("{}; {}", fault.what, fault.advice));
    faults.collect::<Vec<_>>().join("; ")
}

/// Clusters that are named to whoever asked for one that there is not.
const KNOWN: usize = 50;

impl Config {
    /// This configuration with `added` over it, instead of what was over it before. Zone files,
    /// passwords and authorities are read again, the file itself is not.
    ///
    /// # Errors
    /// [`OverlayError`].
    pub fn with_added(&self, added: &[AddedServer]) -> Result<Self, OverlayError> {
        let edited = self.edited(added)?;
        let mut read =
            Self::from_text(&edited, &self.file, &System).map_err(OverlayError::Faults)?;
        let found: HashMap<_, _> = added
            .iter()
            .filter_map(|server| Some((server.name.to_ascii_lowercase(), server.found.clone()?)))
            .collect();
        for server in read.clusters.iter_mut().flat_map(|cluster| &mut cluster.servers) {
            server.found = found.get(&server.name.to_ascii_lowercase()).cloned();
        }
        Ok(Self { text: self.text.clone(), added: added.into(), ..read })
    }

    /// The text of the file with `added` written into it; the text itself when there is nothing to
    /// write.
    ///
    /// # Errors
    /// [`OverlayError::Address`], [`OverlayError::NoCluster`] and [`OverlayError::Taken`].
    pub fn edited(&self, added: &[AddedServer]) -> Result<String, OverlayError> {
        if added.is_empty() {
            return Ok(self.text.to_string());
        }
        let mut document: DocumentMut = self.text.parse()?;
        for server in added {
            let entry = Entry::of(server)?;
            let place = self.in_the_file(&server.name);
            if let Some(cluster) = place {
                let server = server.name.clone();
                return Err(OverlayError::Taken { server, cluster: cluster.to_owned() });
            }
            if !entry.write(&mut document, &server.cluster) {
                return Err(self.no_cluster(&server.cluster));
            }
        }
        Ok(document.to_string())
    }

    /// The cluster to which the file itself gives a server, in any case of letters.
    pub fn in_the_file(&self, server: &str) -> Option<&str> {
        let is_added = self.added.iter().any(|added| added.name.eq_ignore_ascii_case(server));
        if is_added { None } else { self.cluster_of(server) }
    }

    /// The cluster of a server, in any case of letters.
    pub fn cluster_of(&self, server: &str) -> Option<&str> {
        self.server(server).map(|(cluster, _)| &*cluster.name)
    }

    /// The servers of `added` that still belong over this configuration, which is the file's alone,
    /// and what became of the others, one line each: the file has them now, or their cluster is gone.
    pub fn still_added(&self, added: &[AddedServer]) -> (Vec<AddedServer>, Vec<String>) {
        let mut notes = Vec::new();
        let has_cluster = |name: &str| {
            self.clusters.iter().any(|cluster| cluster.name.eq_ignore_ascii_case(name))
        };
        let kept = added.iter().filter(|server| {
            let AddedServer { cluster, name, .. } = server;
            if self.cluster_of(name).is_some() {
                notes.push(format!(
                    "{cluster}: {name} was added while running and is in the file now"
                ));
                return false;
            }
            if !has_cluster(cluster) {
                notes.push(format!(
                    "{cluster}: {name}, added while running, leaves with its cluster"
                ));
                return false;
            }
            true
        });
        let kept = kept.cloned().collect();
        (kept, notes)
    }

    fn no_cluster(&self, name: &str) -> OverlayError {
        let known = self.clusters.iter().map(|cluster| cluster.name.to_string());
        OverlayError::NoCluster { name: name.to_owned(), known: known.take(KNOWN).collect() }
    }
}

/// A configuration file with added servers written into it.
#[derive(Debug)]
pub struct Edited {
    /// Its text.
    pub text: String,
    /// What it comes to.
    pub config: Config,
    /// Whether the file alone is what the running configuration was read from.
    pub is_in_force: bool,
}

/// The file of `running` as it is now, with `added` written into it.
///
/// # Errors
/// [`OverlayError`].
pub fn edited_file(running: &Config, added: &[AddedServer]) -> Result<Edited, OverlayError> {
    let now = Config::from_text(&text(&running.file)?, &running.file, &System)?;
    let (kept, _) = now.still_added(added);
    let is_in_force = now.text == running.text;
    // Read once more, so that no file with a fault is written.
    let text = now.edited(&kept)?;
    let config = Config::from_text(&text, &running.file, &System).map_err(OverlayError::Faults)?;
    Ok(Edited { text, config, is_in_force })
}

/// Puts `text` in the place of the file at `path`: all of it, or nothing of it even when the power
/// fails. The file keeps its permissions; a symbolic link stays one.
///
/// # Errors
/// What the system says.
pub fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = folder.join(name);
    let written = (|| {
        let mut file = fs::File::create(&new)?;
        file.set_permissions(fs::metadata(&path)?.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        fs::File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // It may not even be there.
        _ = fs::remove_file(&new);
    }
    written
}

/// A `[[cluster.server]]`.
struct Entry<'a> {
    name: &'a str,
    address: IpAddr,
    port: Option<u16>,
    priority: Option<u32>,
    weight: Option<u32>,
}

impl<'a> Entry<'a> {
    /// That of a server that was added.
    fn of(server: &'a AddedServer) -> Result<Self, OverlayError> {
        let (address, port) = address(&server.address)?;
        let found = server.found.as_ref();
        Ok(Self {
            name: &server.name,
            address,
            port,
            priority: found.and_then(|found| found.priority),
            weight: found.and_then(|found| found.weight),
        })
    }

    /// As a section of its own.
    fn table(&self) -> Table {
        let mut table = Table::new();
        table.insert("name", value(self.name));
        table.insert("address", value(self.address.to_string()));
        for (key, number) in self.numbers() {
            table.insert(key, value(number));
        }
        table
    }

    /// Appends it to the servers of `cluster`, in the form that the others have; `false` when there
    /// is no such cluster.
    fn write(&self, document: &mut DocumentMut, cluster: &str) -> bool {
        let is_meant = |name: Option<&Item>| {
            name.and_then(Item::as_str).is_some_and(|name| name.eq_ignore_ascii_case(cluster))
        };
        match document.get_mut("cluster") {
            Some(Item::ArrayOfTables(clusters)) => {
                let table = clusters.iter_mut().find(|table| is_meant(table.get("name")));
                table.is_some_and(|table| self.append(table))
            }
            Some(Item::Value(Value::Array(clusters))) => {
                let name = |table: &InlineTable| {
                    let name = table.get("name").and_then(Value::as_str);
                    name.is_some_and(|name| name.eq_ignore_ascii_case(cluster))
                };
                let mut tables = clusters.iter_mut().filter_map(Value::as_inline_table_mut);
                let table = tables.find(|table| name(table));
                let servers = table.map(|table| {
                    table.entry("server").or_insert_with(|| Value::Array(Array::new()))
                });
                servers.and_then(Value::as_array_mut).is_some_and(|list| self.push(list))
            }
            _ => false,
        }
    }

    /// The keys that have numbers, if they are not the defaults.
    fn numbers(&self) -> impl Iterator<Item = (&'static str, i64)> {
        let port = self.port.map(i64::from);
        let numbers = [
            ("port", port),
            ("priority", self.priority.map(i64::from)),
            ("weight", self.weight.map(i64::from)),
        ];
        numbers.into_iter().filter_map(|(key, number)| Some((key, number?)))
    }

    fn append(&self, cluster: &mut Table) -> bool {
        let none = || Item::ArrayOfTables(ArrayOfTables::new());
        match cluster.entry("server").or_insert_with(none) {
            Item::ArrayOfTables(tables) => {
                let mut table = self.table();
                table.decor_mut().set_prefix("\n");
                tables.push(table);
                true
            }
            Item::Value(Value::Array(list)) => self.push(list),
            Item::None | Item::Value(_) | Item::Table(_) => false,
        }
    }

    fn push(&self, list: &mut Array) -> bool {
        let mut table = InlineTable::new();
        table.insert("name", self.name.into());
        table.insert("address", self.address.to_string().into());
        for (key, number) in self.numbers() {
            table.insert(key, number.into());
        }
        // As the one before, which may begin a line.
        let decor = list.iter().last().map(|before| before.decor().clone());
        list.push(table);
        if let (Some(decor), Some(last)) = (decor, list.iter_mut().last()) {
            last.decor_mut().set_prefix(decor.prefix().cloned().unwrap_or_default());
        }
        true
    }
}

/// A published address with its port, if that is not the engine's own.
fn address(text: &str) -> Result<(IpAddr, Option<u16>), OverlayError> {
    match host_port(text.trim()) {
        Some(parsed) => match parsed.host {
            TargetHost::Address(address) => Ok((address, parsed.port)),
            TargetHost::Name(_) => Err(OverlayError::Address(text.to_owned())),
        },
        None => Err(OverlayError::Address(text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
