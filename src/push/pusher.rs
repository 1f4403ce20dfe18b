//! Keeps one name in somebody else's zone: reads it, and writes what differs.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{LowerName, Name},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};

use super::{
    Astray, Block, Guard, Ledger, Place, PushContext, PushFault, PushRules, PushState, Reading,
    Update, Verdict, Why, exchange::exchange, seen::Sight, wanted::wanted,
};
use crate::{
    clock::{self, Clock},
    config::{PublishConfig, PublishedRecord},
    report::{Change, PublishTurn, What},
    transfer::Key,
    wall_time::WallTime,
};

/// How often a zone is read.
const READ_EVERY: Duration = Duration::from_secs(5);

/// Pause after something has failed.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// How long other servers of a zone have to follow before they are asked.
const FOR_OTHERS: Duration = Duration::from_secs(2);

/// Attempts in one turn: two for each change, and some that other writers win.
const ATTEMPTS: u32 = 6;

/// A zone that cannot be read or written so often in a row is told of.
const FAULTS_UNTOLD: u32 = 3;

/// Whoever keeps one name.
pub struct Pusher {
    from: LowerName,
    to: String,
    cluster: Box<str>,
    place: Place,
    servers: Vec<SocketAddr>,
    /// The server that answered last.
    preferred: usize,
    key: Key,
    ledger: Ledger,
    context: PushContext,
    sight: Sight,
    clock: Clock,
    /// What was read last, for a change that is to be quick.
    last: Option<Reading>,
    /// Turns in a row that have failed.
    faults: u32,
    /// Whether it was told that the name is not kept.
    is_told: bool,
    checks: JoinSet<()>,
}

impl Pusher {
    /// Of one name.
    pub fn new(
        (publish, record): (&Arc<PublishConfig>, &PublishedRecord),
        context: &PushContext,
        sight: Sight,
        clock: Clock,
    ) -> Self {
        let to = record.to.to_string();
        let name = Name::from(&record.to);
        let owner = name.prepend_label(publish.owner_label.as_bytes());
        let rules = PushRules {
            id: record.cluster.clone(),
            adopt: publish.adopt,
            push_empty: publish.push_empty,
        };
        Self {
            from: record.from.clone(),
            cluster: record.cluster.clone(),
            place: Place {
                zone: Name::from(&publish.zone),
                owner: owner.unwrap_or_else(|_| name.clone()),
                name,
            },
            servers: publish.servers.clone(),
            preferred: 0,
            key: Key::new(&publish.key),
            ledger: Ledger::new(rules, context.memory.of(&to)),
            to,
            context: context.clone(),
            sight,
            clock,
            last: None,
            faults: 0,
            is_told: false,
            checks: JoinSet::new(),
        }
    }

    /// Runs until nothing is published any more.
    pub async fn run(mut self) {
        let mut generations = self.context.reader.generations();
        let mut due = Instant::now();
        loop {
            generations.borrow_and_update();
            let wish = wanted(&self.context.reader, &self.from);
            let is_new = wish.is_some_and(|wish| self.ledger.want(wish));
            if is_new || due <= Instant::now() {
                let pause = self.turn(is_new).await;
                due = Instant::now() + pause;
                continue;
            }
            tokio::select! {
                changed = generations.changed() => if changed.is_err() { return },
                () = sleep_until(due) => {}
            }
        }
    }

    /// Brings the name to what it is to say, as far as it is ours. Returns when to look again.
    async fn turn(&mut self, is_new: bool) -> Duration {
        let mut known = self.last.take().filter(|_| is_new);
        if !is_new {
            // The first is the one that knows first; others may copy it.
            self.preferred = 0;
        }
        let mut lost: Option<Guard> = None;
        for _ in 0..ATTEMPTS {
            let reading = match known.take() {
                Some(reading) => reading,
                None => match self.read().await {
                    Ok(reading) => reading,
                    Err(fault) => return self.failed(fault),
                },
            };
            let now = self.clock.now();
            match self.ledger.judge(&reading, now) {
                Verdict::Waiting => {
                    self.note(PushState::Waiting);
                    return READ_EVERY;
                }
                Verdict::Level => {
                    self.context.memory.keep(&self.to, self.ledger.remembered()).await;
                    self.level();
                    self.check_others(&reading);
                    self.last = Some(reading);
                    return READ_EVERY;
                }
                Verdict::ReadAgain => {}
                Verdict::RightAt(next) => {
                    self.note(PushState::Changed);
                    return next.since(now).min(READ_EVERY);
                }
                Verdict::Blocked(block) => {
                    self.blocked(block);
                    self.last = Some(reading);
                    return READ_EVERY;
                }
                Verdict::Write(update, why) => {
                    self.note(PushState::Writing);
                    // An epoch that was used is never used again, whatever happens to this process.
                    self.context.memory.keep(&self.to, self.ledger.remembered()).await;
                    match self.write(&update).await {
                        Ok(true) => self.written(&update, why),
                        // Who reads the same again reads a copy that is late.
                        Ok(false) if lost.as_ref() == Some(&update.guard) => return AFTER_FAULT,
                        // Somebody was faster.
                        Ok(false) => lost = Some(update.guard),
                        Err(fault) => return self.failed(fault),
                    }
                }
            }
        }
        AFTER_FAULT
    }

    /// What the first server says that answers; the last fault when none does.
    async fn read(&mut self) -> Result<Reading, (SocketAddr, PushFault)> {
        let questions = self.place.questions(rand::random());
        let mut last = None;
        for at in self.order() {
            let server = self.servers[at];
            let replies = exchange(server, &self.key, &questions).await;
            match replies.and_then(|replies| self.place.read(&replies)) {
                Ok(reading) => {
                    self.preferred = at;
                    return Ok(reading);
                }
                Err(fault) => last = Some((server, fault)),
            }
        }
        Err(last.expect("there is a server"))
    }

    /// Sends an update to the first server that takes it. Returns whether it was taken; it is not when what it rests on
    /// is not there any more.
    async fn write(&mut self, update: &Update) -> Result<bool, (SocketAddr, PushFault)> {
        let mut last = None;
        for at in self.order() {
            let server = self.servers[at];
            // Another attempt is another message, with a signature of its own.
            let message = update.message(&self.place, rand::random());
            let fault = match exchange(server, &self.key, &[message]).await {
                Ok(replies) => match code(&replies) {
                    ResponseCode::NoError => {
                        self.preferred = at;
                        return Ok(true);
                    }
                    ResponseCode::NXRRSet
                    | ResponseCode::YXRRSet
                    | ResponseCode::YXDomain
                    | ResponseCode::NXDomain => return Ok(false),
                    code => PushFault::NotWritten(code),
                },
                Err(fault) => fault,
            };
            last = Some((server, fault));
        }
        Err(last.expect("there is a server"))
    }

    /// The places of all servers, from the one that answered last.
    fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.preferred, self.servers.len());
        (0..count).map(move |step| (first + step) % count)
    }

    /// Asks the other servers of the zone, beside all else, whether they say the same.
    fn check_others(&mut self, reading: &Reading) {
        if self.servers.len() < 2 {
            return;
        }
        self.checks = JoinSet::new();
        let others = self.order().skip(1).map(|at| self.servers[at]).collect::<Vec<_>>();
        let (place, key) = (self.place.clone(), self.key.clone());
        let (sight, expected) = (self.sight.clone(), reading.clone());
        self.checks.spawn(async move {
            sleep(FOR_OTHERS).await;
            let mut astray = Vec::new();
            for server in others {
                let questions = place.questions(rand::random());
                let replies = exchange(server, &key, &questions).await;
                match replies.and_then(|replies| place.read(&replies)) {
                    Ok(reading) if reading == expected => {}
                    Ok(_) => astray.push((server, Astray::Differs)),
                    Err(fault) => astray.push((server, Astray::Fault(fault))),
                }
            }
            sight.note(|view| view.astray = astray);
        });
    }

    fn written(&self, update: &Update, why: Why) {
        let epoch = update.owner.epoch;
        self.sight.note(|view| {
            view.written += 1;
            view.epoch = epoch;
        });
        let says = update.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        self.tell(match why {
            Why::Change => PublishTurn::Written { says: says.into(), epoch },
            Why::Right => PublishTurn::Righted { says: says.into() },
        });
    }

    fn level(&mut self) {
        self.faults = 0;
        self.note(PushState::Level);
        if std::mem::take(&mut self.is_told) {
            self.tell(PublishTurn::Level);
        }
    }

    fn blocked(&mut self, block: Block) {
        self.faults = 0;
        let state = PushState::Blocked(block);
        let why = state.reason().unwrap_or_default();
        let before = self.note(state.clone());
        if before != state {
            self.is_told = true;
            self.tell(PublishTurn::Stopped { why: why.into() });
        }
    }

    fn failed(&mut self, (server, fault): (SocketAddr, PushFault)) -> Duration {
        self.faults = self.faults.saturating_add(1);
        let state = PushState::Failing(server, fault);
        let why = state.reason().unwrap_or_default();
        self.note(state);
        if self.faults == FAULTS_UNTOLD {
            self.is_told = true;
            self.tell(PublishTurn::Stopped { why: why.into() });
        }
        AFTER_FAULT
    }

    fn note(&self, state: PushState) -> PushState {
        let epoch = self.ledger.remembered().epoch;
        self.sight.note(|view| {
            view.state = state;
            view.epoch = epoch;
        })
    }

    fn tell(&self, turn: PublishTurn) {
        let is_bad = matches!(turn, PublishTurn::Stopped { .. } | PublishTurn::Righted { .. });
        let what = What::Publish { name: self.to.as_str().into(), turn };
        let at = WallTime::from_unix_millis(clock::unix_millis());
        let change = Change { at, cluster: Some(self.cluster.clone()), what };
        let words = change.words();
        let (cluster, name) = (&*self.cluster, &*self.to);
        match is_bad {
            true => warn!(event = "publish", cluster, name, "{}: {}", words.reason, words.detail),
            false => info!(event = "publish", cluster, name, "{} {}", words.reason, words.detail),
        }
        self.context.chronicle.add(change);
    }
}

fn code(replies: &[Message]) -> ResponseCode {
    replies.first().map_or(ResponseCode::ServFail, |reply| reply.metadata.response_code)
}
