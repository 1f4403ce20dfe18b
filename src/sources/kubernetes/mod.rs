//! The pods of a Kubernetes service: its `EndpointSlices` (`discovery.k8s.io/v1`), listed once and watched
//! from then on ("Efficient detection of changes" in the manual of the Kubernetes API).
//!
//! ```text
//! list ──▶ watch from its version ──▶ changes
//!   ▲            │ over or broken: from the last version on, at the next question
//!   └────────────┘ "Gone", odd, refused, or too long: anew
//! ```
//!
//! Whether a pod is ready, serving or about to end is not looked at: a primary that Kubernetes thinks ill of
//! may be the one that takes writes, and what a server is, it says itself.
//!
//! A watch is no more than a hurry: without one the slices are listed at every question, and one that ends
//! is taken up again no sooner than at the next, unless it had been there for a while. One that
//! fails is tried ever more seldom.

mod slices;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use self::slices::{Slices, Told};
use super::{AskError, http};
use crate::{
    config::{ClusterConfig, HttpSourceConfig, KubernetesSourceConfig, POD_FILES, Secret},
    discovery::SourceReply,
    probe::HttpLines,
};

/// The slices of one service, as far as they are known.
#[derive(Debug, Default)]
pub struct Kubernetes {
    known: Option<Known>,
    watch: Option<Watch>,
    /// Watches that failed one after another.
    failures: u32,
    /// Before this none is begun.
    rests_until: Option<Instant>,
}

/// What was listed, and what has changed since.
#[derive(Debug)]
struct Known {
    service: Service,
    slices: Slices,
}

/// Whose slices are asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    source: KubernetesSourceConfig,
    namespace: String,
}

/// A watch that goes on.
#[derive(Debug)]
struct Watch {
    lines: HttpLines,
    begun: Instant,
    /// It has told something.
    told: bool,
}

/// Why there is no watch.
enum Refusal {
    /// Nobody knows any more what has changed since.
    Gone,
    /// The API server does not let us watch.
    Forbidden,
    /// It could not be asked, or says something else.
    Failed,
}

impl Kubernetes {
    /// What is known of the slices of `source`: by the watch, else by a list, within `time`.
    ///
    /// # Errors
    ///
    /// [`AskError::File`] for the token or the namespace of this pod, [`AskError::Http`],
    /// [`AskError::HttpStatus`], [`AskError::Kubernetes`], [`AskError::Slices`], [`AskError::Deadline`].
    pub async fn ask(
        &mut self,
        cluster: &ClusterConfig,
        source: &KubernetesSourceConfig,
        time: Duration,
    ) -> Result<SourceReply, AskError> {
        let begun = Instant::now();
        let service = Service::of(source)?;
        if self.known.as_ref().is_some_and(|known| known.service != service) {
            *self = Self::default();
        }
        if self.watch.as_ref().is_some_and(|watch| watch.begun.elapsed() > WATCHED_AT_MOST) {
            // Its server had to end it before. Whatever is between us may have swallowed changes.
            self.watch = None;
            self.known = None;
        }
        self.watch(cluster, begun + time / 2).await;
        if let (Some(known), Some(_)) = (&self.known, &self.watch) {
            return Ok(known.slices.reply());
        }
        self.known = None;
        let left = time.saturating_sub(begun.elapsed());
        let octets = http::get(cluster, &service.request(LIST)?, left).await;
        let octets = octets.map_err(|error| match error {
            AskError::HttpStatus(status @ (401 | 403)) => AskError::Kubernetes(status),
            error => error,
        })?;
        let slices = Slices::listed(&octets, source.port.as_deref()).map_err(AskError::Slices)?;
        let reply = slices.reply();
        self.known = Some(Known { service, slices });
        self.watch(cluster, begun + time).await;
        Ok(reply)
    }

    /// Returns when the slices have changed, or a watch that had been there for a while is over: then
    /// they are to be asked for. Never otherwise. Cancel-safe.
    pub async fn news(&mut self) {
        loop {
            let (Some(known), Some(watch)) = (&mut self.known, &mut self.watch) else {
                return std::future::pending().await;
            };
            let line = watch.lines.next(LINE_MAX).await;
            let port = known.service.source.port.as_deref();
            let told = match line {
                Ok(Some(line)) => known.slices.hear(&line, port),
                // It is over, or broken: what is known goes on to count, and a watch from there.
                Ok(None) | Err(_) => {
                    if self.end() {
                        return;
                    }
                    continue;
                }
            };
            match told {
                Told::Changed | Told::Nothing => {
                    watch.told = true;
                    self.failures = 0;
                    if told == Told::Changed {
                        return;
                    }
                }
                Told::Gone | Told::Odd => {
                    self.known = None;
                    if self.end() {
                        return;
                    }
                }
            }
        }
    }

    /// The watch is over. Whether it had been there for so long that another may follow at once.
    fn end(&mut self) -> bool {
        let Some(watch) = self.watch.take() else { return false };
        let lasted = watch.begun.elapsed() >= A_WHILE;
        if !watch.told && !lasted {
            self.failed();
        }
        lasted
    }

    /// Watches from what is known on, if there is anything and nothing speaks against it.
    async fn watch(&mut self, cluster: &ClusterConfig, deadline: Instant) {
        let may =
            self.watch.is_none() && self.rests_until.is_none_or(|until| Instant::now() >= until);
        let Some(known) = self.known.as_ref().filter(|known| may && known.slices.is_watchable())
        else {
            return;
        };
        let beginning = known.service.watch(cluster, known.slices.version(), deadline);
        match timeout_at(deadline, beginning).await.unwrap_or(Err(Refusal::Failed)) {
            Ok(lines) => {
                self.watch = Some(Watch { lines, begun: Instant::now(), told: false });
            }
            // It is listed anew, and watched from there.
            Err(Refusal::Gone) => {}
            Err(Refusal::Failed) => self.failed(),
            Err(Refusal::Forbidden) => self.rests_until = Some(Instant::now() + RESTS_AT_MOST),
        }
    }

    fn failed(&mut self) {
        let rest = Duration::from_secs(1) * 2_u32.saturating_pow(self.failures.min(12));
        self.failures = self.failures.saturating_add(1);
        self.rests_until = Some(Instant::now() + rest.min(RESTS_AT_MOST));
    }
}

impl Service {
    fn of(source: &KubernetesSourceConfig) -> Result<Self, AskError> {
        let namespace = match &source.namespace {
            Some(namespace) => namespace.to_string(),
            None => line(&Path::new(POD_FILES).join("namespace"))?,
        };
        Ok(Self { source: source.clone(), namespace })
    }

    /// A request for its slices, with the token of this moment.
    fn request(&self, more: &str) -> Result<HttpSourceConfig, AskError> {
        let Self { source, namespace } = self;
        let token = source.token_file.as_deref().map(line).transpose()?.map(Secret::new);
        let path = format!(
            "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices\
             ?labelSelector=kubernetes.io%2Fservice-name%3D{}{more}",
            source.service
        );
        let (target, tls) = (source.target.clone(), source.tls.clone());
        Ok(HttpSourceConfig { target, path: path.into(), tls, token })
    }

    async fn watch(
        &self,
        cluster: &ClusterConfig,
        version: &str,
        deadline: Instant,
    ) -> Result<HttpLines, Refusal> {
        let seconds = WATCHED.as_secs();
        let more = format!(
            "&watch=true&allowWatchBookmarks=true&resourceVersion={version}\
             &timeoutSeconds={seconds}"
        );
        let request = self.request(&more).map_err(|_| Refusal::Failed)?;
        match http::lines(cluster, &request, deadline).await {
            Ok(Ok(lines)) => Ok(lines),
            Ok(Err(410)) => Err(Refusal::Gone),
            Ok(Err(401 | 403 | 404 | 405)) => Err(Refusal::Forbidden),
            Ok(Err(_)) | Err(_) => Err(Refusal::Failed),
        }
    }
}

/// A file of one line. These lie in memory, and reading them waits for nobody.
fn line(path: &Path) -> Result<String, AskError> {
    let fault = |source: io::Error| AskError::File { path: PathBuf::from(path), source };
    Ok(fs::read_to_string(path).map_err(fault)?.trim().to_owned())
}

/// A list has nothing more in its request.
const LIST: &str = "";

/// For how long a watch is asked for: shorter than a token lasts, which is shown at its beginning alone.
const WATCHED: Duration = Duration::from_secs(240);

/// By then its server has ended it.
const WATCHED_AT_MOST: Duration = Duration::from_secs(300);

/// A watch that has been there for so long may be followed by another at once.
const A_WHILE: Duration = Duration::from_secs(10);

/// How long it takes at most until one is tried again.
const RESTS_AT_MOST: Duration = Duration::from_secs(300);

/// Octets of a line, of which one reply of a service may not have more. A slice has a hundred endpoints,
/// unless somebody has raised that.
const LINE_MAX: usize = 256 * 1024;
