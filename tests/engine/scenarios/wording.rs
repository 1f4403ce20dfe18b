//! How a story tells what the engine said.

use pointsman::engine::{ClusterPolicy, Event, ServerIndex, Word};

pub(super) fn describe(event: &Event, policy: &ClusterPolicy) -> String {
    let name = |server: ServerIndex| policy.servers[server.place()].name.to_string();
    let one = |server: Option<ServerIndex>| server.map_or_else(|| "none".to_owned(), name);
    let all = |servers: &[ServerIndex]| match servers {
        [] => "none".to_owned(),
        servers => servers.iter().map(|server| name(*server)).collect::<Vec<_>>().join(" "),
    };
    match event {
        Event::State { server, from, to, reason, .. } => {
            format!("{} {from} -> {to}: {reason}", name(server.server))
        }
        Event::Write { from, to, reason, .. } => {
            format!("  write {} -> {}: {reason}", one(*from), one(*to))
        }
        Event::Read { from, to, reason, name: at, .. } => {
            let which = if *at == 0 { String::new() } else { format!("[{at}]") };
            format!("  read{which} {} -> {}: {reason}", all(from), all(to))
        }
        Event::Witness { server, check, from, to, .. } => {
            let said = |word: &Option<Word>| word.map_or("silent".to_owned(), |w| w.to_string());
            format!("{} {} -> {}: {check}", name(server.server), said(from), said(to))
        }
        Event::Override { laid, turn, .. } => {
            let server = laid.wish.server().map_or_else(String::new, |it| format!(" {}", name(it)));
            format!("  {}{server} {turn}", laid.wish)
        }
        Event::Accepted { accepted, .. } => format!("  {} accepted", name(accepted.server)),
        Event::Isolated => "  isolated".to_owned(),
        Event::Reconnected => "  reconnected".to_owned(),
    }
}
