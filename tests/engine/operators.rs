//! What operators do in a story: lay and lift overrides, and restart the monitor.
//!
//! ```text
//! 5s   lay drain db2 force for 10s      drain, pin (unsafe), freeze, maintenance
//! 8s   lift drain db2
//! 9s   restart                          with what the earlier process remembered
//! 9s   restart cold                     without it
//! 9s   accept db1                       what it has is the cluster's history from now on
//! ```

use pointsman::engine::{
    Acceptance, ClusterId, ClusterPolicy, Engine, Moment, Override, ServerIndex, Wish, WishKey,
};

const CLUSTER: ClusterId = ClusterId(0);

/// Carries out the operation; `None` when it is another one, else what there is to say of it.
pub(crate) fn operate(
    engine: &mut Engine,
    policy: &ClusterPolicy,
    operation: &[String],
    duration: fn(&str) -> std::time::Duration,
    now: Moment,
) -> Option<String> {
    let words: Vec<&str> = operation.iter().map(String::as_str).collect();
    let server = |name: &str| {
        let found = policy.servers.iter().position(|server| &*server.name == name);
        ServerIndex::new(found.unwrap_or_else(|| panic!("no such server: {name}")))
    };
    match words.as_slice() {
        ["lay", wished @ .., "for", term] => {
            let wish = wish(wished, &server);
            Some(lay(engine, laid(wish, now, Some(now + duration(term))), now))
        }
        ["lay", wished @ ..] => {
            let wish = wish(wished, &server);
            Some(lay(engine, laid(wish, now, None), now))
        }
        ["lift", wished @ ..] => {
            let key = match wished {
                ["drain", name] => WishKey::Drain(server(name)),
                ["pin"] => WishKey::Pin,
                other => wish(other, &server).key(),
            };
            let lifted = engine.lift(CLUSTER, key, "ann");
            Some(if lifted.is_some() { String::new() } else { "nothing to lift".to_owned() })
        }
        ["accept", name] => {
            let by = ("ann".into(), "a story".into());
            let accepted = Acceptance { server: server(name), by: by.0, because: by.1 };
            let refused = engine.accept(CLUSTER, accepted, now).err();
            Some(refused.map_or_else(String::new, |refusal| format!("refused: {refusal}")))
        }
        ["restart", how @ ..] => {
            let mut anew = Engine::new(vec![policy.clone()], now);
            if how.is_empty() {
                anew.restore(CLUSTER, &engine.remember(CLUSTER), now);
                for laid in engine.overrides(CLUSTER) {
                    anew.resume(CLUSTER, laid.clone());
                }
            }
            *engine = anew;
            Some(String::new())
        }
        _ => None,
    }
}

fn wish(words: &[&str], server: &dyn Fn(&str) -> ServerIndex) -> Wish {
    match words {
        ["drain", name] => Wish::Drain { server: server(name), force: false },
        ["drain", name, "force"] => Wish::Drain { server: server(name), force: true },
        ["pin", name] => Wish::Pin { server: server(name), even_if_not_writable: false },
        ["pin", name, "unsafe"] => Wish::Pin { server: server(name), even_if_not_writable: true },
        ["freeze"] => Wish::Freeze,
        ["maintenance"] => Wish::Maintenance,
        odd => panic!("no such override: {odd:?}"),
    }
}

/// An override of Ann's.
pub(crate) fn laid(wish: Wish, since: Moment, until: Option<Moment>) -> Override {
    Override { wish, author: "ann".into(), reason: "a story".into(), since, until }
}

fn lay(engine: &mut Engine, wished: Override, now: Moment) -> String {
    match engine.lay(CLUSTER, wished, now) {
        Ok(()) => String::new(),
        Err(refusal) => format!("refused: {refusal:?}"),
    }
}
