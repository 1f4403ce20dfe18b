//! Times that DNS counts in whole seconds.

use std::{ops::RangeInclusive, time::Duration};

use toml::{Spanned, de::DeValue};

use super::read::{Faults, RangeError, Ranged, Value};
use crate::duration::written;

/// A TTL: a time in whole seconds, never 0.
#[derive(Clone, Copy, Debug)]
pub struct Ttl(Duration);

impl Value for Ttl {
    const KIND: &'static str = Duration::KIND;
    const FORM: &'static str = Duration::FORM;

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        Duration::read(key, value, faults).map(Self)
    }
}

impl Ranged for Ttl {
    /// In seconds.
    type Within = u32;

    fn within(&self, range: &RangeInclusive<u32>) -> Result<u32, RangeError> {
        let Self(time) = *self;
        let [least, most] =
            [range.start(), range.end()].map(|limit| Duration::from_secs((*limit).into()));
        let (what, advice) = match time {
            Duration::ZERO => (
                "= 0 would be kept for long by some resolvers and refused by others".to_owned(),
                "write \"1s\"",
            ),
            _ if time.subsec_nanos() != 0 => {
                (format!("= \"{}\" is not in whole seconds", written(time)), "write \"1s\" or more")
            }
            _ => {
                let seconds = time.within(&(least..=most))?.as_secs();
                return Ok(u32::try_from(seconds).unwrap_or(u32::MAX));
            }
        };
        Err(RangeError { what, advice: advice.into() })
    }
}
