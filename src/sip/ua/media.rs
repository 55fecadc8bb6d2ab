//! Offer and answer of one dialog, and what of it was reported for the leg.
//!
//! **Invariant:** a description that is refused changes nothing; the leg hears of a change once.
//!
//! **Deliberately absent:** SDP itself; see [`sdp`](crate::sip::sdp).

use std::net::IpAddr;

use crate::sip::sdp::{LocalMedia, MediaParams, NotAcceptable, Sdp, Session};
use crate::words::{Codec, Direction};

#[derive(Debug)]
pub(super) struct Media {
    session: Session,
    local: Option<LocalMedia>,
    offer: Option<Sdp>,
    /// The answer to it, from the moment our end is known.
    prepared: Option<(String, MediaParams)>,
    agreed: Option<MediaParams>,
    told: Option<MediaParams>,
    /// Where the signaling came from then.
    told_from: Option<IpAddr>,
    /// Our description that was agreed on last.
    standing: Option<Said>,
    /// Our offer that is not answered yet.
    sent: Option<Said>,
    /// Something else is wanted than what stands: now, and when `sent` was written.
    wants: bool,
    wanted: bool,
}

/// A description of ours, as it was sent, and the codecs it names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    text: String,
    codecs: Vec<Codec>,
}

/// What to report for the leg.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) media: Option<MediaParams>,
    pub(super) held: Option<bool>,
}

impl Media {
    pub(super) fn new(session: u64) -> Self {
        Self {
            session: Session::new(session),
            local: None,
            offer: None,
            prepared: None,
            agreed: None,
            told: None,
            told_from: None,
            standing: None,
            sent: None,
            wants: false,
            wanted: false,
        }
    }

    /// Our end. Fails when their offer does not fit it.
    pub(super) fn bind(&mut self, local: LocalMedia) -> Result<(), NotAcceptable> {
        self.local = Some(local);
        if self.offer.is_some() {
            self.prepared = Some(self.prepare()?);
        }
        Ok(())
    }

    /// Keeps their offer, which came from `source`, for [`Media::answer`]. Says whether it names a
    /// host in place of an address.
    pub(super) fn offered(&mut self, body: &[u8], source: IpAddr) -> Result<bool, NotAcceptable> {
        let mut offer = Sdp::parse(body)?;
        let is_named = offer.named_at(source);
        self.offer = Some(offer);
        Ok(is_named)
    }

    pub(super) fn has_offer(&self) -> bool {
        self.offer.is_some() || self.prepared.is_some()
    }

    /// Answers their offer.
    pub(super) fn answer(&mut self) -> Result<String, NotAcceptable> {
        let prepared = self.prepared.take();
        let (text, params) = prepared.map_or_else(|| self.prepare(), Ok)?;
        self.agreed = Some(params);
        self.standing = Some(Said { text: text.clone(), codecs: vec![params.codec] });
        Ok(text)
    }

    fn prepare(&mut self) -> Result<(String, MediaParams), NotAcceptable> {
        let (Some(offer), Some(local)) = (self.offer.take(), &self.local) else {
            return Err(NotAcceptable::NoAudio);
        };
        self.session.answer(&offer, local)
    }

    /// Our offer; nothing without our end.
    pub(super) fn offer(&mut self) -> Option<String> {
        let local = self.local.as_ref()?;
        let (text, codecs) = (self.session.offer(local), local.codecs.clone());
        self.sent = Some(Said { text: text.clone(), codecs });
        Some(text)
    }

    /// Our offer in a re-INVITE: what is wanted, or else what stands, word for word, which asks
    /// for no change (RFC 4028 §7.4).
    pub(super) fn offer_again(&mut self) -> Option<String> {
        self.wanted = std::mem::take(&mut self.wants);
        if self.wanted || self.standing.is_none() {
            return self.offer();
        }
        self.sent.clone_from(&self.standing);
        self.sent()
    }

    /// Our offer that is not answered yet.
    pub(super) fn sent(&self) -> Option<String> {
        self.sent.as_ref().map(|said| said.text.clone())
    }

    /// It was not looked at: what was wanted is still to be asked for.
    pub(super) fn not_heard(&mut self) {
        self.wants |= std::mem::take(&mut self.wanted);
    }

    /// A 2xx without a description to an offer that asked for no change.
    pub(super) fn is_confirmed_by(&self, answer: Option<&[u8]>) -> bool {
        answer.is_none() && self.sent.is_some() && self.sent == self.standing
    }

    /// Takes their answer to our offer, which came from `source`. Says whether it names a host in
    /// place of an address.
    pub(super) fn agree(
        &mut self,
        answer: Option<&[u8]>,
        source: IpAddr,
    ) -> Result<bool, NotAcceptable> {
        let mut local = self.local.clone().ok_or(NotAcceptable::NoAddress)?;
        // An answer with more than was offered does not change the codec by that.
        if let Some(sent) = &self.sent {
            local.codecs.clone_from(&sent.codecs);
        }
        let mut answer = Sdp::parse(answer.ok_or(NotAcceptable::NoAudio)?)?;
        let is_named = answer.named_at(source);
        self.agreed = Some(self.session.accept_answer(&answer, &local)?);
        self.standing = self.sent.take();
        Ok(is_named)
    }

    /// What we want of the stream from the next offer on.
    pub(super) fn want(&mut self, direction: Direction) {
        if let Some(local) = &mut self.local {
            local.direction = direction;
            self.wants = true;
        }
    }

    /// What is new of the description, or of where the other end signals from.
    pub(super) fn take_change(&mut self, signaling: IpAddr) -> Option<Change> {
        if self.agreed == self.told && self.told_from == Some(signaling) {
            return None;
        }
        let agreed = self.agreed?;
        // The other end holds us when it no longer wants to hear us. A leg begins resumed.
        let was_held = self.told.is_some_and(|told| !told.direction.sends());
        let held = !agreed.direction.sends();
        self.told = Some(agreed);
        self.told_from = Some(signaling);
        Some(Change { media: Some(agreed), held: (held != was_held).then_some(held) })
    }
}
