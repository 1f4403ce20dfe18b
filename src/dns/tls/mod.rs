//! The certificate of DNS over TLS (RFC 7858), and how it is replaced without a restart.
//!
//! Connections keep the certificate they began with; each new handshake takes the present one. The
//! files are looked at every second. They are read when they have changed and then stayed the same
//! until the next look, so that a certificate and its key can be replaced one after the other. New
//! files that cannot be used change nothing; the log says once what is wrong with them.

mod error;
mod load;

use std::{path::Path, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tracing::{error, info};

use self::load::{Mark, load, mark};
pub use self::{error::CertificateError, load::DOT};
use crate::config::TlsListenConfig;

/// The present certificate. Clones follow it.
#[derive(Clone, Debug)]
pub struct Certificate(watch::Receiver<Arc<ServerConfig>>);

impl Certificate {
    /// What the next handshake uses.
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.borrow())
    }
}

/// Keeps a [`Certificate`] up to date with its files.
#[derive(Debug)]
pub struct Renewal {
    config: TlsListenConfig,
    present: watch::Sender<Arc<ServerConfig>>,
    /// The files that were read last, whether they were any good or not.
    read: Mark,
}

impl Renewal {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// [`CertificateError`], when they cannot be used.
    pub fn start(config: TlsListenConfig) -> Result<(Self, Certificate), CertificateError> {
        // The mark first: files that change meanwhile are read again.
        let read = mark(&config);
        let (present, certificate) = watch::channel(Arc::new(load(&config)?));
        Ok((Self { config, present, read }, Certificate(certificate)))
    }

    /// Watches the files until dropped.
    pub async fn run(mut self) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = self.read.clone();
        loop {
            looks.tick().await;
            let config = self.config.clone();
            // A file system may be slow.
            let Ok(found) = spawn_blocking(move || mark(&config)).await else { continue };
            if found == seen && found != self.read {
                self.renew(found.clone()).await;
            }
            seen = found;
        }
    }

    async fn renew(&mut self, found: Mark) {
        self.read = found;
        let config = self.config.clone();
        let Ok(loaded) = spawn_blocking(move || load(&config)).await else { return };
        let certificate: &Path = &self.config.certificate_file;
        match loaded {
            Ok(loaded) => {
                self.present.send_replace(Arc::new(loaded));
                info!(file = %certificate.display(), "new certificate for DNS over TLS");
            }
            Err(error) => error!(
                %error,
                "the new certificate for DNS over TLS cannot be used; the old one stays in use"
            ),
        }
    }
}

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
