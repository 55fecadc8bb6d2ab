//! What the log says of those who were turned away: who, why, and what to change.
//!
//! **Invariant:** strangers cannot flood the log. Each refusal is said once per source, login and
//! reason within [`SAID_EVERY`], of [`SAID_MAX`] of them per reason; the others are counted and the
//! count is said with the next. Private addresses have tables of their own, so that what a whole
//! internet sends hides nothing of what goes wrong in the house.
//!
//! **Deliberately absent:** telephone numbers; and whom to turn away, which `sip::ua` decides.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::sip::acl::source;
use crate::sip::ua::Refusal;
use crate::time::{Throttle, Timestamp, Unsaid};

/// The same is not said again within this.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// Sources and logins of which one reason is said within that time.
const SAID_MAX: usize = 32;
/// Of a login that was written in a request: a longer one is cut.
const LOGIN_LEN_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// By reason, and whether it is near.
    said: BTreeMap<(&'static str, bool), Throttle<(IpAddr, String)>>,
}

impl Refusals {
    pub(super) fn tell(&mut self, now: Timestamp, remote: IpAddr, why: &Refusal) {
        let Some(Unsaid { same, others }) = self.is_to_be_said(now, remote, why) else {
            return tracing::debug!(%remote, why = reason(why), "refused");
        };
        let (why, text) = (reason(why), text(why));
        if is_fault(why) {
            tracing::warn!(%remote, why, more = same, of_others = others, "{text}");
        } else {
            tracing::info!(%remote, why, more = same, of_others = others, "{text}");
        }
    }

    fn is_to_be_said(&mut self, now: Timestamp, ip: IpAddr, why: &Refusal) -> Option<Unsaid> {
        let table = self.said.entry((reason(why), is_near(ip)));
        let table = table.or_insert_with(|| Throttle::new(SAID_EVERY, SAID_MAX));
        table.say(now, (source(ip), login(why).map(shown).unwrap_or_default()))
    }
}

/// Whether a reason points at a caller who should have been served: the others are what any
/// address on the internet is sent all day.
fn is_fault(reason: &str) -> bool {
    !["unknown_caller", "stranger", "unknown_user", "call"].contains(&reason)
}

/// One word for each.
const fn reason(why: &Refusal) -> &'static str {
    match why {
        Refusal::UnknownCaller => "unknown_caller",
        Refusal::Stranger => "stranger",
        Refusal::WrongPassword { .. } => "wrong_password",
        Refusal::UnknownUser { .. } => "unknown_user",
        Refusal::Algorithm { .. } => "algorithm",
        Refusal::NoAnswer { .. } => "no_answer",
        Refusal::UnusableLogin { .. } => "unusable_login",
        Refusal::NotAPhone => "not_a_phone",
        Refusal::NotRegistered { .. } => "not_registered",
        Refusal::Banned { .. } => "banned",
        Refusal::Full => "full",
        Refusal::Disk => "disk",
        Refusal::Draining => "draining",
        Refusal::Crowded => "crowded",
        Refusal::TrunkFull { .. } => "trunk_full",
        Refusal::Call { .. } => "call",
    }
}

const fn login(why: &Refusal) -> Option<&str> {
    match why {
        Refusal::WrongPassword { user }
        | Refusal::UnknownUser { user }
        | Refusal::Algorithm { user }
        | Refusal::NoAnswer { user }
        | Refusal::UnusableLogin { user }
        | Refusal::NotRegistered { user, .. } => Some(user.as_str()),
        Refusal::UnknownCaller
        | Refusal::Stranger
        | Refusal::NotAPhone
        | Refusal::Banned { .. }
        | Refusal::Full
        | Refusal::Disk
        | Refusal::Draining
        | Refusal::Crowded
        | Refusal::TrunkFull { .. }
        | Refusal::Call { .. } => None,
    }
}

/// A login as it may stand in a log: whoever wrote it could have written line ends.
fn shown(login: &str) -> String {
    let cut: String = login.chars().take(LOGIN_LEN_MAX).collect();
    let more = if cut.len() < login.len() { "…" } else { "" };
    format!("{:?}", cut + more)
}

/// What happened and what to change.
fn text(why: &Refusal) -> String {
    let user = login(why).map(shown).unwrap_or_default();
    match why {
        Refusal::UnknownCaller => {
            "a call was refused (401): it comes from no trunk's address and from no agent's \
             telephone. If it is a trunk's, add the address to `addresses` of its [trunks.NAME], or \
             `this_machine = true` where it is this machine"
                .to_owned()
        }
        Refusal::Stranger => {
            "a request was refused (403): it comes from no trunk's address. If it is a trunk's, add \
             the address to `addresses` of its [trunks.NAME]"
                .to_owned()
        }
        Refusal::WrongPassword { .. } => format!(
            "wrong password for the login {user} (401): the telephone or trunk must have the \
             `password` of [agents.NAME] or [trunks.NAME]"
        ),
        Refusal::UnknownUser { .. } => format!(
            "no agent or trunk has the login {user} (401): correct the user name in the telephone, \
             or add [agents.NAME] with a password"
        ),
        Refusal::Algorithm { .. } => format!(
            "the telephone of {user} answers with an algorithm it may not use (401): add \
             `md5 = true` to its [agents.NAME] or [trunks.NAME], or set SHA-256 in the telephone"
        ),
        Refusal::NoAnswer { .. } => format!(
            "{user} was asked for a password and comes again without one (401): a telephone that \
             knows MD5 only needs `md5 = true` in its [agents.NAME]; where that is set, the \
             telephone has no password"
        ),
        Refusal::UnusableLogin { .. } => format!(
            "the telephone of {user} answers our challenge in a way that cannot be checked (401): \
             it must use qop=auth, and sign the address it sends to"
        ),
        Refusal::NotAPhone => {
            "a trunk's login was used to register (403): only agents' telephones register here. \
             Switch registration off in the trunk; its calls may use the login"
                .to_owned()
        }
        Refusal::NotRegistered { status, .. } => {
            format!("the registration of {user} was refused ({status}): {}", unregistered(*status))
        }
        Refusal::Banned { left } => format!(
            "ignored for {} s: too many wrong passwords from there. Correct the password in the \
             telephone; `sip.ban_failures_max` and `sip.ban_s` are the limits",
            left.as_millis().div_ceil(1000)
        ),
        Refusal::Full => {
            "a call was refused (503): `server.calls_max` calls are up".to_owned()
        }
        Refusal::Disk => "a call was refused (503): the disk of `server.state` does not keep up, \
                          or takes nothing more: the errors before this one say which"
            .to_owned(),
        Refusal::Draining => {
            "a call was refused (503): the server is draining, and ends with the last call"
                .to_owned()
        }
        Refusal::Crowded => "a call was refused (503): as many SIP requests or calls are in work \
                             as there may be; the sender should try again"
            .to_owned(),
        Refusal::TrunkFull { trunk } => {
            format!("a call was refused (503): `channels_max` of [trunks.{trunk}] calls are up")
        }
        Refusal::Call { status } => {
            format!("a call was refused ({status}): {}", refused_call(*status))
        }
    }
}

const fn unregistered(status: u16) -> &'static str {
    match status {
        403 => {
            "the telephone must register the address of its own login, and no more contacts than \
             `sip.contacts_max`"
        }
        503 => "there are `sip.registrations_max` registrations",
        500 => "a later request of the same telephone came before this one",
        _ => "a header of it cannot be read",
    }
}

const fn refused_call(status: u16) -> &'static str {
    match status {
        415 => "its body is not a description of sound (application/sdp)",
        416 => "it is to a kind of address that is not SIP's",
        420 => "it demands an extension that is not known here",
        _ => "a header of it cannot be read",
    }
}

/// In the house, as far as an address can say so.
const fn is_near(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Timestamp {
        Timestamp(1_000_000) + Duration::from_secs(s)
    }

    fn wrong(user: &str) -> Refusal {
        Refusal::WrongPassword { user: user.to_owned() }
    }

    #[test]
    fn fault_16_a_refusal_is_said_once_per_source_login_and_reason() {
        let mut refusals = Refusals::default();
        let phone = IpAddr::from([192, 168, 0, 7]);
        let mut say = |s, why: &Refusal| refusals.is_to_be_said(at(s), phone, why);
        assert!(say(0, &wrong("alice")).is_some());
        assert!((1..60).all(|s| say(s, &wrong("alice")).is_none()));
        assert!(say(1, &wrong("bob")).is_some(), "another telephone behind the same router");
        assert!(say(1, &Refusal::UnknownCaller).is_some(), "another reason");
        assert_eq!(say(60, &wrong("alice")), Some(Unsaid { same: 59, others: 0 }));
    }

    #[test]
    fn fault_16_a_flood_from_everywhere_is_a_few_lines_and_hides_nothing_of_the_house() {
        let mut refusals = Refusals::default();
        let said = (0..50_000_u32).filter(|n| {
            let stranger = IpAddr::V4((0x0b00_0000 + n).into());
            refusals.is_to_be_said(at(u64::from(*n) / 1000), stranger, &wrong("x")).is_some()
        });
        assert_eq!(said.count(), SAID_MAX);
        let phone = IpAddr::from([192, 168, 0, 7]);
        assert!(refusals.is_to_be_said(at(50), phone, &wrong("alice")).is_some());
    }

    #[test]
    fn fault_16_every_refusal_says_what_to_change_and_no_stranger_writes_a_line() {
        let user = || "eve\r\n2026-01-01 WARN forged\u{1b}[31m".to_owned() + &"x".repeat(100);
        let all = [
            Refusal::UnknownCaller,
            Refusal::Stranger,
            wrong(&user()),
            Refusal::UnknownUser { user: user() },
            Refusal::Algorithm { user: user() },
            Refusal::NoAnswer { user: user() },
            Refusal::UnusableLogin { user: user() },
            Refusal::NotAPhone,
            Refusal::NotRegistered { user: user(), status: 403 },
            Refusal::NotRegistered { user: user(), status: 503 },
            Refusal::Banned { left: Duration::from_secs(600) },
            Refusal::Full,
            Refusal::Disk,
            Refusal::Draining,
            Refusal::Crowded,
            Refusal::TrunkFull { trunk: "acme".to_owned() },
            Refusal::Call { status: 415 },
        ];
        for why in &all {
            let said = text(why);
            assert!(!said.contains(char::is_control) && said.len() < 400, "{said}");
            assert_eq!(said.contains("eve"), login(why).is_some(), "{said}");
        }
        let changes =
            |why: &Refusal, what: &str| assert!(text(why).contains(what), "{}", text(why));
        changes(&all[0], "[trunks.NAME]");
        changes(&all[4], "md5 = true");
        changes(&all[5], "md5 = true");
        changes(&all[10], "ignored for 600 s");
        changes(&all[11], "`server.calls_max` calls are up");
        changes(&all[12], "disk of `server.state`");
        changes(&all[13], "draining");
        changes(&all[15], "channels_max");
        for (at, why) in all[11..15].iter().enumerate() {
            let others = all[11..15].iter().enumerate().filter(|(other, _)| *other != at);
            assert!(others.clone().all(|(_, other)| reason(other) != reason(why)));
        }
    }
}
