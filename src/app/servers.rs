//! Servers that join and leave while the service runs, as a layer over the configuration file.

use super::{
    discovering::AUTHOR,
    prepared::Prepared,
    service::{Service, beside},
};
use crate::{
    clock,
    config::{AddedServer, Config, Edited, TemplateShare, edited_file, replace_file},
    control::{ConfigFile, ConfiguredDiscovery, Done, LiftRequest, OrderError, Reply, Signed},
    driver::Settled,
    engine::ClusterId,
    report::{Sought, Unknown, WishKey},
    status,
};

/// Why that ends.
const READY: &str = "ready";

impl Service {
    /// Ends the drain of a server. The outcome goes to `reply`; other orders do not wait for it.
    pub fn ready_server(&mut self, server: Box<str>, author: Box<str>, reply: Reply<Done>) {
        let control = self.control.clone();
        while self.readying.try_join_next().is_some() {}
        self.readying.spawn(async move {
            let (key, signed) = (WishKey::Drain(server.clone()), Signed::new(&author, READY));
            let lifted = control.lift(LiftRequest { cluster: None, key, signed }).await;
            let done = lifted.map(|lifted| Done {
                done: format!("{server} is drained no more: names follow what it is"),
                warnings: lifted.unsaved.map(|why| unsaved(&why)).into_iter().collect(),
            });
            _ = reply.send(done.map_err(OrderError::refused));
        });
    }

    /// Waits until no drain is about to end. Another server might get the name of a drained one.
    pub async fn all_readied(&mut self) {
        while self.readying.join_next().await.is_some() {}
    }

    /// Takes away a server that was added.
    pub async fn remove_server(&mut self, server: &str, author: &str) -> Result<Done, OrderError> {
        let Some(cluster) = self.config.cluster_of(server).map(str::to_owned) else {
            let snapshot = self.reader.snapshot();
            let unknown = Unknown::new(Sought::Server, server, snapshot.table.layout());
            return Err(OrderError::refused(unknown));
        };
        if self.config.in_the_file(server).is_some() {
            let file = self.config.file.display();
            return Err(OrderError::refused(format!(
                "{server} is in {file}: remove it there, then reload"
            )));
        }
        if let Some(name) = self.name_that_says(server) {
            return Err(OrderError::refused(format!(
                "{name} says {server} now: `pointsman drain {server}` first, or let another server \
                 take over"
            )));
        }
        if author != AUTHOR {
            // Before it is gone: it must not be found anew meanwhile.
            self.discovering.removed(&cluster, server);
        }
        let kept =
            self.config.added.iter().filter(|added| !added.name.eq_ignore_ascii_case(server));
        let warnings = self.overlay(kept.cloned().collect()).await?;
        let author = Signed::new(author, "");
        self.note(&format!("{server} leaves {cluster}, by {author}"), &[]);
        Ok(Done { done: format!("{server} leaves {cluster}"), warnings })
    }

    /// The file as it is now with the servers that were added; `write` also puts it in its place.
    pub async fn write_config(&mut self, write: bool) -> Result<ConfigFile, OrderError> {
        let running = self.config.clone();
        let written = beside(move || {
            let Edited { text, config, is_in_force } =
                edited_file(&running, &running.added).map_err(OrderError::refused)?;
            let path = &running.file;
            if write && !running.added.is_empty() {
                replace_file(path, &text).map_err(|error| {
                    let path = path.display();
                    OrderError::refused(format!(
                        "cannot write {path}: {error}; print it and put it there"
                    ))
                })?;
            }
            // When the file was what is in force, it still is, with the servers in it.
            let taken_in = write && is_in_force && !running.added.is_empty();
            let next = taken_in.then(|| Config::load(path).map_err(OrderError::refused));
            let prepared = match next.transpose()? {
                Some(next) => Some(Prepared::next(&running, next)?),
                None => None,
            };
            Ok::<_, OrderError>((ConfigFile { text, discovery: discovery(&config) }, prepared))
        });
        let (file, prepared) = written.await??;
        let added = self.config.added.iter().map(|server| server.name.clone());
        let added = added.collect::<Vec<_>>().join(", ");
        let taken_over = match prepared {
            Some(prepared) => {
                self.put_in_force(prepared, Vec::new()).await?;
                ""
            }
            None => "; a reload takes it over",
        };
        if write && !added.is_empty() {
            self.note(&format!("{added} written to the file{taken_over}"), &[]);
        }
        Ok(file)
    }

    /// Puts a configuration with these servers over the file in force. Returns what whoever asked
    /// should know beside that.
    async fn overlay(&mut self, added: Vec<AddedServer>) -> Result<Vec<String>, OrderError> {
        let running = self.config.clone();
        let prepared = beside(move || {
            let next = running.with_added(&added).map_err(OrderError::refused)?;
            Ok::<_, OrderError>(Prepared::next(&running, next)?)
        });
        let Settled { unsaved: why } = self.put_in_force(prepared.await??, Vec::new()).await?;
        Ok(why.map(|why| unsaved(&why)).into_iter().collect())
    }

    /// A name that says this server now.
    fn name_that_says(&self, server: &str) -> Option<String> {
        let snapshot = self.reader.snapshot();
        let layout = snapshot.table.layout();
        let clusters = (0..layout.clusters().len()).map(ClusterId);
        let views = clusters.filter_map(|id| status::cluster(&snapshot, id, clock::wall_time()));
        let mut servers = views.flat_map(|cluster| cluster.servers);
        let known = servers.find(|known| known.name.eq_ignore_ascii_case(server))?;
        known.names.into_iter().next().map(String::from)
    }
}

/// What counts for each cluster that discovers its servers.
fn discovery(config: &Config) -> Vec<ConfiguredDiscovery> {
    let discovering = config.clusters.iter().filter_map(|cluster| {
        let discovery = cluster.discovery.as_ref()?;
        Some(ConfiguredDiscovery {
            cluster: cluster.name.clone(),
            counts: discovery.to_string(),
            by_template: discovery.by_template != TemplateShare::Nothing,
        })
    });
    discovering.collect()
}

/// What whoever asked should know, when it could not be saved.
pub fn unsaved(why: &str) -> String {
    format!("it could not be saved, so that a restart would forget it: {why}")
}
