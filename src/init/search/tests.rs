//! Whose word counts among servers that let in whoever comes.

use std::net::{Ipv4Addr, SocketAddr};

use super::{EngineKind, Kinship, Login, Search, Server};
use crate::{
    discovery::{
        ExaminedReason, Follower, Introduction, Login as DatabaseLogin, Proof, Word,
        fixtures::{primary, standby},
    },
    engine::{ClusterKind, Endpoint, Facts, Receiver},
};

fn at(number: u8) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, number), 5432).into()
}

fn standby_of(number: u8) -> Facts {
    let sender = Endpoint { host: at(number).ip().to_string().into(), port: 5432 };
    standby(7, 1, Receiver::Streaming, Some(sender))
}

/// What server `number` says, who lets in whoever comes and sends to `followers`.
fn open(number: u8, facts: Facts, followers: &[u8]) -> Word {
    let follower = |one: &u8| Follower { host: at(*one).ip().to_string().into(), name: None };
    let introduction = Introduction {
        instance: Some(format!("id-{number}").into()),
        followers: followers.iter().map(follower).collect(),
        login: DatabaseLogin::Open,
        ..Introduction::default()
    };
    Word { facts, introduction }
}

fn known(number: u8, word: Word, kinship: Kinship) -> Server {
    let depth = u8::from(kinship != Kinship::Named);
    let (hosts, version) = (Vec::new(), Box::default());
    Server { at: at(number), hosts, hint: None, word, version, kinship, depth }
}

/// Why server `number` belongs to `servers`.
fn kinship(servers: Vec<Server>, number: u8, word: &Word) -> Result<Kinship, ExaminedReason> {
    let mut login = Login::find(ClusterKind::Postgres, Some("postgres"));
    let search = Search { servers, ..Search::new(EngineKind::Postgres, &mut login) };
    search.kinship(at(number), word)
}

#[test]
fn who_asks_for_no_password_is_believed_only_when_a_server_sends_to_it() {
    let word = open(2, standby_of(1), &[]);
    let named = |followers: &[u8]| known(1, open(1, primary(7, 1), followers), Kinship::Named);
    assert_eq!(kinship(vec![named(&[3])], 2, &word), Err(ExaminedReason::Unlisted));
    let listed = Ok(Kinship::Shown(Proof::FollowedBy(at(1).to_string().into())));
    assert_eq!(kinship(vec![named(&[2])], 2, &word), listed);
    let mut proven = word;
    proven.introduction.login = DatabaseLogin::Proven;
    let follows = Ok(Kinship::Shown(Proof::Follows(at(1).to_string().into())));
    assert_eq!(kinship(vec![named(&[3])], 2, &proven), follows);
}

/// The operator vouches for the first, and so for whom it follows. A server that is in only because
/// another one sends to its address says what it likes, and so does its accomplice.
#[test]
fn who_is_believed_by_a_list_alone_brings_nobody_in() {
    let lists = open(9, primary(7, 1), &[2]);
    let leads = |number| Ok(Kinship::Leads(at(number).to_string().into()));
    let mut word = open(2, standby_of(9), &[]);
    word.introduction.login = DatabaseLogin::Proven;
    assert_eq!(kinship(vec![known(2, word.clone(), Kinship::Named)], 9, &lists), leads(2));
    word.introduction.login = DatabaseLogin::Open;
    let upstream = Kinship::Leads(at(4).to_string().into());
    assert_eq!(kinship(vec![known(2, word.clone(), upstream)], 9, &lists), leads(2));
    let listed = Kinship::Shown(Proof::FollowedBy(at(1).to_string().into()));
    assert!(kinship(vec![known(2, word, listed)], 9, &lists).is_err());
}
