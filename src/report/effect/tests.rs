//! What a change is said to do, and what is warned of.

use super::*;
use crate::{
    engine::{ReadReason, WriteReason},
    report::sample::shop,
    wall_time::WallTime,
};

fn drain(server: &str, author: &str) -> Override {
    Override {
        wish: Wish::Drain { server: server.into(), force: false },
        author: author.into(),
        reason: "kernel".into(),
        since: WallTime::default(),
        until: None,
    }
}

fn told(after: &ClusterView, laid: &Override) -> Vec<String> {
    let effect = Effect::between(&shop(), after, Some(laid));
    effect.dangers.iter().map(ToString::to_string).collect()
}

#[test]
fn each_name_is_told_with_what_it_said_and_says() {
    let mut after = shop();
    after.names[1].servers = vec!["shop3".into()];
    let effect = Effect::between(&shop(), &after, Some(&drain("shop2", "ann")));
    let lines: Vec<_> = effect.names.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "write.internal: shop1, unchanged (it is the one writable primary)",
            "read.internal: shop2, shop3 -> shop3 (the eligible replicas)",
        ]
    );
    assert!(effect.dangers.is_empty() && effect.replaced.is_none(), "{effect:?}");
}

#[test]
fn what_somebody_might_not_have_meant_is_a_danger() {
    // A drain of the primary does not take the writes away.
    assert_eq!(
        told(&shop(), &drain("shop1", "ann")),
        ["shop1 is drained of reads alone and still is what write.internal says: promote another \
          server before it is stopped, or use --force"]
    );
    let mut after = shop();
    after.names[1].servers = vec!["shop1".into()];
    after.names[1].reason = NameReason::Read(ReadReason::WithPrimary);
    assert_eq!(
        told(&after, &drain("shop2", "ann")),
        ["all readers of read.internal go to the primary, shop1"]
    );
    let mut after = shop();
    after.names[0].servers = Vec::new();
    after.names[0].reason = NameReason::Write(WriteReason::Drained);
    let forced =
        Override { wish: Wish::Drain { server: "shop1".into(), force: true }, ..drain("", "ann") };
    assert_eq!(told(&after, &forced), ["write.internal is left without an address"]);
}

#[test]
fn the_override_of_somebody_else_is_not_replaced_in_silence() {
    let mut before = shop();
    before.overrides = vec![drain("shop2", "ann")];
    let of = |author, server| Effect::between(&before, &shop(), Some(&drain(server, author)));
    let by_bob = of("bob", "shop2");
    assert_eq!(by_bob.replaced, Some(drain("shop2", "ann")));
    assert_eq!(
        by_bob.dangers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["it takes the place of what ann wished (kernel), which had no end"]
    );
    let by_ann = of("ann", "shop2");
    assert!(by_ann.replaced.is_some() && by_ann.dangers.is_empty());
    assert_eq!(of("bob", "shop3").replaced, None);
}
