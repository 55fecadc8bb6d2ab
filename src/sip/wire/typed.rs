//! Typed views of header fields, read on demand.
//!
//! **Invariant:** a question costs one look at one field; nothing is kept, so nothing goes stale
//! when a header is set.
//!
//! **Deliberately absent:** defaults. What a missing header means depends on the request.

use crate::sip::message::Method;
use crate::sip::wire::headers::Headers;
use crate::sip::wire::name::Name;
use crate::sip::wire::name_addr::NameAddr;
use crate::sip::wire::text::parse_u32;
use crate::sip::wire::via::Via;
use crate::sip::wire::{HeaderError, LIST_MAX, METHOD_BYTES_MAX, TOKEN_BYTES_MAX};

/// Sequence number and method of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    pub number: u32,
    pub method: Method,
}

/// What a Contact header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts<'a> {
    /// `*`: every binding (RFC 3261 §10.2.2).
    Star,
    /// May be empty.
    List(Vec<NameAddr<'a>>),
}

/// The refresher of a session (RFC 4028 §4), named by its part in the transaction that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    Uac,
    Uas,
}

/// What a Session-Expires says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds.
    pub interval_s: u32,
    pub refresher: Option<Refresher>,
}

impl Headers {
    /// The top Via.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        Via::parse(self.list(Name::Via).next().ok_or(missing(Name::Via))?)
    }

    /// # Errors
    /// It is missing or cannot be read.
    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        NameAddr::parse(Name::From.as_str(), self.one(Name::From)?)
    }

    /// # Errors
    /// It is missing or cannot be read.
    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        NameAddr::parse(Name::To.as_str(), self.one(Name::To)?)
    }

    /// # Errors
    /// It is missing or cannot be read.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        let fault = |why| HeaderError { header: Name::CSeq.as_str(), why };
        let text = self.one(Name::CSeq)?;
        let (number, method) = text.split_once([' ', '\t']).ok_or(fault("no method"))?;
        let number = parse_u32(number).ok_or(fault("not a number up to 4294967295"))?;
        let method = method.trim_start();
        if method.len() > METHOD_BYTES_MAX {
            return Err(fault("method is over 128 bytes"));
        }
        let method = Method::parse(method).ok_or(fault("method is not a token"))?;
        Ok(CSeq { number, method })
    }

    /// # Errors
    /// It is missing, empty, too long or more than one word.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let fault = |why| HeaderError { header: Name::CallId.as_str(), why };
        let text = self.one(Name::CallId)?;
        if text.is_empty() || text.bytes().any(|byte| byte <= b' ') {
            return Err(fault("not one word"));
        }
        if text.len() > TOKEN_BYTES_MAX {
            return Err(fault("over 1024 bytes"));
        }
        Ok(text)
    }

    /// Every Contact; an empty list where there is none.
    ///
    /// # Errors
    /// One cannot be read, `*` is not alone, or there are more than [`LIST_MAX`].
    pub fn contacts(&self) -> Result<Contacts<'_>, HeaderError> {
        let entries = self.addresses(Name::Contact, true)?;
        let Some(entries) = entries else {
            return Ok(Contacts::Star);
        };
        Ok(Contacts::List(entries))
    }

    /// The first Contact: the remote target of a dialog.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn contact(&self) -> Result<NameAddr<'_>, HeaderError> {
        let first = self.list(Name::Contact).next().ok_or(missing(Name::Contact))?;
        NameAddr::parse(Name::Contact.as_str(), first)
    }

    /// Top first.
    ///
    /// # Errors
    /// One cannot be read, or there are more than [`LIST_MAX`].
    pub fn routes(&self) -> Result<Vec<NameAddr<'_>>, HeaderError> {
        Ok(self.addresses(Name::Route, false)?.unwrap_or_default())
    }

    /// Top first.
    ///
    /// # Errors
    /// One cannot be read, or there are more than [`LIST_MAX`].
    pub fn record_routes(&self) -> Result<Vec<NameAddr<'_>>, HeaderError> {
        Ok(self.addresses(Name::RecordRoute, false)?.unwrap_or_default())
    }

    /// # Errors
    /// It is not a number up to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let why = "not a number up to 255";
        let fault = HeaderError { header: Name::MaxForwards.as_str(), why };
        match self.number(Name::MaxForwards)? {
            Some(hops) => u8::try_from(hops).map(Some).map_err(|_| fault),
            None => Ok(None),
        }
    }

    /// Seconds.
    ///
    /// # Errors
    /// It is not a number up to 2^32 − 1.
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number(Name::Expires)
    }

    /// # Errors
    /// It does not begin with a number of seconds up to 2^32 − 1.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, HeaderError> {
        let Some(text) = self.get(Name::SessionExpires) else { return Ok(None) };
        let (seconds, params) = text.split_once(';').unwrap_or((text, ""));
        let why = "not a number up to 4294967295";
        let fault = HeaderError { header: Name::SessionExpires.as_str(), why };
        let interval_s = parse_u32(seconds.trim()).ok_or(fault)?;
        let refresher = params.split(';').find_map(|param| {
            let (name, value) = param.split_once('=')?;
            let value = value.trim();
            let is = |word: &str| value.eq_ignore_ascii_case(word);
            let who =
                if is("uac") { Some(Refresher::Uac) } else { is("uas").then_some(Refresher::Uas) };
            who.filter(|_| name.trim().eq_ignore_ascii_case("refresher"))
        });
        Ok(Some(SessionExpires { interval_s, refresher }))
    }

    /// The shortest session interval the other side takes, in seconds (RFC 4028 §5).
    ///
    /// # Errors
    /// It does not begin with a number up to 2^32 − 1.
    pub fn min_se(&self) -> Result<Option<u32>, HeaderError> {
        let why = "not a number up to 4294967295";
        let Some(text) = self.get(Name::MinSe) else { return Ok(None) };
        let seconds = text.split_once(';').map_or(text, |(seconds, _)| seconds);
        let fault = HeaderError { header: Name::MinSe.as_str(), why };
        parse_u32(seconds.trim()).map(Some).ok_or(fault)
    }

    /// How long to stay away, in seconds, without what follows it (RFC 3261 §20.33).
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        let text = self.get(Name::RetryAfter)?;
        let end = text.find([';', '(']).unwrap_or(text.len());
        parse_u32(text[..end].trim())
    }

    /// Whether the other side says that it takes requests of this method (RFC 3261 §20.5).
    #[must_use]
    pub fn allows(&self, method: &Method) -> bool {
        self.list(Name::Allow).any(|allowed| allowed == method.as_str())
    }

    /// Option tags the other side insists on.
    pub fn require(&self) -> impl Iterator<Item = &str> {
        self.list(Name::Require).filter(|tag| !tag.is_empty())
    }

    /// Option tags the other side understands.
    pub fn supported(&self) -> impl Iterator<Item = &str> {
        self.list(Name::Supported).filter(|tag| !tag.is_empty())
    }

    /// `type/subtype` without parameters, as written.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        let text = self.get(Name::ContentType)?;
        Some(text.split_once(';').map_or(text, |(kind, _)| kind).trim())
    }

    /// Whether the body is of this `type/subtype`.
    #[must_use]
    pub fn is_content(&self, kind: &str) -> bool {
        self.content_type().is_some_and(|written| written.eq_ignore_ascii_case(kind))
    }

    fn one(&self, name: Name) -> Result<&str, HeaderError> {
        self.get(name).ok_or(missing(name))
    }

    fn number(&self, name: Name) -> Result<Option<u32>, HeaderError> {
        let why = "not a number up to 4294967295";
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        parse_u32(text).map(Some).ok_or(HeaderError { header: name.as_str(), why })
    }

    /// `None` for a lone `*`, where that is allowed.
    fn addresses(&self, name: Name, star: bool) -> Result<Option<Vec<NameAddr<'_>>>, HeaderError> {
        let fault = |why| HeaderError { header: name.as_str(), why };
        let mut entries = Vec::new();
        for entry in self.list(name) {
            if star && entry == "*" {
                let alone = self.list(name).count() == 1;
                return if alone { Ok(None) } else { Err(fault("`*` is not alone")) };
            }
            if entries.len() == LIST_MAX {
                return Err(fault("more than 64 entries"));
            }
            entries.push(NameAddr::parse(name.as_str(), entry)?);
        }
        Ok(Some(entries))
    }
}

fn missing(name: Name) -> HeaderError {
    HeaderError { header: name.as_str(), why: "missing" }
}
