//! `password_file`, `password_env` and `password_credential` of any section, of which one names where a
//! password is.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    rc::Rc,
};

use toml::{Spanned, de::DeValue};

use super::read::{
    Conversion, Faults, Field, Protected, READABLE, Secret, Secrets, Value, parsed, plain,
};

/// The name of an environment variable.
#[derive(Clone, Debug)]
pub struct VariableName(pub(super) String);

impl Value for VariableName {
    const KIND: &'static str = "a string";
    const FORM: &'static str = "the variable's name, as in \"ORDERS_PASSWORD\"";

    fn read(key: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Self> {
        parsed(key, value, faults, |text| match plain(text)? {
            text if text.contains('=') => Err("is not the name of a variable".into()),
            text => Ok(Self(text.into())),
        })
    }
}

/// The keys of which one names the source of a password.
pub struct PasswordFields<'a> {
    pub file: &'a Field<PathBuf>,
    pub env: &'a Field<VariableName>,
    pub credential: &'a Field<PathBuf>,
}

/// The password from the one source that is named; `None` when none is, when it is not looked at,
/// or once a fault has been reported.
pub fn password(fields: &PasswordFields<'_>, conversion: &mut Conversion<'_>) -> Option<Secret> {
    let sources = [
        ("password_file", fields.file.span()),
        ("password_env", fields.env.span()),
        ("password_credential", fields.credential.span()),
    ];
    let mut given = sources.into_iter().filter_map(|(key, span)| Some((key, span?)));
    let (first, place) = given.next()?;
    if let Some((second, place)) = given.next() {
        conversion.faults.add(
            place,
            format!("`{second}` beside `{first}`: the password has one source"),
            "keep one of them",
        );
    }
    if let Some(name) = fields.credential.given()
        && (name.components().count() != 1 || name.file_name().is_none())
    {
        conversion.faults.add(
            place,
            "`password_credential` is a path",
            "write the credential's name alone, as in LoadCredential=name:path",
        );
        return None;
    }
    if conversion.sources.secrets() == Secrets::LeftOut {
        return None;
    }
    let octets = if let Some(path) = fields.file.given() {
        password_file(&conversion.path(path), &place, conversion)?
    } else if let Some(name) = fields.env.given() {
        let Some(value) = conversion.sources.variable(&name.0) else {
            conversion.lacking(
                place,
                format!("the environment variable `{}` is not set", name.0),
                "set it to the password, or name another source",
            );
            return None;
        };
        value.into_encoded_bytes().into()
    } else {
        let name = fields.credential.given()?;
        password_credential(name, &place, conversion)?
    };
    match secret(&octets) {
        Ok(secret) => Some(secret),
        Err(what) => {
            let advice = "store the password alone, as one line of UTF-8";
            conversion.faults.add(place, format!("the password of `{first}` {what}"), advice);
            None
        }
    }
}

fn password_file(
    path: &Path,
    place: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<Rc<[u8]>> {
    conversion.protect(path, Protected::Secret);
    conversion
        .read(path)
        .map_err(|error| {
            let what = format!("cannot read the password file `{}`: {error}", path.display());
            if error.kind() == io::ErrorKind::PermissionDenied {
                conversion.lacking(place.clone(), what, READABLE);
            } else {
                let advice = "create it, readable for Pointsman alone, or correct the path";
                conversion.faults.add(place.clone(), what, advice);
            }
        })
        .ok()
}

/// A credential that systemd has put into its folder for this service (systemd.exec(5),
/// `LoadCredential=`).
fn password_credential(
    name: &Path,
    place: &Range<usize>,
    conversion: &mut Conversion<'_>,
) -> Option<Rc<[u8]>> {
    let Some(folder) = conversion.sources.variable("CREDENTIALS_DIRECTORY") else {
        conversion.lacking(
            place.clone(),
            "there is no credentials folder: CREDENTIALS_DIRECTORY is not set".to_owned(),
            "add LoadCredential= to the systemd unit, or use `password_file`",
        );
        return None;
    };
    password_file(&Path::new(&folder).join(name), place, conversion)
}

/// The password or other secret in `octets`, without the line end that editors add.
pub fn secret(octets: &[u8]) -> Result<Secret, &'static str> {
    let text = str::from_utf8(octets).map_err(|_| "is not UTF-8")?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line {
        "" => Err("is empty"),
        line if line.contains(['\n', '\r', '\0']) => Err("has more than one line"),
        line => Ok(Secret::new(line)),
    }
}
