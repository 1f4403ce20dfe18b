//! The random numbers of the probe tasks.

/// A factor for a time: keeps the probes of many servers, and of two Pointsmen, from falling into
/// step.
pub fn jitter() -> f64 {
    rand::random_range(1.0 - JITTER..1.0 + JITTER)
}

/// A share of the time in which all tasks start, from 0 to 1.
pub fn share() -> f64 {
    rand::random()
}

/// How far an interval may be stretched or shrunk.
const JITTER: f64 = 0.05;
