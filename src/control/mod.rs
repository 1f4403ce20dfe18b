//! How those who talk to operators reach those who do the work: commands and their replies.
//!
//! ```text
//! admin, signals ──▶ Control ──▶ driver    (overrides, histories, explanations)
//!                       └──────▶ service   (reload, servers that come and go, one probe)
//! ```
//!
//! Commands say clusters and servers by name, for their places change with a reload. A command that
//! changes something is answered when the change is in force and has been saved, or could not be.

mod command;
mod order;
mod signed;
mod term;

use tokio::sync::{mpsc, oneshot};

pub use self::{
    command::{
        AcceptRequest, Accepted, Command, LayRequest, LiftRequest, OverrideReply, OverrideRequest,
        Preview, Question, Refusal,
    },
    order::{ConfigFile, ConfiguredDiscovery, Done, Order, OrderError, Reply},
    signed::Signed,
    term::Term,
};
use crate::{
    engine::Supposition,
    report::{Explanation, WhatIf},
};

/// Commands that may wait. Whoever gives more of them waits.
const QUEUE: usize = 64;

/// The end for those who give commands. Clones reach the same service.
#[derive(Clone, Debug)]
pub struct Control {
    driver: mpsc::Sender<Command>,
    service: mpsc::Sender<Order>,
}

/// The other ends.
#[derive(Debug)]
pub struct ControlEnds {
    /// For the driver.
    pub commands: mpsc::Receiver<Command>,
    /// For whoever runs the parts.
    pub orders: mpsc::Receiver<Order>,
}

impl Control {
    /// Both ends.
    pub fn new() -> (Self, ControlEnds) {
        let (driver, commands) = mpsc::channel(QUEUE);
        let (service, orders) = mpsc::channel(QUEUE);
        (Self { driver, service }, ControlEnds { commands, orders })
    }

    /// Lays an override, or lays it anew with another term.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub async fn lay(&self, request: LayRequest) -> Result<OverrideReply, Refusal> {
        self.command(|reply| Command::Lay(request, reply)).await?
    }

    /// Ends an override before its time.
    ///
    /// # Errors
    /// [`Refusal`], as when there is none.
    pub async fn lift(&self, request: LiftRequest) -> Result<OverrideReply, Refusal> {
        self.command(|reply| Command::Lift(request, reply)).await?
    }

    /// Makes the history of one server its cluster's.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub async fn accept(&self, request: AcceptRequest) -> Result<Accepted, Refusal> {
        self.command(|reply| Command::Accept(request, reply)).await?
    }

    /// Why a name says what it says.
    ///
    /// # Errors
    /// [`Refusal::Unknown`].
    pub async fn explain(&self, name: Box<str>) -> Result<Explanation, Refusal> {
        self.command(|reply| Command::Ask(Question::Explain(name, reply))).await?
    }

    /// What would be decided if servers of one cluster were otherwise.
    ///
    /// # Errors
    /// [`Refusal::Unknown`], and [`Refusal::OtherCluster`] for servers of several.
    pub async fn what_if(&self, supposed: Vec<(Box<str>, Supposition)>) -> Result<WhatIf, Refusal> {
        self.command(|reply| Command::Ask(Question::WhatIf(supposed, reply))).await?
    }

    /// What an override, or its end, would do.
    ///
    /// # Errors
    /// [`Refusal`], as when it is asked for in earnest.
    pub async fn preview(&self, request: OverrideRequest) -> Result<Preview, Refusal> {
        self.command(|reply| Command::Ask(Question::Preview(request, reply))).await?
    }

    /// Gives an order to whoever runs the parts: `order` is made of the end for its reply.
    ///
    /// # Errors
    /// [`OrderError`]; nothing has changed then.
    pub async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, OrderError> {
        self.give(order).await?.await.map_err(|_| OrderError::Stopping)?
    }

    /// As [`order`](Self::order), for whoever has more to do until the outcome comes.
    ///
    /// # Errors
    /// [`OrderError::Stopping`].
    pub async fn give<T>(
        &self,
        order: impl FnOnce(Reply<T>) -> Order,
    ) -> Result<oneshot::Receiver<Result<T, OrderError>>, OrderError> {
        let (reply, replied) = oneshot::channel();
        self.service.send(order(reply)).await.map_err(|_| OrderError::Stopping)?;
        Ok(replied)
    }

    async fn command<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Refusal> {
        let (reply, replied) = oneshot::channel();
        self.driver.send(command(reply)).await.map_err(|_| Refusal::Stopping)?;
        replied.await.map_err(|_| Refusal::Stopping)
    }
}
