//! Secondaries that learn of zones by the catalog (RFC 9432).

use std::net::IpAddr;

use crate::{
    patience,
    primary::{Primary, Setup},
    secondary::{Kind, Secondary},
    story::name,
};

/// A zone that comes and goes.
const MORE: &str = "more.internal.";

/// A zone that a reload adds appears at the secondary, and one that a reload removes goes.
fn tell(kind: Kind, number: u8) {
    let setup = Setup { number, has_key: true, has_catalog: true, ..Setup::default() };
    let mut primary = Primary::new(setup);
    primary.start();
    let mut secondary = Secondary::start(kind, &primary);
    let mut client = secondary.client();
    let mut expect = |what: &str, owner: &str, there: bool| {
        let address: IpAddr = [192, 0, 2, 80].into();
        let came = patience::poll(patience::PATIENCE, || {
            let answer = client.addresses(&name(owner));
            answer.is_some_and(|answer| (answer.addresses == [address]) == there).then_some(())
        });
        let alive = secondary.is_running();
        assert!(
            came.is_some(),
            "{kind:?}, alive: {alive}: {what}\n{}\n{}\n-- secondary\n{}",
            primary.status(),
            primary.log_tail(),
            secondary.log_tail()
        );
    };
    expect("the first zone is copied", "www.db.internal.", true);
    expect("another is not there", "www.more.internal.", false);
    for _ in 0..2 {
        primary.reload_with(&[MORE]);
        expect("an added zone is copied", "www.more.internal.", true);
        primary.reload_with(&[]);
        expect("a removed zone goes", "www.more.internal.", false);
        expect("the other stays", "www.db.internal.", true);
    }
}

#[test]
fn knot() {
    tell(Kind::Knot, 12);
}

#[test]
fn bind() {
    tell(Kind::Bind, 13);
}
