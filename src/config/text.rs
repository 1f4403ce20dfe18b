//! The text of a configuration file.

use std::{io, path::Path};

use super::read::{ConfigError, Faults, Sources, System};

/// The text of the file at `path`.
pub fn text(path: &Path) -> Result<String, ConfigError> {
    let octets = System.read(path).map_err(|error| {
        let mut faults = Faults::new(path, "");
        let advice = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "let this user read it (chgrp, chmod 640), or ask as one that may, as with sudo"
            }
            _ => "name the file with --config or POINTSMAN_CONFIG",
        };
        faults.add_whole(format!("cannot be read: {error}"), advice);
        ConfigError::new(faults.into_sorted())
    })?;
    String::from_utf8(octets).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let good = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let mut faults = Faults::new(path, &good);
        faults.add(good.len()..good.len(), "not UTF-8", "save the file as UTF-8");
        ConfigError::new(faults.into_sorted())
    })
}
