//! What copies of a zone cannot carry, for `check-config`.

use crate::{
    answers::{Balance, NameRole, ServedName},
    config::Config,
};

/// REFRESH in seconds above which a lost NOTIFY costs much.
const REFRESH_LONG: i32 = 60;

/// What each name loses in the copies of secondaries, and each zone; one line each.
pub fn not_carried(config: &Config) -> Vec<String> {
    let mut words = Vec::new();
    for zone in &config.transfer.zones {
        let soa = config.zones.iter().find(|known| *known.origin() == zone.origin);
        let refresh = soa.map_or(0, |zone| zone.soa().0.refresh);
        if refresh > REFRESH_LONG {
            words.push(format!(
                "the secondaries of {} look for changes by themselves every {refresh} s, so a lost \
                 NOTIFY costs that: add refresh = \"2s\" to its [[zone]]",
                zone.origin
            ));
        }
    }
    let names = config.clusters.iter().flat_map(|cluster| &cluster.names);
    for ServedName { name, role, .. } in names {
        // A name belongs to the innermost of all zones.
        let around = config.zones.iter().filter(|zone| zone.origin().zone_of(name));
        let innermost = around.max_by_key(|zone| zone.origin().iter().len());
        let is_copied = innermost.is_some_and(|innermost| {
            config.transfer.zones.iter().any(|zone| zone.origin == *innermost.origin())
        });
        let mut pushed = config.publish.iter().flat_map(|publish| &publish.records);
        let is_pushed = pushed.any(|record| record.from == *name);
        let NameRole::Read { balance, max_answers, .. } = role else { continue };
        let lost: Vec<_> = [
            match balance {
                Balance::Shuffle => None,
                Balance::Weighted => Some("its weights"),
                Balance::LeastConnections => Some("the order by sessions"),
                Balance::ClientHash => Some("the order by client"),
            },
            max_answers.map(|_| "`max_answers`"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let who = match (is_copied, is_pushed) {
            (true, _) => "secondaries",
            (false, true) => "zones of others",
            (false, false) => continue,
        };
        if !lost.is_empty() {
            words.push(format!(
                "{name}: {who} do not know {}, and answer with all its servers in an order \
                 of their own",
                lost.join(" and ")
            ));
        }
    }
    words
}
