//! The house rules, held by the tests. Each failure names the rule, the place and what to do.
//!
//! The rules read source as text, without types and without expanding macros: simple, honest, and
//! enough to see who imports whom. What Clippy checks (length of functions, `unwrap`, printing,
//! clocks) is Clippy's.

mod circles;
mod dependencies;
mod fault;
mod findings;
mod imports;
mod layout;
mod leftovers;
mod mutants;
mod paths;
mod played;
mod rust_text;
mod shape;
mod tree;
mod visibility;
mod words;
