//! Certificates that are trusted in addition, out of a PEM file.
//!
//! Only the shape is looked at: that the file has certificates, and that each is one of X.509 from
//! its first byte to its last. Whether one may vouch for a host is checked where TLS is spoken.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{Error, PemObject};
use std::fmt;

/// Certificates of a file.
#[derive(Clone, Eq, PartialEq)]
pub struct Ca {
    /// Where they came from.
    pub path: String,
    /// Each in DER; never empty.
    pub certificates: Vec<Vec<u8>>,
}

/// As many as no trust store has.
const CERTIFICATES_MAX: usize = 1024;

// === impl Ca ===

impl Ca {
    /// Reads the text of a file, or says what is wrong with it and what to do.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, (&'static str, &'static str)> {
        const FORM: &str = "a certificate in PEM begins with -----BEGIN CERTIFICATE-----";
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            match certificate {
                Ok(der) if is_certificate(&der) => certificates.push(der.to_vec()),
                Ok(_) => return Err(("a certificate in the file is not one", FORM)),
                Err(Error::MissingSectionEnd { .. }) => {
                    return Err((
                        "the file is cut: a certificate in it has no end",
                        "copy it whole",
                    ));
                }
                Err(_) => return Err(("the file is not PEM", FORM)),
            }
            if CERTIFICATES_MAX < certificates.len() {
                let hint = "name those that are needed beside the machine's own";
                return Err(("the file has more than 1024 certificates", hint));
            }
        }
        if !certificates.is_empty() {
            return Ok(Self { path: path.to_owned(), certificates });
        }
        if text.contains("PRIVATE KEY-----") {
            return Err(("the file has a private key and no certificate", FORM));
        }
        Err(("the file has no certificate", FORM))
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ca({:?}, {} certificates)", self.path, self.certificates.len())
    }
}

/// Whether it is what every certificate is: a sequence of a sequence, a sequence and a bit string,
/// with nothing behind (RFC 5280 §4.1).
fn is_certificate(der: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const BIT_STRING: u8 = 0x03;
    let parts = || {
        let (body, rest) = value(der, SEQUENCE)?;
        let (signed, body) = value(body, SEQUENCE)?;
        let (_algorithm, body) = value(body, SEQUENCE)?;
        let (_signature, after) = value(body, BIT_STRING)?;
        (rest.is_empty() && after.is_empty()).then_some(!signed.is_empty())
    };
    parts().unwrap_or(false)
}

/// The first value, where it has this tag, and what is behind it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, der) = der.split_first()?;
    let (length, der) = der.split_first()?;
    let (length, der) = match *length {
        short @ ..=0x7f => (usize::from(short), der),
        // So many bytes of a length; the form without one belongs to streams.
        long @ 0x81..=0x84 => {
            let (bytes, der) = der.split_at_checked(usize::from(long & 0x7f))?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), der)
        }
        _ => return None,
    };
    if *first == tag { der.split_at_checked(length) } else { None }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Ca;

    /// A certificate of nobody.
    pub(crate) const PEM: &str = include_str!("ca/example.pem");

    #[test]
    fn files() {
        let check = |text: &str, expect: &str| {
            let found = match Ca::parse("f", text) {
                Ok(ca) => ca.certificates.len().to_string(),
                Err((what, _)) => what.to_owned(),
            };
            assert_eq!(found, expect, "{text}");
        };
        check(PEM, "1");
        check(&format!("# company\r\n{}text\n{PEM}", PEM.replace('\n', "\r\n")), "2");
        check("", "the file has no certificate");
        check("hello", "the file has no certificate");
        check(&PEM.replace("CERTIFICATE", "PUBLIC KEY"), "the file has no certificate");
        let key = PEM.replace("CERTIFICATE", "EC PRIVATE KEY");
        check(&key, "the file has a private key and no certificate");
        check(&format!("{key}{PEM}"), "1");
        let (half, _) = PEM.split_at(PEM.len() / 2);
        check(half, "the file is cut: a certificate in it has no end");
        let odd = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        check(odd, "the file is not PEM");
        for base64 in ["aGVsbG8=", "", "MAA=", "MIIBCgKCAQEA", "MAYwADAAAwA="] {
            let text =
                format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
            check(&text, "a certificate in the file is not one");
        }
        let many = PEM.repeat(1025);
        assert!(Ca::parse("f", &many).is_err());
        assert!(!format!("{:?}", Ca::parse("f", PEM)).contains("MII"));
    }
}
