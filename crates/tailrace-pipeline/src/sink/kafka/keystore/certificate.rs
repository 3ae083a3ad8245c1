//! Which certificate is whose issuer.

use crate::error::Result;

use super::Certificate;
use super::der::{CONTEXT_0, Reader, SEQUENCE};

/// Longest chain that is followed.
const CHAIN_LENGTH_MAX: usize = 16;

/// Issuer and subject of a certificate (RFC 5280 §4.1), as they are encoded.
fn names(certificate: &[u8]) -> Result<(&[u8], &[u8])> {
    let mut tbs = Reader::new(certificate).inside(SEQUENCE)?.inside(SEQUENCE)?;
    if tbs.peek() == Some(CONTEXT_0) {
        // Version.
        tbs.any()?;
    }
    // Serial number and signature algorithm.
    tbs.any()?;
    tbs.any()?;
    let issuer = tbs.any()?.whole;
    // Validity.
    tbs.any()?;
    Ok((issuer, tbs.any()?.whole))
}

/// Puts a certificate and its issuers in order; gives the rest too.
pub(super) fn chain(
    leaf: Certificate,
    mut others: Vec<Certificate>,
) -> Result<(Vec<Certificate>, Vec<Certificate>)> {
    let mut chain = vec![leaf];
    while let Some(last) = chain.last()
        && chain.len() < CHAIN_LENGTH_MAX
    {
        let (issuer, subject) = names(last)?;
        if issuer == subject {
            break;
        }
        let mut place = None;
        for (n, other) in others.iter().enumerate() {
            if names(other)?.1 == issuer {
                place = Some(n);
                break;
            }
        }
        let Some(place) = place else { break };
        chain.push(others.remove(place));
    }
    Ok((chain, others))
}
