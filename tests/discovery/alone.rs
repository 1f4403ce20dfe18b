//! The sources of discovery and of the engine once more, in a package that has nothing else: stories
//! need both optimised.

#[path = "../../src/discovery/mod.rs"]
pub mod discovery;
#[path = "../../src/engine/mod.rs"]
pub mod engine;
#[path = "../../src/plain_text.rs"]
pub mod plain_text;
