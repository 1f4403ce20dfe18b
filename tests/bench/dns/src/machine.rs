//! What the figures were measured on.

use std::{fs, process::Command};

/// Processor, cores, kernel and the versions of Debian's `packages`, each with its title, one line
/// each.
pub(crate) fn description(packages: &[(&str, String)]) -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = processors.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(": "));
        value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.to_owned())
    };
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let virtual_machine = if field("flags").contains("hypervisor") { ", virtual" } else { "" };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let mut text = format!(
        "processor: {}, family {}, model {}, {cores} cores{virtual_machine}\nkernel: Linux {}\n\
         system: {}\nload before: {}\n",
        field("model name"),
        field("cpu family"),
        field("model\t"),
        kernel.trim(),
        system.unwrap_or("unknown").trim_matches('"'),
        load.trim(),
    );
    for (title, package) in packages {
        text += &format!("{title}: {package} {}\n", version(package));
    }
    text
}

/// The installed version of a package of Debian.
fn version(package: &str) -> String {
    let asked = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output();
    match asked {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Ok(_) | Err(_) => "of unknown version".to_owned(),
    }
}
