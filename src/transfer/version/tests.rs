//! What follows from one version to the next.

use std::collections::BTreeSet;

use super::*;
use crate::answers::{
    Balance, Serial,
    sample::{self, name},
};

const ALL: Copied = Copied { services: true, servers: true };

fn internal(table: &AnswerTable) -> Version {
    Version::of(table, &name("internal."), ALL).unwrap()
}

#[test]
fn a_difference_makes_the_one_of_the_other() {
    let mut table = sample::table(&sample::healthy());
    let mut version = internal(&table);
    for server in [2, 1, 0, 2] {
        table = sample::promoted(&table, server, Serial::MAX).unwrap();
        let (next, difference) = version.next(&table, &name("internal."), ALL).unwrap();
        let gone_and_new: Vec<_> = difference
            .records
            .split(|record| *record == version.soa || *record == next.soa)
            .collect();
        let [_, gone, new] = &gone_and_new[..] else { panic!("two SOA records") };
        let mut all: BTreeSet<_> = version.all().into_iter().collect();
        for record in *gone {
            assert!(all.remove(record), "what is gone was there");
        }
        for record in *new {
            assert!(all.insert(record.clone()), "what is new was not there");
        }
        assert_eq!(all.into_iter().collect::<Vec<_>>(), next.all());
        assert_eq!(next.all(), internal(&table).all(), "as if made anew");
        assert!(difference.octets < 600 && !difference.is_empty, "{}", difference.octets);
        assert_eq!((difference.from, difference.to), (version.serial, next.serial));
        version = next;
    }
}

/// A layout of its own, as after a reload, gives the same version.
#[test]
fn a_reload_without_a_change_is_an_empty_difference() {
    let table = sample::table(&sample::healthy());
    let version = internal(&table);
    let reloaded = sample::table_of(&sample::layout(Balance::Weighted), &sample::healthy());
    assert!(version.next(&reloaded, &name("internal."), ALL).is_none(), "the same serial");
    let promoted = sample::promoted(&reloaded, 2, Serial::MAX).unwrap();
    let (next, difference) = version.next(&promoted, &name("internal."), ALL).unwrap();
    assert_eq!(next.serial, version.serial + 1);
    assert!(difference.octets < 600, "{}", difference.octets);
}

#[test]
fn one_serial_never_has_two_contents() {
    let table = sample::table(&sample::healthy());
    let version = internal(&table);
    // The serial could not grow: the change is answered already, and not transferred yet.
    let owing = sample::promoted(&table, 2, table.serial()).unwrap();
    assert!(owing.owes_a_serial());
    assert!(version.next(&owing, &name("internal."), ALL).is_none());
    assert!(Version::of(&owing, &name("internal."), ALL).is_none());
    let paid = owing.paid(0, Serial::MAX).unwrap();
    let (next, difference) = version.next(&paid, &name("internal."), ALL).unwrap();
    assert!(next.serial > version.serial && !difference.is_empty);
}

#[test]
fn a_name_without_its_first_decision_holds_the_zone_back() {
    let table = sample::table(&sample::healthy());
    let version = internal(&table);
    let unready = sample::unready(&table);
    assert!(version.next(&unready, &name("internal."), ALL).is_none());
}

#[test]
fn the_whole_begins_and_ends_with_the_soa() {
    let table = sample::table(&sample::healthy());
    let version = internal(&table);
    let whole = version.whole();
    let octets: Vec<_> = whole.iter().flat_map(|body| body.octets.clone()).collect();
    assert!(octets.starts_with(&version.soa) && octets.ends_with(&version.soa));
    assert_eq!(octets.len(), version.octets());
    let count: usize = whole.iter().map(|body| usize::from(body.count)).sum();
    assert_eq!(count, version.all().len() + 2);
    assert!(Arc::ptr_eq(&whole, &version.whole()), "rendered once");
}

#[test]
fn serials_are_compared_on_a_circle() {
    assert!(is_later(2, 1) && !is_later(1, 2) && !is_later(1, 1));
    assert!(is_later(1, u32::MAX) && !is_later(u32::MAX, 1));
    assert!(!is_later(1 << 31, 0) && !is_later(0, 1 << 31));
}
