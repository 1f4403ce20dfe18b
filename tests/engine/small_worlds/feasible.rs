//! Which stories can happen. The rules are about what servers do, not about what the engine makes
//! of it.

use crate::{
    word::{History, Word},
    world::Product,
};

/// Whether a server that has said `said` may say `next`.
///
/// - A failed probe may follow on anything.
/// - PostgreSQL: a timeline does not go back. A standby may become a primary on the same timeline
///   (somebody took `standby.signal` away), and a primary a standby.
/// - MySQL: a history does not shrink, but that of a replica that was built anew from its source.
/// - MySQL: a volume is not lost under a running server, so a failed probe comes before. It has no
///   history then until it has followed.
pub(crate) fn may_follow(said: impl Iterator<Item = Word> + Clone, next: Word) -> bool {
    if next.is_failure() {
        return true;
    }
    if let Some(timeline) = next.timeline() {
        return said.filter_map(Word::timeline).all(|before| before <= timeline);
    }
    if next == Word::Reinstalled {
        let before = said.last();
        return before.is_none_or(|word| word.is_failure() || word == Word::Reinstalled);
    }
    let last = said.filter(|word| !word.is_failure()).last();
    match (last, next) {
        (_, Word::Replica { .. }) | (None, _) => true,
        (Some(Word::Reinstalled), _) => false,
        (Some(before), _) => match (before.history(), next.history()) {
            (Some(before), Some(after)) => after.starts_with(before),
            _ => true,
        },
    }
}

/// Whether these stories can be told together, each with what the server said while all was well.
///
/// - What is received was there: a source shows what its standby or replica received from it.
/// - A timeline is made by a promotion that somebody saw; only a standby without a receiver may
///   come from elsewhere, with one that nobody knows.
/// - A stretch of a history is written by a server that was seen writable with it. What `a` stands
///   for nobody needs to have seen on the first server.
/// - `Aa` and `ABA` are not told together: the numbers of the first server's transactions would be
///   given twice.
/// - In the stillness at the end nobody receives from a server that refuses connections, nobody
///   receives in a ring, who receives has all that its source has, and who cannot reach its source
///   has a source that cannot be reached or has another history.
/// - In the stillness a group has elected one primary at most.
pub(crate) fn can_happen(product: Product, stories: &[Vec<Word>]) -> bool {
    let last = |server: usize| stories[server].last().copied();
    let sources_had_it = stories.iter().flatten().all(|&word| was_there(stories, word));
    if !sources_had_it || (0..stories.len()).any(|server| receives_in_a_ring(stories, server)) {
        return false;
    }
    let still = (0..stories.len()).filter_map(last).all(|word| may_last(stories, word));
    match product {
        Product::Postgres => still,
        Product::MySql | Product::MariaDb => still && histories_were_written(stories),
        Product::Galera => true,
        Product::GroupReplication => {
            (0..stories.len()).filter(|&server| last(server) == Some(Word::Elected)).count() < 2
        }
    }
}

fn was_there(stories: &[Vec<Word>], word: Word) -> bool {
    let all = || stories.iter().flatten();
    let Some(of) = word.source() else {
        return true;
    };
    match word {
        Word::Standby { timeline, .. } => {
            stories[of].iter().any(|shown| shown.timeline() == Some(timeline))
                && all().any(|&shown| shown == Word::Primary(timeline))
        }
        Word::Replica { history, .. } => {
            let shown = stories[of].iter().filter_map(|shown| shown.history());
            // The first server may have written more than anybody saw.
            let unseen = of == 0 && stories[0].iter().any(|word| matches!(word, Word::Writable(_)));
            shown.clone().any(|shown| shown.starts_with(history))
                || unseen && shown.clone().any(|shown| format!("{shown}a") == history)
        }
        _ => true,
    }
}

fn receives_in_a_ring(stories: &[Vec<Word>], server: usize) -> bool {
    let mut at = server;
    for _ in 0..stories.len() {
        match stories[at].last().and_then(|word| word.source()) {
            Some(of) if of == server => return true,
            Some(of) => at = of,
            None => return false,
        }
    }
    false
}

fn may_last(stories: &[Vec<Word>], word: Word) -> bool {
    let source = word.source().and_then(|of| stories[of].last().copied());
    match (word, source) {
        (_, Some(Word::Refused)) => false,
        (Word::Standby { timeline, .. }, Some(source)) => {
            source.is_failure() || source.timeline() == Some(timeline)
        }
        (Word::Replica { history, .. }, Some(source)) => {
            source.is_failure() || source.history() == Some(history)
        }
        (Word::CutOff { of, history }, _) => match stories[of].last() {
            Some(Word::Reinstalled) | None => true,
            Some(source) => source.history().is_none_or(|shown| !shown.starts_with(history)),
        },
        _ => true,
    }
}

fn histories_were_written(stories: &[Vec<Word>]) -> bool {
    let histories = || stories.iter().flatten().filter_map(|word| word.history());
    let shows = |part: &str| histories().any(|history| history.contains(part));
    if shows("Aa") && histories().any(|history| history.starts_with("ABA")) {
        return false;
    }
    histories().all(|history| (2..=history.len()).all(|end| was_written(stories, &history[..end])))
}

/// Whether the last stretch of this history was written by a server that was seen writable with it.
fn was_written(stories: &[Vec<Word>], history: &str) -> bool {
    let writer = history.bytes().last().expect("a stretch");
    if writer.is_ascii_lowercase() {
        return true;
    }
    let wrote = |word: &Word| {
        let shown: Option<History> = match word {
            Word::Writable(shown) => Some(shown),
            _ => None,
        };
        shown.is_some_and(|shown| shown.starts_with(history))
    };
    stories[usize::from(writer - b'A')].iter().any(wrote)
}
