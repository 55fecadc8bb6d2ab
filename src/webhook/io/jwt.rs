//! The signature of a JSON web token by a private key of ours (RS256, RFC 7518 §3.3), for providers
//! whose REST interface wants one.
//!
//! **Invariant:** the key is in no text that is shown.

/// What was signed, a dot, and its signature.
///
/// # Errors
///
/// What is wrong with the key, which is PEM (PKCS #8 or PKCS #1).
#[cfg(feature = "tls")]
pub(super) fn rs256(key: &str, signed: &str) -> Result<String, &'static str> {
    use ring::rand::SystemRandom;
    use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

    use crate::webhook::sign::base64url;

    let der = pem(key).ok_or("the token is no private key in PEM")?;
    let key = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
    let key = key.map_err(|_| "the token is no RSA key of 2048 bit or more")?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| "the private key could not sign")?;
    Ok(format!("{signed}.{}", base64url(&signature)))
}

#[cfg(not(feature = "tls"))]
pub(super) fn rs256(_: &str, _: &str) -> Result<String, &'static str> {
    Err("RS256 needs a build with the feature tls")
}

/// The bytes between the first BEGIN and END (RFC 7468).
#[cfg(feature = "tls")]
fn pem(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (_, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.split_whitespace().collect();
    crate::webhook::sign::from_base64(&body)
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};

    use super::*;
    use crate::webhook::sign::from_base64url;

    const KEY: &str = include_str!("../../../tests/data/rs256.pem");

    #[test]
    fn the_public_key_takes_the_signature() {
        let token = rs256(KEY, "header.claims").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(signed, "header.claims");
        let pair = RsaKeyPair::from_pkcs8(&pem(KEY).unwrap()).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
        let signature = from_base64url(signature).unwrap();
        public.verify(signed.as_bytes(), &signature).unwrap();
        public.verify(b"header.other", &signature).unwrap_err();
    }

    #[test]
    fn a_key_that_is_none_is_said_so_without_showing_it() {
        for (key, said) in [
            ("hush", "no private key in PEM"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no RSA key"),
            ("-----BEGIN PRIVATE KEY-----\n%%%%\n-----END PRIVATE KEY-----", "no private key"),
        ] {
            let error = rs256(key, "x").unwrap_err();
            assert!(error.contains(said) && !error.contains("hush"), "{error}");
        }
    }
}
