//! `pointsman grants`: the least-privilege SQL for the probe's user.

use super::{GrantsEngine, GrantsOptions};
use crate::probe::{grants, mysql};

/// The name that the printed SQL gives to the user.
const USER: &str = "pointsman";

/// The SQL that `options` ask for.
///
/// # Errors
/// What is wrong with the version, and what to write instead.
pub fn text(options: &GrantsOptions) -> Result<String, String> {
    let version = options.server_version.as_deref();
    let no_version = |example: &str| {
        let given = version.unwrap_or_default();
        format!(
            "`{given}` is no version of this server; write one such as {example}, or leave it out"
        )
    };
    match options.engine {
        GrantsEngine::Postgres => {
            let major = version.map(|text| text.split('.').next().unwrap_or(text).parse::<u32>());
            let major = major.transpose().map_err(|_| no_version("16"))?;
            Ok(grants::postgres(major))
        }
        GrantsEngine::Mysql => {
            let releases = match version {
                None => mysql::Release::ALL.to_vec(),
                Some(text) => {
                    vec![
                        mysql::Release::of(text)
                            .ok_or_else(|| no_version("8.4 or 10.11-MariaDB"))?,
                    ]
                }
            };
            let blocks: Vec<_> =
                releases.into_iter().map(|release| mysql::grants(release, USER)).collect();
            Ok(blocks.join("\n"))
        }
    }
}
