//! An authority for certificates, and the keys and certificates of servers that it vouches for.
//!
//! `openssl` makes them. What has expired was signed under another clock, for `openssl x509` of
//! version 3.0 has no option for a validity in the past.

use std::{fs, net::Ipv4Addr, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{account, wrong_clock::WrongClock};

/// An authority that nobody else knows. Dropped, its files are gone.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// From now on for a month.
    Present,
    /// For a month, a year ago.
    Expired,
}

/// A new key without a password, on a curve that every TLS library knows.
const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

const YEAR: i64 = 365 * 24 * 60 * 60; // seconds

impl Authority {
    /// A new authority.
    ///
    /// # Panics
    /// When `openssl` is not installed.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("pointsman-authority-").tempdir();
        let authority = Self { directory: directory.expect("a temporary directory can be made") };
        let mut request = Command::new("openssl");
        request.args(["req", "-x509", "-subj", "/CN=authority", "-days", "30"]).args(NEW_KEY);
        request.arg("-keyout").arg(authority.path("authority.key"));
        request.arg("-out").arg(authority.file());
        account::run(&mut request);
        authority
    }

    /// Its own certificate, for `ca_file`.
    pub fn file(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// A new key and a certificate for the server at `address`, PEM, in one text.
    ///
    /// # Panics
    /// When `openssl` or `faketime` is not installed.
    pub fn identity(&self, address: Ipv4Addr, validity: Validity) -> String {
        let [key, request, signed] = ["server.key", "server.csr", "server.pem"];
        let [key, request, signed] = [key, request, signed].map(|name| self.path(name));
        let mut ask = Command::new("openssl");
        ask.args(["req", "-new", "-subj", "/CN=server"]).args(NEW_KEY);
        ask.args(["-addext", &format!("subjectAltName=IP:{address}")]);
        ask.arg("-keyout").arg(&key).arg("-out").arg(&request);
        account::run(&mut ask);
        let clock = WrongClock::right();
        if validity == Validity::Expired {
            clock.turn(-YEAR);
        }
        let mut sign = Command::new("openssl");
        sign.envs(clock.environment());
        sign.args(["x509", "-req", "-days", "30", "-CAcreateserial", "-copy_extensions", "copy"]);
        sign.arg("-CA").arg(self.file()).arg("-CAkey").arg(self.path("authority.key"));
        sign.arg("-in").arg(&request).arg("-out").arg(&signed);
        account::run(&mut sign);
        [key, signed].map(|file| fs::read_to_string(file).expect("openssl has written it")).concat()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
