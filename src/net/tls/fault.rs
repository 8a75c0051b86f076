//! What rustls says of a failed session, in words that tell an operator which setting mends it.

use rustls::{AlertDescription as Alert, CertificateError as Bad, Error};

/// One line: what was found, what to do.
pub(in crate::net) fn describe(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(fault) => certificate(fault),
        Error::AlertReceived(alert) => refused(*alert),
        Error::InvalidMessage(_) => {
            "the server does not speak TLS; is the port plain http? set scheme: http".to_owned()
        }
        Error::PeerIncompatible(what) => {
            format!("no protocol version or cipher in common ({what:?}); the server must speak TLS 1.2 or 1.3")
        }
        other => other.to_string(),
    }
}

fn certificate(fault: &Bad) -> String {
    match fault {
        Bad::UnknownIssuer => "its certificate is signed by an authority that is not trusted; \
             set tlsConfig.caFile (or caSecret) to that authority's certificate"
            .to_owned(),
        Bad::NotValidForNameContext { expected, presented } => format!(
            "its certificate is for {}, not for {}; set tlsConfig.serverName or have a certificate for that name made",
            if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") },
            expected.to_str()
        ),
        Bad::NotValidForName => "its certificate is for another name; set tlsConfig.serverName".to_owned(),
        Bad::ExpiredContext { time, not_after } => format!(
            "its certificate expired {} days ago; renew it, or set the agent's clock",
            time.as_secs().saturating_sub(not_after.as_secs()) / 86_400
        ),
        Bad::Expired => "its certificate expired; renew it".to_owned(),
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check the agent's and the server's clock".to_owned()
        }
        Bad::Revoked => "its certificate was revoked; renew it".to_owned(),
        Bad::BadSignature => "its certificate's signature is wrong; \
             is tlsConfig.caFile an older certificate of the same authority?"
            .to_owned(),
        other => format!("its certificate is not usable: {other:?}"),
    }
}

fn refused(alert: Alert) -> String {
    let advice = match alert {
        Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA | Alert::AccessDenied => {
            "it wants a client certificate that it trusts; set tlsConfig.certFile and keyFile"
        }
        Alert::CertificateExpired | Alert::CertificateRevoked | Alert::CertificateUnknown => {
            "the client certificate of tlsConfig.certFile must be renewed or replaced"
        }
        Alert::UnrecognisedName => "it serves no such name; set tlsConfig.serverName",
        Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
            "no protocol version or cipher in common, or a client certificate is missing"
        }
        _ => "see the server's log",
    };
    format!("the server refused the session ({alert:?}); {advice}")
}
