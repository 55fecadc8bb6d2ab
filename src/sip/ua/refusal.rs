//! Why a peer was turned away, in words for the administrator: [`Refusal`]; and which
//! telephones are asked for a password and never answer.
//!
//! **Invariant:** what is remembered of requests that were refused is bounded ([`ASKED_MAX`]), and
//! nothing but these words depends on it.
//!
//! **Deliberately absent:** telephone numbers, and how often it is said: anybody can cause these as
//! often as they like.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::sip::acl::source;
use crate::time::Timestamp;

/// Why a peer was turned away. A user is named as the request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A call from an address that is no trunk's, and without a login that is known.
    UnknownCaller,
    /// Something else from such an address, such as OPTIONS.
    Stranger,
    WrongPassword {
        user: String,
    },
    /// No telephone has this login.
    UnknownUser {
        user: String,
    },
    /// The telephone answers with an algorithm that this login may not use: MD5.
    Algorithm {
        user: String,
    },
    /// The telephone was asked for its password and comes again without: it does not know the
    /// algorithm, or has no password.
    NoAnswer {
        user: String,
    },
    /// The answer to our challenge lacks something, or is for another request.
    UnusableLogin {
        user: String,
    },
    /// A trunk's login; only agents' telephones register.
    NotAPhone,
    /// The registrar did not take a registration with the right password, and answered this.
    NotRegistered {
        user: String,
        status: u16,
    },
    /// Too many wrong passwords: there is no answer until then.
    Banned {
        left: Duration,
    },
    /// No more calls are taken: there are as many as there may be.
    Full,
    /// As `Full`, because the disk does not keep up. Only who said that it is full can tell.
    Disk,
    /// The server ends when the calls that are up have ended.
    Draining,
    /// There are as many SIP transactions or dialogs as there may be.
    Crowded,
    /// The trunk has as many calls as it may have.
    TrunkFull {
        trunk: String,
    },
    /// A call from a peer that may call, refused for what it asks.
    Call {
        status: u16,
    },
}

/// Logins remembered that were asked for a password and have not answered; past it all are
/// forgotten, and some telephone that never answers is noticed later.
const ASKED_MAX: usize = 1000;
/// A telephone that has a password for us answers within this.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// The peers asked for a password, by source and login.
#[derive(Debug, Default)]
pub(super) struct Challenged {
    waiting: BTreeMap<(IpAddr, String), Question>,
}

#[derive(Debug)]
struct Question {
    at: Timestamp,
    /// Call-ID and CSeq, hashed: the same request once more is no second one.
    request: u128,
}

impl Challenged {
    /// A request without credentials is answered with a challenge. True: the one before was not
    /// answered.
    pub(super) fn ask(&mut self, now: Timestamp, ip: IpAddr, user: &str, request: u128) -> bool {
        let key = (source(ip), user.to_owned());
        if self.waiting.len() >= ASKED_MAX && !self.waiting.contains_key(&key) {
            self.waiting.clear();
        }
        let question = self.waiting.entry(key).or_insert(Question { at: now, request });
        let comes_again = question.request != request && now.since(question.at) >= ANSWER_TIME;
        if comes_again {
            *question = Question { at: now, request };
        }
        comes_again
    }

    /// Right or wrong.
    pub(super) fn answered(&mut self, ip: IpAddr, user: &str) {
        if !self.waiting.is_empty() {
            self.waiting.remove(&(source(ip), user.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_answers_is_noticed_in_bounded_memory() {
        let (mut asked, phone) = (Challenged::default(), IpAddr::from([192, 0, 2, 7]));
        let at = |ms| Timestamp(ms);
        assert!(!asked.ask(at(0), phone, "alice", 1));
        assert!(!asked.ask(at(6000), phone, "alice", 1), "the same request again");
        assert!(!asked.ask(at(4000), phone, "alice", 2), "its answer may be on its way");
        assert!(!asked.ask(at(6000), phone, "bob", 2));
        assert!(asked.ask(at(6000), phone, "alice", 2));
        asked.answered(phone, "alice");
        assert!(!asked.ask(at(90_000), phone, "alice", 3));
        for n in 0..3000_u32 {
            asked.ask(at(90_000), IpAddr::V4(n.into()), "alice", 4);
            assert!(asked.waiting.len() <= ASKED_MAX);
        }
    }
}
