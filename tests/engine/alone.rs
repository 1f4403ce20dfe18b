//! The engine's own sources once more, in a package that has nothing else.
//!
//! A test run plays a hundred thousand stories: they need an optimised engine, and the rest of
//! pointsman compiles too slowly for that. No other crate is there, so that the engine is seen to use
//! none.

#[path = "../../src/engine/mod.rs"]
pub mod engine;
