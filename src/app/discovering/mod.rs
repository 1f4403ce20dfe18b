//! Discovery while the service runs: one task for each cluster that discovers its servers. It tells
//! the cluster's ledger what was heard, and does what that asks for, as an operator would: it lets
//! servers join, ends their drains, and takes them away.

mod around;
mod asking;
mod cluster;
mod post;
mod remembered;
mod revived;
mod strangers;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tokio::{
    sync::{oneshot, watch},
    task::{AbortHandle, JoinSet},
};

pub use self::{around::AUTHOR, revived::revived};
use self::{
    around::{Around, Configured, Told, names},
    cluster::ClusterDiscovery,
    post::Post,
};
use super::ears::Ears;
use crate::{
    admin::Operations,
    chronicle::Chronicle,
    config::Config,
    control::Control,
    driver::Past,
    publish::Reader,
    state::{DiscoveryImage, Keeper},
};

/// All of it. Dropping it ends the tasks.
#[derive(Debug)]
pub struct Discovering {
    around: Around,
    tasks: JoinSet<()>,
    clusters: HashMap<Box<str>, Running>,
    /// What an earlier process has left of clusters that have not begun yet.
    images: BTreeMap<Box<str>, Arc<DiscoveryImage>>,
}

/// What an earlier process has left, before discovery begins.
#[derive(Debug)]
pub struct Known {
    images: BTreeMap<Box<str>, Arc<DiscoveryImage>>,
    keeper: Keeper,
    chronicle: Chronicle,
}

impl Known {
    /// What is in `past`.
    pub fn of(past: &Past) -> Self {
        let images = past.image.as_ref().map(|image| image.discovery.clone());
        let (keeper, chronicle) = (past.keeper.clone(), past.chronicle.clone());
        Self { images: images.unwrap_or_default(), keeper, chronicle }
    }

    /// Discovery that goes on with it.
    pub fn begin(
        self,
        control: &Control,
        reader: &Reader,
        operations: &Operations,
        ears: Ears,
    ) -> Discovering {
        let Self { images, keeper, chronicle } = self;
        let (control, reader) = (control.clone(), reader.clone());
        let reports = operations.metrics().discovery.clone();
        let around = Around { control, reader, chronicle, keeper, reports, ears };
        Discovering::new(around, images)
    }
}

#[derive(Debug)]
struct Running {
    config: watch::Sender<Configured>,
    post: Post,
    task: AbortHandle,
}

impl Running {
    /// Goes on by another configuration. Most of them change nothing for most clusters, which sleep on.
    fn follow(&self, configured: Configured) {
        self.config.send_if_modified(|before| {
            let differs = before.discovery() != configured.discovery();
            *before = configured;
            differs
        });
    }
}

impl Discovering {
    /// Nothing is discovered before a configuration is [followed](Self::follow).
    fn new(around: Around, images: BTreeMap<Box<str>, Arc<DiscoveryImage>>) -> Self {
        Self { around, tasks: JoinSet::new(), clusters: HashMap::new(), images }
    }

    /// Goes on by another configuration.
    pub fn follow(&mut self, config: &Arc<Config>) {
        let clusters = config.clusters.iter().enumerate();
        let discovering: HashMap<&str, usize> = clusters
            .filter(|(_, cluster)| cluster.discovery.is_some())
            .map(|(place, cluster)| (&*cluster.name, place))
            .collect();
        self.clusters.retain(|name, running| {
            let stays = discovering.contains_key(&**name) && !running.task.is_finished();
            if !stays {
                running.task.abort();
                self.around.reports.forget(name);
            }
            stays
        });
        while self.tasks.try_join_next().is_some() {}
        if discovering.is_empty() {
            return;
        }
        let names = names(config);
        for (name, place) in discovering {
            let (config, names) = (Arc::clone(config), Arc::clone(&names));
            let configured = Configured { config, names, place };
            if let Some(running) = self.clusters.get(name) {
                running.follow(configured);
                continue;
            }
            let (config, followed) = watch::channel(configured);
            let (post, postman) = Post::new(self.around.ears.call(name));
            let image = self.images.remove(name).unwrap_or_default();
            let discovery =
                ClusterDiscovery::new(name.into(), followed, &image, self.around.clone());
            let task = self.tasks.spawn(discovery.run(postman));
            self.clusters.insert(name.into(), Running { config, post, task });
        }
    }

    /// An operator has removed a server of a cluster.
    pub fn removed(&self, cluster: &str, server: &str) {
        if let Some(running) = self.clusters.get(cluster) {
            // One that has no time for it takes the server in again, once it has proven itself.
            _ = running.post.put(Told::Removed(server.into()));
        }
    }

    /// Takes a server in again that an operator has removed: each answer says whether a cluster knows
    /// one. A cluster answers when it has time: nobody may wait for it whom it may wait for.
    pub fn revive(&self, server: &str) -> Vec<oneshot::Receiver<bool>> {
        let asked = self.clusters.values().filter_map(|running| {
            let (reply, replied) = oneshot::channel();
            running.post.put(Told::Revive(server.into(), reply)).then_some(replied)
        });
        asked.collect()
    }
}
