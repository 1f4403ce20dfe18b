//! One run: words arrive one after another with a decision after each, then all is still.

use std::time::Duration;

use pointsman::engine::{Moment, Outcome};

use crate::{
    judge::{Answer, Judge},
    ledger::{Ledger, Promise, SERVERS},
    outcome::outcome,
    word::Word,
    world::World,
};

/// From one word to the next.
const GAP: Duration = Duration::from_millis(60);
/// The stillness: rounds in which a decision follows on each reply, and rounds with one decision.
/// Together they last longer than every time after which the engine thinks again (30 s).
const QUICK_ROUND: Duration = Duration::from_millis(500);
const QUICK_ROUNDS: u32 = 5;
const SLOW_ROUND: Duration = Duration::from_secs(3);
const SLOW_ROUNDS: u32 = 15;
/// The second act is shorter.
const SLOW_ROUNDS_AFTER: u32 = 5;

/// A world with all outcomes made once.
pub(crate) struct Stage<'w> {
    pub(crate) world: &'w World,
    pub(crate) alphabets: Vec<Vec<Word>>,
    outcomes: Vec<Vec<(Word, Outcome)>>,
}

impl<'w> Stage<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let servers = 0..world.servers.len();
        let alphabets: Vec<_> = servers.clone().map(|server| world.alphabet(server)).collect();
        let outcomes = servers.map(|server| {
            let beside = [Word::Refused].into_iter().chain(world.start(server));
            let beside = beside.chain((world.writer > 0).then_some(Word::LeftOut));
            let words = alphabets[server].iter().copied().chain(beside);
            words.map(|word| (word, outcome(world.product, server, word))).collect()
        });
        Self { world, outcomes: outcomes.collect(), alphabets }
    }

    pub(crate) fn servers(&self) -> usize {
        self.alphabets.len()
    }

    fn outcome(&self, server: usize, word: Word) -> &Outcome {
        let found = self.outcomes[server].iter().find(|(known, _)| *known == word);
        &found.expect("a word of the alphabet").1
    }
}

/// A promise was broken when these were the last words and this was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) promise: Promise,
    pub(crate) words: [Option<Word>; SERVERS],
    pub(crate) write: Option<usize>,
}

#[derive(Clone)]
pub(crate) struct Run<'s, J> {
    stage: &'s Stage<'s>,
    judge: J,
    ledger: Ledger,
    now: Moment,
    answer: Answer,
    /// The first of each promise.
    pub(crate) breaches: Vec<Breach>,
    /// What happened, when somebody wants to read it.
    tale: Option<Tale>,
}

#[derive(Clone, Default)]
struct Tale {
    lines: Vec<String>,
    /// Lines of the first act.
    acts: usize,
    told: (Answer, String, Vec<String>),
}

impl<'s, J: Judge> Run<'s, J> {
    /// All is well, where the world begins so.
    pub(crate) fn begin(stage: &'s Stage<'s>, told: bool) -> Self {
        let (product, servers) = (stage.world.product, stage.servers());
        let mut run = Self {
            stage,
            judge: J::new(product, servers),
            ledger: Ledger::new(product, servers),
            now: Moment::START,
            answer: Answer::default(),
            breaches: vec![],
            tale: None,
        };
        if stage.world.start.is_some() {
            for round in 0..8 {
                run.now = run.now + QUICK_ROUND;
                for server in 0..servers {
                    let well = stage.world.start(server).expect("it begins well");
                    let away = round < 6 && server < stage.world.writer;
                    run.hear(server, if away { Word::LeftOut } else { well });
                }
                run.decide();
            }
            assert_eq!(run.answer.write, Some(stage.world.writer), "it begins well");
        }
        run.breaches.clear();
        if told {
            run.tale = Some(Tale::default());
            run.tell_changes();
        }
        run
    }

    pub(crate) fn say(&mut self, server: usize, word: Word) {
        self.now = self.now + GAP;
        self.tell(|| format!("  db{} {}", server + 1, word.told()));
        self.hear(server, word);
        self.decide();
    }

    /// Each server says its last word again and again, in turn, beginning with `first`. Then who
    /// has to be published must be.
    pub(crate) fn stillness(&mut self, first: usize) -> Answer {
        let (began, writer) = (self.now, self.ledger.writer());
        self.tell(|| "all is still: each says its last word again and again".into());
        self.rounds(first, QUICK_ROUNDS, SLOW_ROUNDS);
        if let Some((server, bound)) = self.ledger.right(writer)
            && (self.answer.write != Some(server) || self.ledger.since() > began + bound)
        {
            self.tell(|| {
                format!("db{} is right, and had to be published in {bound:?}", server + 1)
            });
            self.note(Promise::Unpublished);
        }
        self.answer
    }

    /// Pointsman is restarted, and then again while the published server is dead.
    pub(crate) fn restarted(&mut self) {
        let before = self.answer.write;
        self.restart();
        self.rounds(0, QUICK_ROUNDS, SLOW_ROUNDS_AFTER);
        if self.answer.write != before {
            self.note(Promise::Forgotten);
        }
        self.second_act(true);
    }

    fn restart(&mut self) {
        self.now = self.now + GAP;
        self.tell(|| "Pointsman is restarted with its memory".into());
        self.judge.restart(self.now);
    }

    /// Takes over what another run has broken.
    pub(crate) fn add(&mut self, other: Self) {
        for breach in other.breaches {
            if self.breaches.iter().all(|known| known.promise != breach.promise) {
                self.breaches.push(breach);
            }
        }
        if let (Some(tale), Some(other)) = (&mut self.tale, other.tale) {
            let more = other.lines.into_iter().skip(tale.acts);
            tale.lines.extend(std::iter::once("instead, after the stillness:".into()).chain(more));
        }
    }

    /// All has been heard: what is told from here on is an act of its own.
    pub(crate) fn curtain(&mut self) {
        if let Some(tale) = &mut self.tale {
            tale.acts = tale.lines.len();
        }
    }

    /// The published server dies, and comes back as it was.
    pub(crate) fn second_act(&mut self, restarts: bool) {
        let Some(server) = self.ledger.published() else {
            return;
        };
        let Some(word) = self.ledger.last(server).filter(|word| word.claims()) else {
            return;
        };
        self.ledger.mark();
        for (said, told) in [(Word::Refused, "dies"), (word, "is back as it was")] {
            self.tell(|| format!("the published server db{} {told}", server + 1));
            self.hear(server, said);
            self.decide();
            self.rounds(server, QUICK_ROUNDS, SLOW_ROUNDS_AFTER);
            if restarts && said == Word::Refused {
                self.restart();
                self.rounds(server, QUICK_ROUNDS, SLOW_ROUNDS_AFTER);
            }
        }
        if !self.ledger.has_moved() && self.answer.write != Some(server) {
            self.note(Promise::NotReturned);
        }
    }

    /// The writer has said one odd word at most, ends well, and is not published.
    pub(crate) fn note_needless_move(&mut self) {
        self.note(Promise::NeedlessMove);
    }

    pub(crate) fn lines(self) -> Vec<String> {
        self.tale.map(|tale| tale.lines).unwrap_or_default()
    }

    fn rounds(&mut self, first: usize, quick: u32, slow: u32) {
        let servers = self.stage.servers();
        let turn = move || (0..servers).map(move |at| (first + at) % servers);
        let gap = QUICK_ROUND / u32::try_from(servers).expect("few servers");
        for server in (0..quick).flat_map(|_| turn()) {
            self.now = self.now + gap;
            self.repeat(server);
            self.decide();
        }
        for _ in 0..slow {
            self.now = self.now + SLOW_ROUND;
            for server in turn() {
                self.repeat(server);
            }
            self.decide();
        }
    }

    fn repeat(&mut self, server: usize) {
        let word = self.ledger.last(server).expect("everybody has spoken");
        self.hear(server, word);
    }

    fn hear(&mut self, server: usize, word: Word) {
        self.judge.hear(server, self.stage.outcome(server, word), self.now);
        self.ledger.hear(server, word, self.now);
    }

    fn decide(&mut self) {
        self.answer = self.judge.decide(self.now);
        let broken = self.ledger.publish(self.answer.write, self.now);
        self.tell_changes();
        if let Some(promise) = broken {
            self.note(promise);
        }
    }

    fn note(&mut self, promise: Promise) {
        if self.breaches.iter().any(|breach| breach.promise == promise) {
            return;
        }
        self.tell(|| format!("                  ^ promise broken: {promise:?}"));
        let mut words = [None; SERVERS];
        for (server, word) in words.iter_mut().enumerate() {
            *word = self.ledger.last(server);
        }
        self.breaches.push(Breach { promise, words, write: self.answer.write });
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(tale) = &mut self.tale {
            tale.lines.push(format!("{:>9} {}", self.now.to_string(), line()));
        }
    }

    fn tell_changes(&mut self) {
        let Some(tale) = &mut self.tale else {
            return;
        };
        let (reason, states) = self.judge.reasons();
        let told = (self.answer, reason, states);
        let before = std::mem::replace(&mut tale.told, told);
        let (answer, reason, states) = tale.told.clone();
        for (server, state) in states.into_iter().enumerate() {
            if before.2.get(server) != Some(&state) {
                self.tell(|| format!("      db{} is {state}", server + 1));
            }
        }
        if (before.0.write, before.1) != (answer.write, reason.clone()) {
            self.tell(|| format!("      write {} ({reason})", name(answer.write)));
        }
        if before.0.reads != answer.reads {
            self.tell(|| format!("      read {}", names(answer.reads)));
        }
    }
}

pub(crate) fn name(server: Option<usize>) -> String {
    server.map_or_else(|| "none".into(), |server| format!("db{}", server + 1))
}

pub(crate) fn names(servers: u8) -> String {
    let listed = (0..SERVERS).filter(|server| servers & (1 << server) != 0);
    let listed: Vec<_> = listed.map(|server| name(Some(server))).collect();
    if listed.is_empty() { "none".into() } else { listed.join("+") }
}
