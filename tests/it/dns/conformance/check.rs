//! One check: what is sent, and what must hold of the reply.

use super::super::client::{Ask, Reply};

/// A table to ask, and rules to be asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// One writer, two readers; everybody may ask and know everything.
    Stable,
    /// The last writer is held; the primary helps out for reads.
    Held,
    /// Forty readers.
    Crowded,
    /// A thousand readers of which all are lagging: more than any datagram holds, and a reason.
    Flooded,
    /// Nothing is known yet.
    Unready,
    /// The client is in no network that may ask.
    Closed,
    /// The client may ask for names and know nothing of us.
    Discreet,
    /// Nobody may know anything of us.
    Silent,
}

/// By which transports a check is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Both,
    Udp,
    Tcp,
}

type Demand = (String, Box<dyn Fn(&Reply) -> bool + Send + Sync>);

/// One rule and the octets that try it.
pub(super) struct Check {
    /// The clause: an RFC with its section, and what it asks for.
    pub(super) clause: String,
    pub(super) query: Vec<u8>,
    pub(super) stage: Stage,
    pub(super) over: Over,
    /// No reply may come.
    pub(super) silence: bool,
    pub(super) demands: Vec<Demand>,
    /// How much larger the client said it takes, by UDP.
    pub(super) size: u16,
}

/// A check of `clause` that sends `octets`.
pub(super) fn check(clause: impl Into<String>, octets: impl Into<Vec<u8>>) -> Check {
    Check {
        clause: clause.into(),
        query: octets.into(),
        stage: Stage::Stable,
        over: Over::Both,
        silence: false,
        demands: Vec::new(),
        size: 512,
    }
}

impl From<Ask> for Vec<u8> {
    fn from(ask: Ask) -> Self {
        ask.octets()
    }
}

impl Check {
    pub(super) fn on(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    pub(super) fn over(mut self, over: Over) -> Self {
        self.over = over;
        self
    }

    /// The client takes this much by UDP.
    pub(super) fn takes(mut self, size: u16) -> Self {
        self.size = size;
        self
    }

    pub(super) fn silence(mut self) -> Self {
        self.silence = true;
        self
    }

    pub(super) fn that(
        mut self,
        demand: impl Into<String>,
        holds: impl Fn(&Reply) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.demands.push((demand.into(), Box::new(holds)));
        self
    }

    /// The 12-bit response code.
    pub(super) fn code(self, code: u16) -> Self {
        self.that(format!("code {code}"), move |reply| reply.code() == code)
    }

    /// All flags and the opcode, without the response code.
    pub(super) fn flags(self, flags: u16) -> Self {
        self.that(format!("flags {flags:#06x}"), move |reply| reply.flags() & 0xfff0 == flags)
    }

    /// Records in answer, authority and additional section without OPT.
    pub(super) fn counts(self, answers: usize, authorities: usize, additionals: usize) -> Self {
        let counts = (answers, authorities, additionals);
        self.that(format!("{counts:?} records"), move |reply| reply.counts() == counts)
    }

    /// The data of the answer section, sorted.
    pub(super) fn answers(self, expected: &[&str]) -> Self {
        let expected: Vec<_> = expected.iter().map(|&text| text.to_owned()).collect();
        self.that(format!("answers {expected:?}"), move |reply| {
            let mut answers = reply.answers();
            answers.sort();
            answers == expected
        })
    }

    /// TTL of every record in the answer section.
    pub(super) fn ttl(self, ttl: u32) -> Self {
        self.that(format!("TTL {ttl}"), move |reply| {
            reply.message.answers.iter().all(|record| record.ttl == ttl)
        })
    }

    /// One SOA record of the apex in the authority section, with the lesser TTL, and nothing else.
    pub(super) fn negative(self) -> Self {
        self.counts(0, 1, 0).that("one SOA of the apex with TTL 5", |reply| {
            let (owner, ttl) = reply.authority();
            owner.to_string().eq_ignore_ascii_case("internal.") && ttl == 5
        })
    }

    /// The question of the query, octet for octet.
    pub(super) fn echoed(self) -> Self {
        let question = self.query[12..].to_vec();
        self.that("the question as it was sent", move |reply| {
            let end = reply.octets.len().min(12 + question.len());
            let shared = reply.octets[12..end].iter().zip(&question);
            reply.octets[5] == 1 && shared.take_while(|(a, b)| a == b).count() >= reply.question()
        })
    }

    pub(super) fn no_question(self) -> Self {
        self.that("no question", |reply| reply.octets[4..6] == [0, 0])
    }

    pub(super) fn opt(self) -> Self {
        self.that("an OPT record", |reply| reply.edns().is_some())
    }

    pub(super) fn no_opt(self) -> Self {
        self.that("no OPT record", |reply| reply.edns().is_none())
    }

    /// The data of an option.
    pub(super) fn option(self, code: u16, data: &[u8]) -> Self {
        let data = data.to_vec();
        self.that(format!("option {code} {data:?}"), move |reply| {
            reply.option(code).as_ref() == Some(&data)
        })
    }

    pub(super) fn no_option(self, code: u16) -> Self {
        self.that(format!("no option {code}"), move |reply| reply.option(code).is_none())
    }

    /// The code of the Extended DNS Error.
    pub(super) fn error(self, code: u16) -> Self {
        self.that(format!("Extended DNS Error {code}"), move |reply| {
            reply.extended_error().is_some_and(|(found, _)| found == code)
        })
    }
}
