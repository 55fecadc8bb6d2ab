//! Header names: the ones we know, their usual spelling and their compact form.
//!
//! **Invariant:** a name is brought to one form here, before any rule looks at it; the code above
//! cannot distinguish two spellings of one header.
//!
//! **Deliberately absent:** what a header means, and names nothing here ever asks for: those stay
//! text.

macro_rules! names {
    ($($variant:ident $text:literal $compact:literal,)*) => {
        /// A header we know by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Name {
            $($variant,)*
        }

        impl Name {
            const ALL: &'static [(Name, &'static str, u8)] = &[
                $((Name::$variant, $text, $compact),)*
            ];

            /// The spelling we send.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Name::$variant => $text,)*
                }
            }
        }
    };
}

// Those of every message come first: the table is searched in order. Zero: no compact form.
names! {
    Via "Via" b'v',
    From "From" b'f',
    To "To" b't',
    CallId "Call-ID" b'i',
    CSeq "CSeq" 0,
    MaxForwards "Max-Forwards" 0,
    Contact "Contact" b'm',
    ContentLength "Content-Length" b'l',
    ContentType "Content-Type" b'c',
    UserAgent "User-Agent" 0,
    Allow "Allow" 0,
    Supported "Supported" b'k',
    Route "Route" 0,
    RecordRoute "Record-Route" 0,
    Expires "Expires" 0,
    Accept "Accept" 0,
    AcceptEncoding "Accept-Encoding" 0,
    AcceptLanguage "Accept-Language" 0,
    AlertInfo "Alert-Info" 0,
    AllowEvents "Allow-Events" b'u',
    Authorization "Authorization" 0,
    CallInfo "Call-Info" 0,
    ContentDisposition "Content-Disposition" 0,
    ContentEncoding "Content-Encoding" b'e',
    Date "Date" 0,
    Diversion "Diversion" 0,
    Event "Event" b'o',
    HistoryInfo "History-Info" 0,
    Identity "Identity" b'y',
    MinExpires "Min-Expires" 0,
    MinSe "Min-SE" 0,
    PAssertedIdentity "P-Asserted-Identity" 0,
    PPreferredIdentity "P-Preferred-Identity" 0,
    Privacy "Privacy" 0,
    ProxyAuthenticate "Proxy-Authenticate" 0,
    ProxyAuthorization "Proxy-Authorization" 0,
    ProxyRequire "Proxy-Require" 0,
    RAck "RAck" 0,
    Reason "Reason" 0,
    ReferTo "Refer-To" b'r',
    ReferredBy "Referred-By" b'b',
    RemotePartyId "Remote-Party-ID" 0,
    Replaces "Replaces" 0,
    Require "Require" 0,
    RetryAfter "Retry-After" 0,
    RSeq "RSeq" 0,
    Server "Server" 0,
    SessionExpires "Session-Expires" b'x',
    Subject "Subject" b's',
    SubscriptionState "Subscription-State" 0,
    Timestamp "Timestamp" 0,
    Unsupported "Unsupported" 0,
    Warning "Warning" 0,
    WwwAuthenticate "WWW-Authenticate" 0,
}

impl Name {
    /// How many names there are.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// In any spelling, long or compact.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let [letter @ 1..=u8::MAX] = text.as_bytes() {
            let letter = letter.to_ascii_lowercase();
            return Self::ALL.iter().find(|(_, _, compact)| *compact == letter).map(|row| row.0);
        }
        Self::ALL.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(text)).map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name_is_one_name() {
        assert_eq!(Name::parse("call-id"), Some(Name::CallId));
        assert_eq!(Name::parse("I"), Some(Name::CallId));
        assert_eq!(Name::parse("MaX-fOrWaRdS"), Some(Name::MaxForwards));
        assert_eq!(Name::parse("C%6Fntact"), None);
        assert_eq!(Name::parse("\0"), None);
        for (name, text, _) in Name::ALL {
            assert_eq!(Name::parse(text), Some(*name));
            assert_eq!(name.as_str(), *text);
        }
    }
}
