//! Writes the files, and overwrites none.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use nix::unistd::{Gid, Group};

use super::{
    InitError,
    plan::{CONFIG_FILE, PACKAGED_FOLDER, Plan, PlannedFile},
};

/// What the package puts in the place of the configuration. It names nobody's servers.
const PACKAGED_EXAMPLE: &str = include_str!("../../packaging/pointsman.toml");

/// The group in which the service of the package runs.
const SERVICE_GROUP: &str = "pointsman-admin";

/// Files that were written, and can be taken back.
#[derive(Debug, Default)]
pub struct Written {
    files: Vec<PathBuf>,
    /// Where the package's example is now.
    aside: Option<(PathBuf, PathBuf)>,
}

/// Those of `names` that are in `folder` already. The untouched example of the package is none.
pub fn taken(folder: &Path, names: &[String]) -> Vec<PathBuf> {
    let paths = names.iter().map(|name| folder.join(name));
    paths.filter(|path| fs::symlink_metadata(path).is_ok() && !is_example(path)).collect()
}

fn is_example(path: &Path) -> bool {
    path.ends_with(CONFIG_FILE)
        && fs::read_to_string(path).is_ok_and(|text| text == PACKAGED_EXAMPLE)
}

/// Writes all files of `plan`, or none of them.
///
/// # Errors
/// Which one cannot be written.
pub fn write(plan: &Plan, folder: &Path) -> Result<Written, InitError> {
    let mut written = Written::default();
    let result = write_into(plan, folder, &mut written);
    match result {
        Ok(()) => Ok(written),
        Err((path, why)) => {
            written.take_back();
            Err(InitError::Unwritten { path, why })
        }
    }
}

fn write_into(
    plan: &Plan,
    folder: &Path,
    written: &mut Written,
) -> Result<(), (PathBuf, io::Error)> {
    let of = |path: &Path| {
        let path = path.to_owned();
        move |why| (path, why)
    };
    DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(of(folder))?;
    let config = folder.join(CONFIG_FILE);
    if is_example(&config) {
        let aside = folder.join("pointsman.toml.example");
        // A file of that name is an example that was put aside before, or somebody's own.
        if fs::symlink_metadata(&aside).is_ok() {
            let why = io::Error::new(io::ErrorKind::AlreadyExists, "it is there already");
            return Err((aside, why));
        }
        fs::rename(&config, &aside).map_err(of(&config))?;
        written.aside = Some((config, aside));
    }
    let group = (folder == Path::new(PACKAGED_FOLDER)).then(service_group).flatten();
    for file in &plan.files {
        let path = plan.path(file);
        let mut made = create(&path, file).map_err(of(&path))?;
        written.files.push(path.clone());
        made.write_all(file.text.as_bytes()).map_err(of(&path))?;
        if let Some(group) = group.filter(|_| file.is_secret)
            && chown(&path, None, Some(group.as_raw())).is_ok()
        {
            made.set_permissions(fs::Permissions::from_mode(0o640)).map_err(of(&path))?;
        }
        made.sync_all().map_err(of(&path))?;
    }
    Ok(())
}

fn create(path: &Path, file: &PlannedFile) -> io::Result<fs::File> {
    let mode = if file.is_secret { 0o600 } else { 0o644 };
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // Whatever the umask takes away: a service of another user reads the configuration.
    made.set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(made)
}

fn service_group() -> Option<Gid> {
    Some(Group::from_name(SERVICE_GROUP).ok()??.gid)
}

impl Written {
    /// Removes what was written.
    pub fn take_back(self) {
        for file in &self.files {
            drop(fs::remove_file(file));
        }
        if let Some((config, aside)) = self.aside {
            drop(fs::rename(aside, config));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::{PACKAGED_EXAMPLE, taken, write};
    use crate::init::plan::tests::plan_in;

    #[test]
    fn nothing_is_overwritten_and_half_of_it_is_not_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = plan_in(folder.path());
        let names: Vec<_> = plan.files.iter().map(|file| file.name.clone()).collect();
        // The last one is in the way: the first ones must not stay.
        let last = folder.path().join(&names[names.len() - 1]);
        fs::write(&last, "mine").expect("written");
        assert_eq!(taken(folder.path(), &names), std::slice::from_ref(&last));
        assert!(write(&plan, folder.path()).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 1);
        assert_eq!(fs::read_to_string(&last).expect("read"), "mine");
    }

    #[test]
    fn the_example_of_the_package_makes_room_and_the_password_is_hidden() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = plan_in(folder.path());
        let names: Vec<_> = plan.files.iter().map(|file| file.name.clone()).collect();
        let config = folder.path().join("pointsman.toml");
        fs::write(&config, PACKAGED_EXAMPLE).expect("written");
        assert!(taken(folder.path(), &names).is_empty());
        let written = write(&plan, folder.path()).expect("written");
        let aside = folder.path().join("pointsman.toml.example");
        assert_eq!(fs::read_to_string(&aside).expect("read"), PACKAGED_EXAMPLE);
        let mode = fs::metadata(folder.path().join("db.password")).expect("there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        written.take_back();
        assert_eq!(fs::read_to_string(&config).expect("read"), PACKAGED_EXAMPLE);
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 1);
    }
}
