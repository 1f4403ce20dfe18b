//! `docs/JUDGEMENT.md` speaks of everything that the engine can say.

use pointsman::engine::{FailureKind, ServerState};

const DOCUMENT: &str = include_str!("../../docs/JUDGEMENT.md");

#[test]
fn every_state_and_every_failure_is_explained() {
    let states = ServerState::ALL.iter().map(|state| format!("{state:?}"));
    let failures = FailureKind::ALL.iter().map(|kind| format!("{kind:?}"));
    let missing: Vec<_> = states.chain(failures).filter(|name| !mentions(DOCUMENT, name)).collect();
    assert!(missing.is_empty(), "docs/JUDGEMENT.md does not mention {missing:?}");
}

/// Whether `name` occurs as a word of its own: `Primary` does not explain itself by `StalePrimary`.
fn mentions(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == name)
}
