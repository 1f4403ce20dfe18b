//! Every sequence of words of every server, in every order of arrival.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::{
    class::{Class, Example},
    feasible::{can_happen, may_follow},
    judge::{Answer, Judge},
    ledger::Promise,
    run::{Run, Stage},
    word::Word,
    world::{Product, World},
};

/// What each server says in its turn, as numbers in its alphabet.
pub(crate) type Stories = Vec<Vec<usize>>;

/// Who speaks, one after another.
pub(crate) type Order = Vec<usize>;

/// What came of it.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) runs: u64,
    /// Pairs (or triples) of stories.
    pub(crate) tuples: u64,
    pub(crate) classes: BTreeMap<Class, Example>,
    /// The ends of each tuple, by its number, and one order that leads to each.
    ends: HashMap<u64, Vec<(Answer, Order)>>,
}

/// Plays the whole world.
pub(crate) fn explore<J: Judge + Sync + Send>(world: &World) -> Findings {
    let stage = Stage::new(world);
    let jobs: Vec<_> = (0..stage.servers())
        .flat_map(|server| (0..stage.alphabets[server].len()).map(move |word| (server, word)))
        .collect();
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut explorer = Explorer::new(&stage);
        let begun: Run<'_, J> = Run::begin(&stage, false);
        while let Some(&(server, word)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            explorer.speak(&begun, server, word);
        }
        explorer.findings
    };
    let mut all = Findings::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            all.merge(worker.join().expect("a worker ends"));
        }
    });
    all.compare(&stage);
    all
}

struct Explorer<'s> {
    stage: &'s Stage<'s>,
    stories: Stories,
    order: Order,
    possible: HashMap<u64, bool>,
    findings: Findings,
}

impl<'s> Explorer<'s> {
    fn new(stage: &'s Stage<'s>) -> Self {
        Self {
            stage,
            stories: vec![vec![]; stage.servers()],
            order: vec![],
            possible: HashMap::new(),
            findings: Findings::default(),
        }
    }

    /// Goes on with one more word, and then with all that may follow.
    fn speak<J: Judge>(&mut self, run: &Run<'s, J>, server: usize, word: usize) {
        let said = self.said(server);
        let next = self.stage.alphabets[server][word];
        if !may_follow(said.iter().copied(), next) {
            return;
        }
        let mut run = run.clone();
        run.say(server, next);
        self.stories[server].push(word);
        self.order.push(server);
        let mut ended = true;
        for server in 0..self.stage.servers() {
            if self.stories[server].len() < self.stage.world.servers[server].length {
                ended = false;
                for word in 0..self.stage.alphabets[server].len() {
                    self.speak(&run, server, word);
                }
            }
        }
        if ended {
            self.end(run);
        }
        self.stories[server].pop();
        self.order.pop();
    }

    fn said(&self, server: usize) -> Vec<Word> {
        said(self.stage, &self.stories, server)
    }

    fn end<J: Judge>(&mut self, mut run: Run<'s, J>) {
        let key = number(&self.stories);
        let possible = *self.possible.entry(key).or_insert_with(|| {
            let all: Vec<_> = (0..self.stage.servers())
                .map(|server| said(self.stage, &self.stories, server))
                .collect();
            can_happen(self.stage.world.product, &all)
        });
        if !possible {
            return;
        }
        self.findings.runs += 1;
        let end = finish(&mut run, self.stage, &self.stories, &self.order);
        let ends = self.findings.ends.entry(key).or_default();
        if ends.iter().all(|(known, _)| *known != end) {
            ends.push((end, self.order.clone()));
        }
        for breach in &run.breaches {
            let example = Example::new(self.stage, &self.stories, vec![self.order.clone()]);
            self.findings.note(Class::of(breach), example);
        }
    }
}

/// The end of a run that has heard all its words.
pub(crate) fn finish<J: Judge>(
    run: &mut Run<'_, J>,
    stage: &Stage<'_>,
    stories: &Stories,
    order: &Order,
) -> Answer {
    let last = *order.last().expect("somebody has spoken");
    let end = run.stillness((last + 1) % stage.servers());
    if end.write != Some(stage.world.writer) && stays_well(stage, stories) {
        run.note_needless_move();
    }
    if order.is_sorted() {
        run.curtain();
        let mut other = run.clone();
        run.second_act(false);
        other.restarted();
        run.add(other);
    }
    end
}

/// Whether the writer of a group has said one odd word at most and ends well, and the group has elected
/// nobody else.
fn stays_well(stage: &Stage<'_>, stories: &Stories) -> bool {
    let writer = stage.world.writer;
    let own = said(stage, stories, writer);
    let odd = own.iter().filter(|word| !word.claims()).count();
    let others = (0..stage.servers()).filter(|&server| server != writer);
    let mut others = others.flat_map(|server| said(stage, stories, server));
    let ends_well = own.last().is_some_and(|word| word.claims());
    match stage.world.product {
        _ if stage.world.start.is_none() => false,
        Product::Galera => ends_well && odd <= 1 && !own.contains(&Word::Donor),
        Product::GroupReplication => {
            ends_well && odd <= 1 && others.all(|word| word != Word::Elected)
        }
        _ => false,
    }
}

pub(crate) fn said(stage: &Stage<'_>, stories: &Stories, server: usize) -> Vec<Word> {
    let words = stories[server].iter().map(|&word| stage.alphabets[server][word]);
    stage.world.start(server).into_iter().chain(words).collect()
}

/// Five bits for each word.
fn number(stories: &Stories) -> u64 {
    let words = stories.iter().flat_map(|story| {
        let after_end = std::iter::repeat(0);
        story.iter().map(|word| word + 1).chain(after_end).take(4)
    });
    words.fold(0, |number, word| number << 5 | u64::try_from(word).expect("a short alphabet"))
}

fn stories_of(number: u64, servers: usize) -> Stories {
    let mut stories = vec![vec![]; servers];
    for at in 0..servers * 4 {
        let word = (number >> (5 * (servers * 4 - 1 - at))) & 31;
        if let Some(word) = usize::try_from(word).expect("five bits").checked_sub(1) {
            stories[at / 4].push(word);
        }
    }
    stories
}

impl Findings {
    fn note(&mut self, class: Class, example: Example) {
        match self.classes.get_mut(&class) {
            Some(known) => known.add(example),
            None => {
                self.classes.insert(class, example);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        for (class, example) in other.classes {
            self.note(class, example);
        }
        for (number, ends) in other.ends {
            let known = self.ends.entry(number).or_default();
            for (end, order) in ends {
                if known.iter().all(|(known, _)| *known != end) {
                    known.push((end, order));
                }
            }
        }
    }

    /// Stories whose end depends on the order of arrival.
    fn compare(&mut self, stage: &Stage<'_>) {
        let ends = std::mem::take(&mut self.ends);
        self.tuples = u64::try_from(ends.len()).expect("a number");
        for (number, ends) in ends {
            let (first, others) = ends.split_first().expect("a run has an end");
            let Some(other) = others.iter().find(|end| end.0.write != first.0.write) else {
                if let Some(other) = others.first() {
                    let all = ends.iter().fold(0, |all, (end, _)| all | 1 << end.reads);
                    self.note_order(stage, Promise::ReadOrder, number, all, [first, other]);
                }
                continue;
            };
            let bit = |end: &Answer| 1 << end.write.map_or(0, |server| server + 1);
            let all = ends.iter().fold(0, |all, (end, _)| all | bit(end));
            self.note_order(stage, Promise::WriteOrder, number, all, [first, other]);
        }
    }

    fn note_order(
        &mut self,
        stage: &Stage<'_>,
        promise: Promise,
        number: u64,
        ends: u8,
        of: [&(Answer, Order); 2],
    ) {
        let stories = stories_of(number, stage.servers());
        let orders = of.map(|(_, order)| order.clone()).to_vec();
        let class = Class::of_order(stage, promise, &stories, ends);
        self.note(class, Example::new(stage, &stories, orders));
    }
}
