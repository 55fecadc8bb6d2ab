//! The demonstration: what `attendant` serves when it is given no configuration.
//!
//! **Invariant:** no password is the same twice; each is random, 95 bit or more, and printed once.

use crate::config::layers::FileLayer;
use crate::config::secret::Secret;

/// The configuration, with a place for each password.
pub(super) const SOURCE: &str = include_str!("demo.toml");
/// What problems call it.
pub(super) const NAME: &str = "demonstration";
/// Letters and digits that are not mistaken for one another on a telephone's display.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 5 bit a character.
const PASSWORD_LEN: usize = 20;
pub const TOKEN_LEN: usize = 32;

/// What to tell whoever started the demonstration.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Agents by name, with the passwords of their phones.
    pub agents: Vec<(String, Secret)>,
    pub token: Secret,
}

/// A new demonstration from `random` bytes, and its configuration as a layer.
pub(super) fn make(mut random: impl FnMut(&mut [u8])) -> (Demo, FileLayer) {
    let mut secret = |len: usize| {
        let mut bytes = vec![0; len];
        random(&mut bytes);
        letters(&bytes)
    };
    let (alice, bob, token) = (secret(PASSWORD_LEN), secret(PASSWORD_LEN), secret(TOKEN_LEN));
    let source =
        SOURCE.replace("{alice}", &alice).replace("{bob}", &bob).replace("{token}", &token);
    let agents =
        vec![("alice".to_owned(), Secret::new(alice)), ("bob".to_owned(), Secret::new(bob))];
    let demo = Demo { agents, token: Secret::new(token) };
    (demo, FileLayer { name: NAME.to_owned(), source, folder: None })
}

/// A token for a server whose configuration has none.
#[must_use]
pub fn token(random: &[u8; TOKEN_LEN]) -> Secret {
    Secret::new(letters(random))
}

fn letters(random: &[u8]) -> String {
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}
