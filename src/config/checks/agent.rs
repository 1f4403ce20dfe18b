//! `[cluster.probe.agent]`: a line of text in HAProxy's words.

use std::ops::Range;

use super::WitnessConfig;
use crate::config::read::{Conversion, PORTS, Section, Whole, section};

section! {
    /// A line of text in HAProxy's words.
    AgentSection = "[cluster.probe.agent]" {
        /// The port.
        port(faulty: u16): Whole<u16> [PORTS] = faulty,
    }
}

/// The check of the section, without which there is none.
pub fn convert(
    section: Option<(&AgentSection, Range<usize>)>,
    conversion: &mut Conversion<'_>,
) -> Option<WitnessConfig> {
    let (section, place) = section?;
    conversion.required(&section.port, &place, (AgentSection::TITLE, "port = 9777"));
    Some(WitnessConfig::Agent { port: section.port(1, conversion) })
}
