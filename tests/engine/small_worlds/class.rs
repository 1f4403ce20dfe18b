//! What goes wrong in the same way is one class: the promise, the last words, and what was
//! published. A class has one example, the shortest that was met.

use std::fmt;

use pointsman::engine::Engine;

use crate::{
    explore::{Order, Stories, finish, said},
    ledger::{Promise, SERVERS},
    run::{Breach, Run, Stage, name, names},
    word::Word,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    pub(crate) promise: Promise,
    pub(crate) words: [Option<Word>; SERVERS],
    /// What was published: of the write name a bit for nobody and one for each server, of a read
    /// name a bit for each set.
    pub(crate) ends: u8,
}

impl Class {
    pub(crate) fn of(breach: &Breach) -> Self {
        let ends = 1 << breach.write.map_or(0, |server| server + 1);
        Self { promise: breach.promise, words: breach.words, ends }
    }

    pub(crate) fn of_order(
        stage: &Stage<'_>,
        promise: Promise,
        stories: &Stories,
        ends: u8,
    ) -> Self {
        let mut words = [None; SERVERS];
        for (server, word) in words.iter_mut().enumerate().take(stage.servers()) {
            *word = said(stage, stories, server).last().copied();
        }
        Self { promise, words, ends }
    }

    /// `x | W:AB`
    pub(crate) fn words(&self) -> String {
        let words: Vec<_> = self.words.iter().flatten().map(Word::to_string).collect();
        words.join(" | ")
    }

    /// `db1 / nobody`
    pub(crate) fn ends(&self) -> String {
        let ends = (0..8_u8).filter(|end| self.ends & (1 << end) != 0);
        let ends: Vec<_> = match self.promise {
            Promise::ReadOrder => ends.map(names).collect(),
            _ => ends.map(|end| name(usize::from(end).checked_sub(1))).collect(),
        };
        ends.join(" / ")
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}: {}", self.promise, self.words(), self.ends())
    }
}

/// Stories, and one or two orders in which their words arrive.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    /// How many runs or tuples of stories are of this class.
    pub(crate) count: u64,
    /// How much happens.
    cost: (usize, Stories),
    orders: Vec<Order>,
}

impl Example {
    pub(crate) fn new(stage: &Stage<'_>, stories: &Stories, orders: Vec<Order>) -> Self {
        let changes = (0..stage.servers()).map(|server| {
            let said = said(stage, stories, server);
            said.windows(2).filter(|pair| pair[0] != pair[1]).count()
        });
        Self { count: 1, cost: (changes.sum(), stories.clone()), orders }
    }

    /// Keeps the shorter one.
    pub(crate) fn add(&mut self, other: Self) {
        let count = self.count + other.count;
        if other.cost < self.cost {
            *self = other;
        }
        self.count = count;
    }

    /// The stories in codes, as `SMALL_WORLDS_STORY` takes them.
    pub(crate) fn codes(&self, stage: &Stage<'_>) -> String {
        let stories = (0..stage.servers()).map(|server| {
            let words = self.cost.1[server].iter();
            let words = words.map(|&word| stage.alphabets[server][word].to_string());
            words.collect::<Vec<_>>().join(" ")
        });
        stories.collect::<Vec<_>>().join(", ")
    }

    /// Both runs as stories.
    pub(crate) fn told(&self, stage: &Stage<'_>) -> String {
        let orders = self.orders.iter().map(|order| tell(stage, &self.cost.1, order));
        orders.collect::<Vec<_>>().join("    in another order:\n")
    }
}

/// Plays one run again, and tells it.
pub(crate) fn tell(stage: &Stage<'_>, stories: &Stories, order: &Order) -> String {
    let mut run: Run<'_, Engine> = Run::begin(stage, true);
    let mut at = vec![0; stage.servers()];
    for &server in order {
        run.say(server, stage.alphabets[server][stories[server][at[server]]]);
        at[server] += 1;
    }
    finish(&mut run, stage, stories, order);
    run.lines().into_iter().map(|line| format!("    {line}\n")).collect()
}
