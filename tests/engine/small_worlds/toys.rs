//! The checks are checked: toys that decide wrongly on purpose are found out, each promise by one
//! of them at least, and a world in which nothing happens breaks none.

use std::collections::BTreeSet;

use pointsman::engine::{Moment, Outcome};

use crate::{
    explore::explore,
    feasible::{can_happen, may_follow},
    judge::{Answer, Judge},
    ledger::Promise::{
        self, Denied, Deposed, Emptied, Forgotten, Heir, NeedlessMove, NotReturned, ReadOrder,
        Stranger, Unconfirmed, Unpublished, WriteOrder,
    },
    word::Word,
    world::{Cast, Product, World},
};

/// Publishes whoever was the last to say that it is writable, and reads from the last that did not.
#[derive(Clone, Default)]
struct Gullible(Answer);

/// Publishes the first server that says so now, and nobody else.
#[derive(Clone)]
struct Forgetful {
    claims: Vec<bool>,
}

/// Publishes the first server until it fails, and never takes it back.
#[derive(Clone, Default)]
struct Unforgiving {
    failed: bool,
}

/// Publishes the first server, whatever is said.
#[derive(Clone)]
struct Steadfast;

fn claims(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered(facts) if facts.claims_writable())
}

impl Judge for Gullible {
    fn new(_: Product, _: usize) -> Self {
        Self::default()
    }

    fn hear(&mut self, server: usize, outcome: &Outcome, _: Moment) {
        match claims(outcome) {
            true => self.0.write = Some(server),
            false => self.0.reads = 1 << server,
        }
    }

    fn decide(&mut self, _: Moment) -> Answer {
        self.0
    }

    fn restart(&mut self, _: Moment) {}

    fn reasons(&self) -> (String, Vec<String>) {
        Default::default()
    }
}

impl Judge for Forgetful {
    fn new(_: Product, servers: usize) -> Self {
        Self { claims: vec![false; servers] }
    }

    fn hear(&mut self, server: usize, outcome: &Outcome, _: Moment) {
        self.claims[server] = claims(outcome);
    }

    fn decide(&mut self, _: Moment) -> Answer {
        Answer { write: self.claims.iter().position(|claims| *claims), reads: 0 }
    }

    fn restart(&mut self, _: Moment) {}

    fn reasons(&self) -> (String, Vec<String>) {
        Default::default()
    }
}

impl Judge for Unforgiving {
    fn new(_: Product, _: usize) -> Self {
        Self::default()
    }

    fn hear(&mut self, server: usize, outcome: &Outcome, _: Moment) {
        self.failed |= server == 0 && matches!(outcome, Outcome::Failed(_));
    }

    fn decide(&mut self, _: Moment) -> Answer {
        Answer { write: Some(0).filter(|_| !self.failed), reads: 0 }
    }

    fn restart(&mut self, _: Moment) {
        self.failed = false;
    }

    fn reasons(&self) -> (String, Vec<String>) {
        Default::default()
    }
}

impl Judge for Steadfast {
    fn new(_: Product, _: usize) -> Self {
        Self
    }

    fn hear(&mut self, _: usize, _: &Outcome, _: Moment) {}

    fn decide(&mut self, _: Moment) -> Answer {
        Answer { write: Some(0), reads: 0 }
    }

    fn restart(&mut self, _: Moment) {}

    fn reasons(&self) -> (String, Vec<String>) {
        Default::default()
    }
}

const POSTGRES: World = World {
    name: "toy",
    product: Product::Postgres,
    start: Some(&["P1", "S1<1"]),
    writer: 0,
    servers: &[
        Cast { alphabet: "P1 S2<2 x", length: 2 },
        Cast { alphabet: "P1 P2 S1<1 S2", length: 2 },
    ],
    large: false,
};

const MYSQL: World = World {
    name: "toy",
    product: Product::MySql,
    start: Some(&["W:A", "R:A<1"]),
    writer: 0,
    servers: &[
        Cast { alphabet: "W:A x", length: 2 },
        Cast { alphabet: "W:A R:A<1 NEW x", length: 2 },
    ],
    large: false,
};

const GALERA: World = World {
    name: "toy",
    product: Product::Galera,
    start: Some(&["ok", "ok"]),
    writer: 1,
    servers: &[Cast { alphabet: "ok", length: 1 }, Cast { alphabet: "ok out", length: 2 }],
    large: false,
};

const STILL: World = World {
    servers: &[Cast { alphabet: "P1", length: 2 }, Cast { alphabet: "S1<1", length: 2 }],
    ..POSTGRES
};

fn broken<J: Judge + Send + Sync>(world: &World) -> BTreeSet<Promise> {
    explore::<J>(world).classes.keys().map(|class| class.promise).collect()
}

#[test]
fn every_promise_is_broken_by_a_toy_and_found_out() {
    let gullible = broken::<Gullible>(&POSTGRES);
    let expected = [Denied, Unconfirmed, Heir, Deposed, WriteOrder, ReadOrder];
    assert!(gullible.is_superset(&expected.into()), "{gullible:?}");
    assert!(broken::<Gullible>(&MYSQL).contains(&Stranger));
    assert!(broken::<Gullible>(&GALERA).contains(&NeedlessMove));
    let forgetful = broken::<Forgetful>(&POSTGRES);
    assert!(forgetful.is_superset(&[Unconfirmed, Heir, Emptied].into()), "{forgetful:?}");
    let unforgiving = broken::<Unforgiving>(&POSTGRES);
    assert!(
        unforgiving.is_superset(&[Unpublished, NotReturned, Forgotten].into()),
        "{unforgiving:?}"
    );
}

#[test]
fn where_nothing_happens_nothing_is_broken() {
    assert_eq!(broken::<Steadfast>(&STILL), BTreeSet::from([]));
}

#[test]
fn what_cannot_happen_is_not_played() {
    let word = |code| Word::parse(code).expect("a code");
    let words = |codes: &'static str| codes.split_whitespace().map(word).collect::<Vec<_>>();
    let follows = |said: &'static str, next| may_follow(words(said).into_iter(), word(next));
    assert!(follows("P1 x", "P2") && follows("S1<1", "P2") && !follows("P2 x", "P1"));
    assert!(!follows("S2<1", "S1<1"));
    assert!(follows("W:A x", "W:ABA") && !follows("W:AB", "W:A") && !follows("W:Aa", "O:AB"));
    assert!(!follows("R:A<1", "NEW") && follows("R:A<1 x", "NEW") && !follows("x NEW", "W:A"));
    assert!(follows("x NEW", "R:A<1") && follows("W:Aa x", "R:AB<2"));
    let happens = |product, stories: &[&'static str]| {
        let stories: Vec<_> = stories.iter().map(|story| words(story)).collect();
        can_happen(product, &stories)
    };
    let postgres = |stories: &[&'static str]| happens(Product::Postgres, stories);
    assert!(postgres(&["P1 x", "S1<1 P2"]) && postgres(&["P1 P1", "S1<1 S2"]));
    assert!(!postgres(&["P1 P1", "S1<1 S2<1"]), "nobody made timeline 2");
    assert!(!postgres(&["P1 x", "S1<1 S1<1"]), "nobody streams from a dead server for long");
    assert!(!postgres(&["P1 S1<2", "S1<1 S1<1"]), "a ring");
    let mysql = |stories: &[&'static str]| happens(Product::MySql, stories);
    assert!(mysql(&["W:A x", "R:A<1 W:AB"]) && !mysql(&["W:A x", "R:A<1 O:AB"]));
    assert!(!mysql(&["W:A W:A", "R:A<1 C:A<1"]) && mysql(&["W:A o", "R:A<1 C:A<1"]));
    assert!(!mysql(&["W:A W:Aa", "W:AB R:ABA<1"]), "the same numbers twice");
    let group = |stories: &[&'static str]| happens(Product::GroupReplication, stories);
    assert!(group(&["PRI SEC", "SEC PRI"]) && !group(&["PRI PRI", "SEC PRI"]));
}

#[test]
fn a_code_is_read_as_it_is_printed() {
    for code in ["x", "o", "L", "P2", "S2<1", "S2", "W:AaB", "R:A<1", "C:A<2", "O:A", "NEW", "ok"] {
        assert_eq!(Word::parse(code).expect("a code").to_string(), code);
    }
    assert!(["", "Q", "P", "S<1", "W"].iter().all(|odd| Word::parse(odd).is_none()));
}
