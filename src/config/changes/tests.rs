//! What is said of a change.
