//! One name, one or several writers, and a zone that does what RFC 2136 says.

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;

fn set(addresses: &[u8]) -> BTreeSet<IpAddr> {
    addresses.iter().map(|last| IpAddr::from([10, 0, 0, *last])).collect()
}

fn wish(addresses: &[u8]) -> Wish {
    Wish { addresses: set(addresses), ttl: 1 }
}

fn rules() -> PushRules {
    PushRules { id: "orders".into(), adopt: false, push_empty: false }
}

fn ledger(remembered: Option<Remembered>, addresses: &[u8]) -> Ledger {
    let mut ledger = Ledger::new(rules(), remembered);
    ledger.want(wish(addresses));
    ledger
}

fn at(seconds: u64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

fn owned(epoch: u64, addresses: &[u8]) -> Reading {
    let addresses = set(addresses);
    let fingerprint = Fingerprint::of(&addresses);
    let owner = OwnerText::Owner(Owner { epoch, id: "orders".into(), fingerprint });
    Reading { addresses, owner, foreign: None }
}

fn written(verdict: Verdict) -> Update {
    let Verdict::Write(update, _) = verdict else { panic!("{verdict:?}") };
    update
}

#[test]
fn a_name_that_nobody_has_is_created_and_then_changed() {
    let mut ledger = ledger(None, &[1]);
    let first = written(ledger.judge(&Reading::default(), at(0)));
    assert_eq!((&first.guard, first.owner.epoch), (&Guard::Unused, 1));
    assert_eq!(ledger.judge(&first.outcome(), at(1)), Verdict::Level);
    assert!(!ledger.want(wish(&[1])));
    assert!(ledger.want(wish(&[2])));
    let second = written(ledger.judge(&first.outcome(), at(2)));
    assert_eq!((&second.guard, second.owner.epoch), (&Guard::Owner(first.owner), 2));
    assert_eq!(second.addresses, set(&[2]));
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let mut ledger = ledger(None, &[1]);
    let nobodys = Reading { addresses: set(&[9]), ..Reading::default() };
    let others = Owner { id: "users".into(), ..owner_of(&owned(3, &[1])) };
    for (reading, block) in [
        (nobodys.clone(), Block::NotOurs),
        (
            Reading { foreign: Some(RecordType::CNAME), ..Reading::default() },
            Block::Foreign(RecordType::CNAME),
        ),
        (
            Reading { foreign: Some(RecordType::MX), ..owned(1, &[1]) },
            Block::Foreign(RecordType::MX),
        ),
        (Reading { owner: OwnerText::Strange, ..Reading::default() }, Block::StrangeOwner),
        (
            Reading { owner: OwnerText::Owner(others), ..Reading::default() },
            Block::OtherOwner("users".into()),
        ),
    ] {
        if block == Block::NotOurs {
            assert_eq!(ledger.judge(&reading, at(0)), Verdict::ReadAgain);
        }
        assert_eq!(ledger.judge(&reading, at(0)), Verdict::Blocked(block), "{reading:?}");
    }
    let mut adopts = Ledger::new(PushRules { adopt: true, ..rules() }, None);
    adopts.want(wish(&[1]));
    assert_eq!(adopts.judge(&nobodys, at(0)), Verdict::ReadAgain);
    let update = written(adopts.judge(&nobodys, at(0)));
    assert_eq!(update.guard, Guard::Unowned(set(&[9])));
}

/// The addresses are those of an update that another writer has sent between two of our questions, and
/// the owner record is from before it.
#[test]
fn half_of_an_update_is_not_somebody_elses() {
    let mut ledger = ledger(None, &[1]);
    let half = Reading { addresses: set(&[2]), ..Reading::default() };
    assert_eq!(ledger.judge(&half, at(0)), Verdict::ReadAgain);
    assert_eq!(written(ledger.judge(&owned(0, &[2]), at(0))).owner.epoch, 1);
    // It is a new doubt each time.
    assert_eq!(ledger.judge(&half, at(30)), Verdict::ReadAgain);
    assert_eq!(ledger.judge(&half, at(30)), Verdict::Blocked(Block::NotOurs));
    assert_eq!(ledger.judge(&half, at(60)), Verdict::Blocked(Block::NotOurs));
}

fn owner_of(reading: &Reading) -> Owner {
    let OwnerText::Owner(owner) = &reading.owner else { panic!("{reading:?}") };
    owner.clone()
}

#[test]
fn a_name_without_a_server_keeps_its_addresses_unless_it_is_said() {
    let mut ledger = ledger(None, &[1]);
    assert!(!ledger.want(wish(&[])));
    assert_eq!(ledger.judge(&owned(1, &[1]), at(0)), Verdict::Level);
    let mut empties = Ledger::new(PushRules { push_empty: true, ..rules() }, None);
    empties.want(wish(&[]));
    let update = written(empties.judge(&owned(1, &[1]), at(0)));
    assert_eq!((update.addresses, update.owner.epoch), (set(&[]), 2));
}

#[test]
fn what_somebody_changes_is_put_right_once_in_ten_seconds() {
    let mut ledger = ledger(None, &[1]);
    let changed = Reading { addresses: set(&[1, 9]), ..owned(1, &[1]) };
    assert_eq!(ledger.judge(&changed, at(5)), Verdict::ReadAgain);
    let Verdict::Write(update, Why::Right) = ledger.judge(&changed, at(5)) else { panic!("now") };
    assert_eq!(update.owner.epoch, 1);
    assert_eq!(ledger.judge(&changed, at(9)), Verdict::RightAt(at(15)));
    assert!(matches!(ledger.judge(&changed, at(15)), Verdict::Write(_, Why::Right)));
}

#[test]
fn who_is_late_stops_until_it_has_news() {
    let mut late = ledger(None, &[1]);
    assert_eq!(late.judge(&owned(4, &[1]), at(0)), Verdict::Level);
    assert_eq!(late.remembered().epoch, 4);
    let newer = owned(5, &[2]);
    assert_eq!(late.judge(&newer, at(1)), Verdict::Blocked(Block::Superseded(5)));
    assert_eq!(late.judge(&newer, at(60)), Verdict::Blocked(Block::Superseded(5)));
    late.want(wish(&[3]));
    assert_eq!(written(late.judge(&newer, at(61))).owner.epoch, 6);
}

#[test]
fn the_epoch_survives_a_restart_and_never_goes_back() {
    let mut first = ledger(None, &[1]);
    assert_eq!(first.judge(&owned(41, &[1]), at(0)), Verdict::Level);
    let kept = first.remembered();
    // The same writer as before: no change.
    let mut again = ledger(Some(kept), &[1]);
    assert_eq!(again.judge(&owned(41, &[1]), at(0)), Verdict::Level);
    // A zone that was restored from a backup, and another writer.
    let mut other = ledger(Some(kept), &[2]);
    assert_eq!(written(other.judge(&owned(7, &[3]), at(0))).owner.epoch, 42);
    let mut empty = ledger(Some(kept), &[1]);
    assert_eq!(written(empty.judge(&Reading::default(), at(0))).owner.epoch, 41);
}

/// Several writers that want and write in any order, each by what it read some time ago: every change that is taken has
/// a higher epoch, and at the end the name says what the one with the highest wants.
#[test]
fn the_highest_epoch_prevails_in_every_order() {
    for seed in 0..2_000 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut zone = Reading::default();
        let count = rng.random_range(2..4);
        let mut writers: Vec<_> = (0..count).map(|_| Ledger::new(rules(), None)).collect();
        let mut read = vec![zone.clone(); count];
        let mut steps = 0;
        loop {
            steps += 1;
            let writer = rng.random_range(0..count);
            if steps < 30 && rng.random_bool(0.3) {
                writers[writer].want(wish(&[rng.random_range(1..4)]));
            }
            if rng.random_bool(0.5) {
                read[writer] = zone.clone();
            }
            if let Verdict::Write(update, _) = writers[writer].judge(&read[writer], at(steps * 20))
            {
                if holds(&update.guard, &zone) {
                    if let OwnerText::Owner(owner) = &zone.owner {
                        assert!(update.owner.epoch > owner.epoch, "seed {seed}");
                    }
                    zone = update.outcome();
                }
                read[writer] = zone.clone();
            }
            if steps > 100 {
                break;
            }
        }
        for ledger in &mut writers {
            let verdict = ledger.judge(&zone, at(10_000));
            let is_settled = matches!(
                verdict,
                Verdict::Waiting | Verdict::Level | Verdict::Blocked(Block::Superseded(_))
            );
            assert!(is_settled, "seed {seed}: {verdict:?}");
            assert!(ledger.remembered().epoch <= owner_of(&zone).epoch, "seed {seed}");
        }
    }
}

/// Whether a server would take it.
fn holds(guard: &Guard, zone: &Reading) -> bool {
    match guard {
        Guard::Owner(owner) => zone.owner == OwnerText::Owner(owner.clone()),
        Guard::Unused => *zone == Reading::default(),
        Guard::Unowned(known) => zone.owner == OwnerText::Absent && zone.addresses == *known,
    }
}
