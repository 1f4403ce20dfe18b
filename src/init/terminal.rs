//! What is asked on the terminal: a password, which is not shown, and a last yes.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::config::Secret;

/// Whether somebody is there who can be asked.
pub fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a password on the terminal of this process. `None` when there is none, or nothing is
/// typed.
pub fn password(question: &str) -> Option<Secret> {
    let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
    let quiet = Quiet::begin(&terminal).ok()?;
    write!(&terminal, "{question}: ").ok()?;
    let mut line = String::new();
    let read = BufReader::new(&terminal).read_line(&mut line);
    drop(quiet);
    writeln!(&terminal).ok()?;
    read.ok()?;
    let line = line.trim_end_matches(['\n', '\r']);
    (!line.is_empty()).then(|| Secret::new(line))
}

/// Whether a line of standard input says yes.
///
/// # Errors
/// When it cannot be read.
pub fn says_yes() -> io::Result<bool> {
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// While it lives, the terminal does not show what is typed.
struct Quiet<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Quiet<'t> {
    fn begin(terminal: &'t File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // A terminal that has gone shows nothing any more.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}
