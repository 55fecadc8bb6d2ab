//! Offer and answer of one dialog, and what of it the leg was told.
//!
//! **Invariant:** a description that is refused changes nothing; the leg hears of a change once.
//!
//! **Deliberately absent:** SDP itself; see [`sdp`](crate::sip::sdp).

use crate::sip::sdp::{Direction, LocalMedia, MediaParams, NotAcceptable, Sdp, Session};

/// What answers a description that cannot be agreed on.
const NOT_ACCEPTABLE: u16 = 488;

#[derive(Debug)]
pub(super) struct Media {
    session: Session,
    local: Option<LocalMedia>,
    offer: Option<Sdp>,
    /// The answer to it, from the moment our end is known.
    prepared: Option<(String, MediaParams)>,
    agreed: Option<MediaParams>,
    told: Option<MediaParams>,
}

/// What the leg is to be told.
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
        }
    }

    /// Our end. False when their offer does not fit it.
    pub(super) fn bind(&mut self, local: LocalMedia) -> bool {
        self.local = Some(local);
        if self.offer.is_none() {
            return true;
        }
        self.prepared = self.prepare().ok();
        self.prepared.is_some()
    }

    /// Keeps their offer for [`Media::answer`].
    pub(super) fn offered(&mut self, body: &[u8]) -> Result<(), u16> {
        self.offer = Some(Sdp::parse(body).map_err(|_| NOT_ACCEPTABLE)?);
        Ok(())
    }

    pub(super) fn has_offer(&self) -> bool {
        self.offer.is_some() || self.prepared.is_some()
    }

    /// Answers their offer.
    pub(super) fn answer(&mut self) -> Result<String, u16> {
        let prepared = self.prepared.take();
        let (text, params) = prepared.map_or_else(|| self.prepare(), Ok)?;
        self.agreed = Some(params);
        Ok(text)
    }

    fn prepare(&mut self) -> Result<(String, MediaParams), u16> {
        let (Some(offer), Some(local)) = (self.offer.take(), &self.local) else {
            return Err(NOT_ACCEPTABLE);
        };
        self.session.answer(&offer, local).map_err(|_: NotAcceptable| NOT_ACCEPTABLE)
    }

    /// Our offer; nothing without our end.
    pub(super) fn offer(&mut self) -> Option<String> {
        self.local.as_ref().map(|local| self.session.offer(local))
    }

    /// Takes their answer to our offer.
    pub(super) fn agree(&mut self, body: &[u8]) -> Result<(), NotAcceptable> {
        let local = self.local.as_ref().ok_or(NotAcceptable::NoAddress)?;
        self.agreed = Some(self.session.accept_answer(&Sdp::parse(body)?, local)?);
        Ok(())
    }

    /// What we want of the stream from the next offer on.
    pub(super) fn want(&mut self, direction: Direction) {
        if let Some(local) = &mut self.local {
            local.direction = direction;
        }
    }

    pub(super) fn take_change(&mut self) -> Option<Change> {
        if self.agreed == self.told {
            return None;
        }
        let agreed = self.agreed?;
        // The other end holds us when it no longer wants to hear us. A leg begins resumed.
        let was_held = self.told.is_some_and(|told| !told.direction.sends());
        let held = !agreed.direction.sends();
        self.told = Some(agreed);
        Some(Change { media: Some(agreed), held: (held != was_held).then_some(held) })
    }
}
