//! Short stories of one ledger, second by second.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use super::{Action, Ledger, Newcomer, Notice, Sighting};
use crate::{
    discovery::{
        AttributeRule, Attributes, ExaminedReason, Exclusion, Find, FindHost, FindState,
        ForgottenReason, FoundMember, Introduction, Labels, LeavingReason, Member, Mode, NameHint,
        Proof, Published, Rules, SightedReason, SourceKind, SourceReply, Word, fixtures,
    },
    engine::{ClusterKind, Endpoint, Facts, FailureKind, Moment, Receiver, ServerState},
};

const FORGET_AFTER: Duration = Duration::from_secs(60);

fn rules() -> Rules {
    Rules {
        kind: ClusterKind::Postgres,
        port: 5432,
        sources: vec![SourceKind::File],
        mode: Mode::Join,
        networks: Some(["10.0.0.0/24".parse().expect("a network")].into()),
        publish: Published::Probed,
        exclude: vec![Exclusion::Name("db9".into())],
        max_servers: 4,
        interval: Duration::from_secs(1),
        forget_after: Some(FORGET_AFTER),
        rise: 2,
        attributes: vec![AttributeRule {
            network: Some("10.0.0.128/25".parse().expect("a network")),
            label: None,
            attributes: Attributes { priority: Some(50), weight: None },
        }],
    }
}

fn at(number: u8) -> SocketAddr {
    ([10, 0, 0, number], 5432).into()
}

fn primary() -> Facts {
    fixtures::primary(7, 1)
}

/// The word of a standby that streams from `10.0.0.1`.
fn standby(id: &str) -> Word {
    let sender = Endpoint { host: "10.0.0.1".into(), port: 5432 };
    let facts = fixtures::standby(7, 1, Receiver::Streaming, Some(sender));
    Word { facts, introduction: introduced(id) }
}

fn introduced(id: &str) -> Introduction {
    Introduction { instance: Some(id.into()), ..Introduction::default() }
}

fn member(number: u8, name: &str, state: ServerState, found: Option<FoundMember>) -> Member {
    let down_for = (state == ServerState::Down).then_some(FORGET_AFTER * 2);
    Member {
        name: name.into(),
        addresses: vec![at(number).ip()],
        port: 5432,
        aliases: vec![],
        found,
        state,
        down_for,
        word: (state != ServerState::Down)
            .then(|| Word { facts: primary(), introduction: introduced(name) }.into()),
        replies: 9,
    }
}

fn found(depth: u8, drained: bool) -> Option<FoundMember> {
    Some(FoundMember { depth, instance: None, drained })
}

/// One cluster, second by second.
struct Story {
    ledger: Ledger,
    now: Moment,
    members: Vec<Member>,
}

impl Story {
    fn new(rules: Rules) -> Self {
        let members = vec![member(1, "db1", ServerState::Primary, None)];
        let ledger = Ledger::new(rules, vec![], vec![]);
        Self { ledger, now: Moment::START, members }
    }

    /// A second in which the file says `reply`; what is to be done.
    fn second(&mut self, reply: &SourceReply) -> Vec<Action> {
        let sighting = |find: &Find| Sighting {
            find: find.clone(),
            addresses: match &find.host {
                FindHost::Address(address) => vec![*address],
                FindHost::Name(name) if &**name == "rogue" => vec![[127, 0, 0, 1].into()],
                FindHost::Name(_) => vec![],
            },
        };
        let sightings: Vec<_> = reply.finds().iter().map(sighting).collect();
        self.ledger.see(self.members.clone(), Arc::new(BTreeSet::from(["db7".into()])));
        let mut actions = self.ledger.heard(SourceKind::File, reply, &sightings, self.now);
        actions.extend(self.ledger.act(self.now));
        self.now = self.now + Duration::from_secs(1);
        actions
    }

    fn state(&self, place: &str) -> Option<FindState> {
        let finds = self.ledger.finds();
        finds.into_iter().find(|find| &*find.at == place).map(|find| find.state)
    }

    fn sighted(&self, place: &str) -> SightedReason {
        match self.state(place) {
            Some(FindState::Sighted(reason)) => reason,
            other => panic!("{place}: {other:?}"),
        }
    }

    /// Examines what is to be examined, which says `word`; whoever joins then.
    fn join(&mut self, actions: &[Action], word: Result<Word, FailureKind>) -> Option<Newcomer> {
        let at = actions.iter().find_map(|action| match action {
            Action::Examine(at) => Some(*at),
            _ => None,
        });
        let done = self.ledger.examined(at.expect("an examination"), word, self.now);
        done.into_iter().find_map(|action| match action {
            Action::Join(newcomer) => Some(newcomer),
            _ => None,
        })
    }
}

fn named(number: u8, name: Option<&str>) -> Find {
    Find {
        source: SourceKind::File,
        name: name.and_then(NameHint::reduced),
        host: FindHost::Address(at(number).ip()),
        port: Some(5432),
        labels: Labels::default(),
    }
}

fn list(numbers: &[u8]) -> SourceReply {
    SourceReply::of(numbers.iter().map(|number| named(*number, None)).collect(), None)
}

#[test]
fn who_has_proven_itself_joins_and_is_ready_after_good_replies() {
    let mut story = Story::new(rules());
    let actions = story.second(&list(&[200]));
    let sighted = Notice::Sighted { at: "10.0.0.200:5432".into(), source: SourceKind::File };
    assert_eq!(actions, [Action::Tell(sighted), Action::Examine(at(200))]);
    let newcomer = story.join(&actions, Ok(standby("x"))).expect("it is kin");
    assert_eq!((&*newcomer.name, newcomer.depth), ("host-10-0-0-200", 1));
    assert_eq!(newcomer.attributes.priority, Some(50));
    assert_eq!(newcomer.proof, Proof::Follows("db1".into()));
    // It joins, and has not answered often enough.
    let joined = member(200, &newcomer.name, ServerState::Replica, found(1, true));
    story.members.push(Member { replies: 1, ..joined });
    assert_eq!(story.second(&list(&[200])), []);
    story.members[1].state = ServerState::Starting;
    story.members[1].replies = 2;
    assert_eq!(story.second(&list(&[200])), []);
    story.members[1].state = ServerState::Replica;
    assert_eq!(story.second(&list(&[200])), [Action::Ready(newcomer.name)]);
    assert!(matches!(story.state("10.0.0.200:5432"), Some(FindState::Kin(_))));
    story.members[1].found = found(1, false);
    assert_eq!(story.second(&list(&[200])), []);
    assert!(matches!(story.state("10.0.0.200:5432"), Some(FindState::Member(_))));
}

#[test]
fn a_proposed_server_stays_drained() {
    let mut story = Story::new(Rules { mode: Mode::Propose, ..rules() });
    story.members.push(member(2, "db2", ServerState::Replica, found(1, true)));
    assert_eq!(story.second(&list(&[2])), []);
}

#[test]
fn nobody_is_contacted_who_is_nowhere_or_not_wanted() {
    let mut story = Story::new(rules());
    let elsewhere = |host| Find { host, ..named(2, None) };
    let finds = vec![
        elsewhere(FindHost::Address([192, 0, 2, 1].into())),
        elsewhere(FindHost::Address([127, 0, 0, 1].into())),
        elsewhere(FindHost::Address([224, 0, 0, 1].into())),
        elsewhere(FindHost::Name("rogue".into())),
        elsewhere(FindHost::Name("nowhere".into())),
        named(9, Some("DB9")),
    ];
    for _ in 0..3 {
        let actions = story.second(&SourceReply::of(finds.clone(), None));
        assert!(!actions.iter().any(|it| matches!(it, Action::Examine(_))), "{actions:?}");
    }
    for (place, reason) in [
        ("192.0.2.1:5432", SightedReason::OutsideNetworks),
        ("127.0.0.1:5432", SightedReason::OutsideNetworks),
        ("224.0.0.1:5432", SightedReason::Unpublishable),
        ("nowhere:5432", SightedReason::Unresolved),
        ("10.0.0.9:5432", SightedReason::Excluded),
    ] {
        assert_eq!(story.sighted(place), reason, "{place}");
    }
    // Without networks nothing is anywhere but on this host.
    let mut story = Story::new(Rules { networks: None, ..rules() });
    story.second(&SourceReply::of(vec![elsewhere(FindHost::Name("rogue".into()))], None));
    assert_eq!(story.sighted("127.0.0.1:5432"), SightedReason::OutsideNetworks);
}

#[test]
fn no_cluster_grows_beyond_its_limit() {
    let mut story = Story::new(rules());
    for number in 2..=4 {
        story.members.push(member(number, &format!("db{number}"), ServerState::Replica, None));
    }
    let actions = story.second(&list(&[5]));
    assert!(!actions.contains(&Action::Examine(at(5))), "{actions:?}");
    assert_eq!(story.sighted("10.0.0.5:5432"), SightedReason::TooMany);
}

#[test]
fn a_find_that_proves_nothing_is_asked_ever_more_seldom() {
    let mut story = Story::new(rules());
    let mut asked = Vec::new();
    for second in 0..4_000_u64 {
        let actions = story.second(&list(&[2]));
        if actions.contains(&Action::Examine(at(2))) {
            asked.push(second);
            assert_eq!(story.join(&actions, Err(FailureKind::Refused)), None);
        }
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.is_sorted() && pauses.len() < 20, "{pauses:?}");
    assert!(pauses.last().is_some_and(|last| (600..=601).contains(last)), "{pauses:?}");
    let reason = ExaminedReason::NoAnswer(FailureKind::Refused);
    assert_eq!(story.state("10.0.0.2:5432"), Some(FindState::Examined(reason)));
}

#[test]
fn a_stranger_is_told_once_and_never_joins() {
    let mut story = Story::new(rules());
    let mut told = 0;
    for _ in 0..100 {
        let actions = story.second(&list(&[2]));
        if actions.contains(&Action::Examine(at(2))) {
            let word = Word { facts: primary(), introduction: introduced("copy") };
            let done = story.ledger.examined(at(2), Ok(word), story.now);
            assert!(!done.iter().any(|action| matches!(action, Action::Join(_))), "{done:?}");
            told += done.len();
        }
    }
    assert_eq!(told, 1);
}

#[test]
fn a_name_stays_with_its_server() {
    let mut story = Story::new(rules());
    let find = |number| SourceReply::of(vec![named(number, Some("db1"))], None);
    let actions = story.second(&find(2));
    let newcomer = story.join(&actions, Ok(standby("x"))).expect("it is kin");
    // The file has a db1, another cluster a db7.
    assert_eq!(&*newcomer.name, "db1-2");
    let actions = story.second(&SourceReply::of(vec![named(3, Some("db7"))], None));
    let second = story.join(&actions, Ok(standby("y"))).expect("it is kin");
    assert_eq!(&*second.name, "db7-2");
    // The same server at another address has its name again, another one has not.
    let actions = story.second(&find(4));
    let moved = story.join(&actions, Ok(standby("x"))).expect("it is kin");
    assert_eq!(&*moved.name, "db1-2");
    let actions = story.second(&find(5));
    let other = story.join(&actions, Ok(standby("z"))).expect("it is kin");
    assert_eq!(&*other.name, "db1-3");
}

#[test]
fn broken_and_empty_replies_take_nothing_away() {
    let mut story = Story::new(rules());
    story.members.push(member(2, "db2", ServerState::Replica, found(1, false)));
    story.second(&list(&[2]));
    let some = SourceReply::of(vec![], Some("a row without a host"));
    for reply in [SourceReply::failed("garbage"), some, list(&[])] {
        story.second(&reply);
        assert!(matches!(story.state("10.0.0.2:5432"), Some(FindState::Member(_))), "{reply:?}");
    }
    // Another list does, and even then it stays as long as it lives.
    for _ in 0..300 {
        assert!(!story.second(&list(&[3])).iter().any(|it| matches!(it, Action::Remove(_))));
    }
    let leaving = FindState::Leaving(LeavingReason::Unnamed);
    assert_eq!(story.state("10.0.0.2:5432"), Some(leaving));
}

#[test]
fn who_is_gone_for_long_leaves_and_nobody_who_is_named() {
    let mut story = Story::new(rules());
    story.members.push(member(3, "db3", ServerState::Replica, None));
    story.members.push(member(2, "db2", ServerState::Down, found(1, false)));
    let gone = |actions: &[Action]| actions.contains(&Action::Remove("db2".into()));
    // Down, and named.
    for _ in 0..200 {
        assert!(!gone(&story.second(&list(&[2]))));
    }
    let begin = story.now;
    while !gone(&story.second(&list(&[3]))) {
        assert!(story.now.since(begin) < FORGET_AFTER * 2);
    }
    assert!(story.now.since(begin) >= FORGET_AFTER, "{}", story.now.since(begin).as_secs());
}

#[test]
fn more_than_half_at_once_are_held() {
    let mut story = Story::new(rules());
    for number in 2..=3 {
        let name = format!("db{number}");
        story.members.push(member(number, &name, ServerState::Down, found(1, false)));
    }
    story.second(&list(&[2, 3]));
    let mut held = 0;
    let mut removed = None;
    for second in 0..200_u64 {
        for action in story.second(&list(&[9])) {
            match action {
                Action::Tell(Notice::Held { servers }) => {
                    assert_eq!(servers.len(), 2);
                    held += 1;
                }
                Action::Remove(_) => removed = removed.or(Some(second)),
                _ => {}
            }
        }
    }
    assert_eq!(held, 1);
    assert!(removed.is_some_and(|second| second >= FORGET_AFTER.as_secs()), "{removed:?}");
}

#[test]
fn who_was_removed_stays_out_until_it_is_revived_or_a_day_is_over() {
    let mut story = Story::new(rules());
    story.members.push(member(2, "db2", ServerState::Replica, found(1, false)));
    story.second(&list(&[2]));
    story.ledger.remove("DB2", story.now);
    story.members.pop();
    let asks = |actions: &[Action]| actions.contains(&Action::Examine(at(2)));
    for _ in 0..100 {
        assert!(!asks(&story.second(&list(&[2]))));
    }
    let forgotten = FindState::Forgotten(ForgottenReason::Removed);
    assert_eq!(story.state("10.0.0.2:5432"), Some(forgotten));
    // A restart knows it.
    let (bindings, tombstones) = story.ledger.remembered();
    let (bindings, tombstones) = (bindings.to_vec(), tombstones.to_vec());
    story.ledger = Ledger::new(rules(), bindings, tombstones);
    assert!(!asks(&story.second(&list(&[2]))));
    let mut revived = story.ledger.clone();
    assert!(!revived.revive("db3", story.now));
    assert!(revived.revive("db2", story.now));
    assert!(asks(&revived.act(story.now)));
    story.now = story.now + Duration::from_secs(24 * 3600);
    assert!(asks(&story.second(&list(&[2]))));
}

#[test]
fn a_find_that_the_configuration_refuses_says_why() {
    let mut story = Story::new(rules());
    let actions = story.second(&list(&[2]));
    story.join(&actions, Ok(standby("x"))).expect("it is kin");
    story.ledger.refused(at(2), "10.0.0.2 is already published", story.now);
    let state = story.state("10.0.0.2:5432").expect("it is known");
    assert_eq!(state.to_string(), "cannot be added: 10.0.0.2 is already published");
}

#[test]
fn those_who_come_together_are_no_more_than_there_is_room_for() {
    let mut story = Story::new(rules());
    let mut actions = story.second(&list(&[2, 3, 4, 5, 6]));
    let mut joined = Vec::new();
    for id in ["v", "w", "x"] {
        joined.push(story.join(&actions, Ok(standby(id))).expect("it is kin").at);
        actions = story.ledger.act(story.now);
    }
    assert_eq!(joined, [at(2), at(3), at(4)]);
    // None of them has joined yet, and there is room for four.
    assert_eq!(actions, []);
    assert_eq!(story.sighted("10.0.0.5:5432"), SightedReason::TooMany);
    assert!(matches!(story.state("10.0.0.4:5432"), Some(FindState::Kin(_))));
    // One of them could not: there is room for another one.
    story.ledger.refused(at(4), "why ever", story.now);
    story.members.push(member(2, "db2", ServerState::Replica, found(1, false)));
    story.members.push(member(3, "db3", ServerState::Replica, found(1, false)));
    assert_eq!(story.second(&list(&[2, 3, 4, 5, 6])), [Action::Examine(at(5))]);
}

#[test]
fn at_rest_no_word_is_kept() {
    let mut story = Story::new(rules());
    let actions = story.second(&list(&[2]));
    story.ledger.rest();
    let place = story.ledger.finds();
    assert!(story.ledger.members.iter().all(|member| member.word.is_none()));
    assert_eq!(place, story.ledger.finds());
    story.ledger.see(story.members.clone(), Arc::default());
    story.join(&actions, Ok(standby("x"))).expect("it is kin");
}

#[test]
fn a_long_list_is_told_in_part_and_delays_nobody_whom_members_see() {
    let mut story = Story::new(Rules { max_servers: 100, ..rules() });
    let numbers: Vec<u8> = (10..=250).collect();
    let actions = story.second(&list(&numbers));
    let told = actions.iter().filter(|it| matches!(it, Action::Tell(Notice::Sighted { .. })));
    assert_eq!(told.count(), super::SIGHTED_TOLD);
    assert_eq!(actions.last(), Some(&Action::Examine(at(10))));
    _ = story.ledger.examined(at(10), Err(FailureKind::Refused), story.now);
    let seen = SourceReply::of(vec![named(251, None)], None);
    let sighting = Sighting { find: named(251, None), addresses: vec![at(251).ip()] };
    _ = story.ledger.heard(SourceKind::Replication, &seen, &[sighting], story.now);
    assert_eq!(story.ledger.act(story.now), [Action::Examine(at(251))]);
}

#[test]
fn a_source_that_fails_is_told_once_in_a_while() {
    let mut story = Story::new(rules());
    let mut told = |reply: &SourceReply| {
        let actions = story.second(reply);
        actions.iter().any(|it| matches!(it, Action::Tell(Notice::Source { .. })))
    };
    let broken = SourceReply::failed("no JSON");
    assert!(!told(&list(&[])));
    assert!(told(&broken));
    for _ in 0..300 {
        assert!(!told(&broken));
        assert!(!told(&list(&[])));
    }
    assert!(told(&broken), "ten minutes later");
}

#[test]
fn labels_give_what_no_rule_gives() {
    let mut labels = Labels::default();
    for (key, value) in [("priority", "7"), ("weight", "65536"), ("site", "az1")] {
        labels.add(key, value);
    }
    let given = |number: u8| rules().attributes(at(number).ip(), &labels);
    assert_eq!(given(2), Attributes { priority: Some(7), weight: None });
    assert_eq!(given(200), Attributes { priority: Some(50), weight: None });
}

#[test]
fn nobody_proves_itself_to_nobody_and_all_are_asked_again_once_there_is_a_first() {
    let mut story = Story::new(rules());
    let first = std::mem::take(&mut story.members);
    for number in [1, 2] {
        let actions = story.second(&list(&[1, 2]));
        assert!(actions.contains(&Action::Examine(at(number))), "{actions:?}");
        let word = match number {
            1 => Word { facts: primary(), introduction: introduced("db1") },
            _ => standby("x"),
        };
        assert_eq!(story.join(&actions, Ok(word)), None);
    }
    let shown = story.state("10.0.0.1:5432").expect("it is known").to_string();
    assert!(shown.ends_with("it is a primary on timeline 1 with system identifier 7"), "{shown}");
    let shown = story.state("10.0.0.2:5432").expect("it is known").to_string();
    assert!(shown.ends_with("it is a standby with system identifier 7"), "{shown}");
    // However often it proves nothing, it need not wait once somebody is known.
    for _ in 0..100 {
        let actions = story.second(&list(&[1, 2]));
        for at in actions.iter().filter_map(|it| match it {
            Action::Examine(at) => Some(*at),
            _ => None,
        }) {
            let done = story.ledger.examined(at, Ok(standby("x")), story.now);
            assert!(done.is_empty(), "{done:?}");
        }
    }
    story.members = first;
    let actions = story.second(&list(&[1, 2]));
    assert_eq!(actions, [Action::Examine(at(2))]);
    assert!(story.join(&actions, Ok(standby("x"))).is_some());
}

#[test]
fn after_a_restart_who_is_gone_leaves_in_time_and_nobody_before_all_sources_have_spoken() {
    let mut story =
        Story::new(Rules { sources: vec![SourceKind::File, SourceKind::Dns], ..rules() });
    story.members.push(member(3, "db3", ServerState::Replica, None));
    story.members.push(member(2, "db2", ServerState::Down, found(1, false)));
    let gone = |actions: &[Action]| actions.contains(&Action::Remove("db2".into()));
    for _ in 0..200 {
        assert!(!gone(&story.second(&list(&[3]))), "the source dns has not said anything");
        assert!(matches!(story.state("10.0.0.2:5432"), Some(FindState::Member(Proof::Earlier))));
    }
    _ = story.ledger.heard(SourceKind::Dns, &list(&[3]), &[], story.now);
    story.second(&list(&[3]));
    let leaving = FindState::Leaving(LeavingReason::Unnamed);
    assert_eq!(story.state("10.0.0.2:5432"), Some(leaving));
    assert!((0..200).any(|_| gone(&story.second(&list(&[3])))), "it has no clock");
}

/// The word of a standby that calls itself so.
fn calling_itself(id: &str, host: Option<&str>) -> Word {
    let word = standby(id);
    let endpoint = host.map(|host| Endpoint { host: host.into(), port: 5432 });
    Word { introduction: Introduction { endpoint, ..word.introduction }, ..word }
}

/// What comes of a find that calls itself `host`, which has this address.
fn located(story: &mut Story, word: Word, address: [u8; 4]) -> Vec<Action> {
    let mut asked = None;
    for _ in 0..20 {
        let examined = |action: &Action| match action {
            Action::Examine(at) => Some(*at),
            _ => None,
        };
        asked = story.second(&list(&[2])).iter().find_map(examined);
        if asked.is_some() {
            break;
        }
    }
    let at = asked.expect("somebody is examined");
    let mut done = Vec::new();
    for action in story.ledger.examined(at, Ok(word), story.now) {
        match action {
            Action::Locate(newcomer, endpoint) => {
                assert!(!story.ledger.clone().act(story.now).contains(&Action::Examine(at)));
                let addresses = [address.into()];
                done.extend(story.ledger.located(newcomer, &endpoint, &addresses, story.now));
            }
            other => done.push(other),
        }
    }
    done
}

#[test]
fn who_is_published_as_it_calls_itself_has_to_prove_itself_there() {
    let reported = || Story::new(Rules { publish: Published::Reported, ..rules() });
    let mut story = reported();
    assert_eq!(located(&mut story, calling_itself("x", None), [0; 4]), []);
    let state = story.state("10.0.0.2:5432");
    assert_eq!(state, Some(FindState::Examined(ExaminedReason::ReportsNothing)));
    // Where nobody may be is nobody asked.
    for outside in [[192, 0, 2, 1], [127, 0, 0, 1], [224, 0, 0, 1]] {
        let mut story = reported();
        let word = calling_itself("x", Some("db2.example"));
        assert_eq!(located(&mut story, word, outside), []);
        let state = story.state("10.0.0.2:5432").expect("it is known").to_string();
        assert!(
            state.ends_with("calls itself db2.example:5432, which has no address in `networks`")
        );
        for _ in 0..50 {
            for action in story.second(&list(&[2])) {
                assert!(matches!(action, Action::Examine(there) if there == at(2)), "{action:?}");
                _ = story.ledger.examined(at(2), Err(FailureKind::Refused), story.now);
            }
        }
    }
    // At its own address it is who it says.
    let mut story = reported();
    let done = located(&mut story, calling_itself("x", Some("db2.example")), [10, 0, 0, 2]);
    assert!(matches!(&done[..], [Action::Join(newcomer)] if newcomer.at == at(2)), "{done:?}");
    // Elsewhere another one may answer, which is no kin; then it does itself.
    let mut story = reported();
    let itself = || calling_itself("x", Some("10.0.0.7"));
    assert_eq!(located(&mut story, itself(), [10, 0, 0, 7]), []);
    let stranger = Word { facts: primary(), introduction: introduced("copy") };
    let actions = story.second(&list(&[2]));
    assert!(actions.contains(&Action::Examine(at(7))), "{actions:?}");
    assert_eq!(story.join(&actions, Ok(stranger)), None);
    let mut done = Vec::new();
    while done.is_empty() {
        done = located(&mut story, itself(), [10, 0, 0, 7]);
    }
    let [Action::Join(newcomer)] = &done[..] else { panic!("{done:?}") };
    assert_eq!((newcomer.at, newcomer.instance.as_deref()), (at(7), Some("x")));
    // Whoever names the one address names the member.
    story.members.push(member(7, &newcomer.name, ServerState::Replica, found(1, false)));
    for _ in 0..200 {
        story.second(&list(&[2]));
    }
    assert!(matches!(story.state("10.0.0.7:5432"), Some(FindState::Member(_))));
}

#[test]
fn who_was_removed_is_not_asked_without_end_at_another_address() {
    let mut story = Story::new(rules());
    let gone = FoundMember { depth: 1, instance: Some("x".into()), drained: false };
    story.members.push(member(2, "db2", ServerState::Replica, Some(gone)));
    story.second(&list(&[2]));
    story.ledger.remove("db2", story.now);
    story.members.pop();
    let actions = story.second(&list(&[3]));
    assert!(actions.contains(&Action::Examine(at(3))), "{actions:?}");
    assert_eq!(story.join(&actions, Ok(standby("x"))), None);
    assert_eq!(story.ledger.act(story.now), [], "it waits for its turn");
    let reason = story.state("10.0.0.3:5432").expect("it is known").to_string();
    assert_eq!(reason, "is db2 at another address");
}
