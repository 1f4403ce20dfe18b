//! Whole configurations in, settings or faults out.
