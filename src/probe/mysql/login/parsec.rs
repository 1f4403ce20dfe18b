//! What `parsec` asks for: a key derived from the password in many rounds, and a signature with it
//! (MariaDB manual, "Authentication Plugin - PARSEC").
//!
//! The server chooses the number of rounds, and any server may choose, so there is a limit; and the
//! work is done on a thread for blocking work, one derivation at a time. However many servers ask for the
//! most, they have one core together and never a thread that others wait for.

use mysql_common::scramble::create_response_for_parsec;
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{
    engine::{Failure, FailureKind},
    probe::mysql::error::garbled,
};

/// The largest exponent in the number of rounds, 1024 × 2ⁿ. Servers say 0 by default, the makers' own
/// clients take up to 3, and from MariaDB 13.1 on an administrator may choose (`parsec_iterations`).
/// 6 is 65,536 rounds, some 70 ms of one core: a twentieth of a probe's deadline by default.
const EXPONENT_MAX: u8 = 6;
/// Octets of salt.
const SALT_OCTETS: usize = 18;

/// Who may derive a key now.
static TURN: Semaphore = Semaphore::const_new(1);

/// What is to be calculated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    nonce: [u8; 32],
    rounds: u32,
    salt: [u8; SALT_OCTETS],
}

impl Proof {
    /// The one that `data` asks for: `P`, the exponent of the number of rounds, the salt.
    ///
    /// # Errors
    /// `Misconfigured` for too many rounds, `Garbled` for another text.
    pub fn asked_for(nonce: [u8; 32], data: &[u8]) -> Result<Self, Failure> {
        let [b'P', exponent, salt @ ..] = data else {
            return Err(garbled("no salt for parsec"));
        };
        let salt = salt.try_into().map_err(|_| garbled("no salt for parsec"))?;
        if *exponent > EXPONENT_MAX {
            let detail = format!(
                "parsec with 1024 × 2^{exponent} rounds is too slow to probe: give the probe's \
                 user a password that was set with parsec_iterations of 65536 or less"
            );
            return Err(Failure::new(FailureKind::Misconfigured, detail));
        }
        Ok(Self { nonce, rounds: 1024 << exponent, salt })
    }

    /// The answer to send.
    fn of(&self, password: &[u8]) -> Vec<u8> {
        create_response_for_parsec(password, &self.nonce, self.rounds, &self.salt).to_vec()
    }

    /// The answer to send, calculated elsewhere. What was begun is brought to its end also when
    /// nobody waits any more.
    pub async fn calculated<P>(self, password: P) -> Result<Vec<u8>, Failure>
    where
        P: Fn() -> Vec<u8> + Send + 'static,
    {
        let turn = TURN.acquire().await.map_err(|_| garbled("no proof"))?;
        let work = move || {
            let proof = self.of(&password());
            drop(turn);
            proof
        };
        spawn_blocking(work).await.map_err(|_| garbled("parsec's proof could not be made"))
    }
}

#[cfg(test)]
mod tests {
    use super::{EXPONENT_MAX, Proof, TURN};
    use crate::engine::FailureKind;

    fn asked_for(exponent: u8) -> Result<Proof, crate::engine::Failure> {
        Proof::asked_for([7; 32], &[&[b'P', exponent][..], &[9; 18]].concat())
    }

    #[test]
    fn rounds_have_a_limit_and_the_salt_a_length() {
        assert_eq!(asked_for(0).expect("few").rounds, 1024);
        assert_eq!(asked_for(EXPONENT_MAX).expect("many").rounds, 65_536);
        for exponent in [EXPONENT_MAX + 1, 20, 31, 32, 255] {
            let failure = asked_for(exponent).expect_err("minutes of work");
            assert_eq!(failure.kind, FailureKind::Misconfigured);
            assert!(failure.detail.contains("parsec_iterations"), "{failure}");
        }
        for odd in [&b""[..], b"P", b"P\0", &[b'P'; 19], &[b'P'; 21], &[b'Q'; 20]] {
            let failure = Proof::asked_for([7; 32], odd).expect_err("no salt");
            assert_eq!(failure.kind, FailureKind::Garbled);
        }
    }

    #[tokio::test]
    async fn others_run_while_a_key_is_derived_and_one_is_derived_at_a_time() {
        // On a runtime of one thread nothing else would run if the work were done there.
        let proof = asked_for(0).expect("few");
        let (begun, begins) = std::sync::mpsc::channel();
        let (go_on, waits) = std::sync::mpsc::channel::<()>();
        let waits = std::sync::Mutex::new(waits);
        let password = move || {
            begun.send(()).expect("the test waits");
            waits.lock().expect("nobody else").recv().expect("the test goes on");
            b"Gi!der27".to_vec()
        };
        let work = tokio::spawn(proof.clone().calculated(password));
        while begins.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        assert!(TURN.try_acquire().is_err(), "it is somebody's turn");
        go_on.send(()).expect("it waits");
        let answer = work.await.expect("no panic").expect("an answer");
        assert_eq!(answer.len(), 96);
    }
}
