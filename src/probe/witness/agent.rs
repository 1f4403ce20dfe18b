//! An agent: a TCP service that says one line as soon as it is called.

use tokio::{io::AsyncReadExt, time::Instant};

use super::{WitnessTarget, words};
use crate::{
    config::ProbeTarget,
    engine::{Failure, FailureKind, Testimony},
    probe::{dial::Dial, socket::failure_of},
};

/// An agent and how to reach it.
pub struct Agent(Dial);

impl Agent {
    pub fn new(target: &WitnessTarget, port: u16) -> Self {
        let target_of_agent = ProbeTarget { host: target.target.host.clone(), port };
        Self(Dial::new(target_of_agent, target.config.clone()))
    }

    /// How it is reached.
    pub fn dial(&mut self) -> &mut Dial {
        &mut self.0
    }

    /// Calls it and reads one line; the end of the connection ends a line too.
    pub async fn ask(&mut self, deadline: Instant) -> Result<Testimony, Failure> {
        let (stream, _) = self.0.connect(deadline).await?;
        let mut line = Vec::new();
        let mut limited = stream.take(LINE_MAX);
        while !line.contains(&b'\n') {
            let read = limited.read_buf(&mut line).await;
            if read.map_err(|error| failure_of(&error, "receiving"))? == 0 {
                break;
            }
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.lines().next().unwrap_or_default();
        words::parse(line).ok_or_else(|| {
            let detail = format!("the agent said nothing that is known: {line:?}");
            Failure::new(FailureKind::Garbled, detail)
        })
    }
}

/// The most octets that are read of an agent. HAProxy's words need a few dozen.
const LINE_MAX: u64 = 1024;
