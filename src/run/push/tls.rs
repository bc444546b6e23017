//! TLS to PostgreSQL, with the words that libpq has for it: `sslmode` and `sslrootcert` in the connection string, or
//! `PGSSLMODE` and `PGSSLROOTCERT` in the environment.
//!
//! | `sslmode` | encrypted | certificate |
//! |---|---|---|
//! | `disable` | no | – |
//! | `prefer` (default) | if the server can | not checked |
//! | `require` | yes | not checked; with `sslrootcert` as `verify-ca` |
//! | `verify-ca` | yes | signed by the roots |
//! | `verify-full` | yes | signed by the roots, and of the host's name |
//!
//! The roots are those of `sslrootcert` (a PEM file), else the system's. A certificate that is itself in the file is
//! trusted. A Unix socket is never encrypted. Channel binding is not offered.

use std::{
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_rustls::{TlsConnector, client};

use crate::store::{StoreError, atomic};

/// The words about TLS cannot be used. None of them is secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("sslmode is {0:?}; it is one of disable, prefer, require, verify-ca, verify-full")]
    Mode(String),
    #[error("sslrootcert: {0}")]
    Roots(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// What a connection string and the environment say about TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Security {
    mode: Mode,
    roots: Option<String>,
}

impl Security {
    /// Takes what is about TLS out of a connection string; gives the rest of it, which the client reads.
    pub(super) fn of(secret: &str) -> Result<(Self, String), TlsError> {
        Self::with(secret, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn with(secret: &str, environment: impl Fn(&str) -> Option<String>) -> Result<(Self, String), TlsError> {
        let (mut mode, mut roots) = (None, None);
        let mut take = |key: &str, value: String| {
            let place = match key {
                "sslmode" => &mut mode,
                "sslrootcert" => &mut roots,
                _ => return false,
            };
            *place = Some(value);
            true
        };
        let plain = if secret.contains("://") { split_url(secret, &mut take) } else { split_pairs(secret, &mut take) };
        let roots = roots.or_else(|| environment("PGSSLROOTCERT"));
        let mode = match mode.or_else(|| environment("PGSSLMODE")).as_deref() {
            None | Some("prefer" | "allow") => Mode::Prefer,
            Some("disable") => Mode::Disable,
            Some("require") if roots.is_none() => Mode::Require,
            Some("require" | "verify-ca") => Mode::VerifyCa,
            Some("verify-full") => Mode::VerifyFull,
            Some(other) => return Err(TlsError::Mode(other.to_owned())),
        };
        Ok((Self { mode, roots }, plain))
    }

    /// Sets a client's configuration to it, and gives what makes its connections.
    pub(super) fn apply(&self, config: &mut Config) -> Result<Tls, TlsError> {
        let local = !config.get_hosts().is_empty() && config.get_hosts().iter().all(|h| matches!(h, Host::Unix(_)));
        config.ssl_mode(match self.mode {
            _ if local => SslMode::Disable,
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        let provider = Arc::new(ring::default_provider());
        let checked = match self.mode {
            Mode::VerifyCa | Mode::VerifyFull if !local => Some(self.roots(&provider)?),
            _ => None,
        };
        let named = self.mode == Mode::VerifyFull;
        let verifier = Arc::new(Verifier { checked, named, provider: Arc::clone(&provider) });
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsError::Roots(e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Tls { config: Arc::new(tls) })
    }

    fn roots(&self, provider: &Arc<CryptoProvider>) -> Result<Roots, TlsError> {
        let mut pinned = Vec::new();
        match self.roots.as_deref().filter(|file| *file != "system") {
            Some(file) => {
                let no_file = || TlsError::Roots(format!("there is no file `{file}`"));
                let said = |e: StoreError| TlsError::Roots(super::postgres::chain(&e));
                let bytes = atomic::read(Path::new(file)).map_err(said)?.ok_or_else(no_file)?;
                for certificate in CertificateDer::pem_slice_iter(&bytes) {
                    let bad = |e| TlsError::Roots(format!("`{file}` holds no certificates as PEM: {e}"));
                    pinned.push(certificate.map_err(bad)?.into_owned());
                }
            }
            None => pinned = rustls_native_certs::load_native_certs().certs,
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(pinned.iter().cloned());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
            .build()
            .map_err(|_| TlsError::Roots("there is no certificate to trust in it".to_owned()))?;
        Ok(Roots { verifier, pinned })
    }
}

fn split_pairs(secret: &str, take: &mut impl FnMut(&str, String) -> bool) -> String {
    let mut plain = String::new();
    let mut rest = secret.trim_start();
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let end = value_end(after);
        let value = after[..end].trim_matches('\'').replace("\\'", "'").replace("\\\\", "\\");
        if !take(key.trim(), value) {
            plain.push_str(&format!("{}={} ", key.trim(), &after[..end]));
        }
        rest = after[end..].trim_start();
    }
    plain.push_str(rest);
    plain
}

/// Where a value ends: at a space, or behind its closing quote.
fn value_end(text: &str) -> usize {
    let quoted = text.starts_with('\'');
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(usize::from(quoted)) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return at + 1,
            c if !quoted && c.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}

fn split_url(secret: &str, take: &mut impl FnMut(&str, String) -> bool) -> String {
    let Some((place, query)) = secret.split_once('?') else { return secret.to_owned() };
    let mut kept = Vec::new();
    for pair in query.split('&') {
        let mut decoded = url::form_urlencoded::parse(pair.as_bytes());
        if !decoded.next().is_some_and(|(key, value)| take(&key, value.into_owned())) {
            kept.push(pair);
        }
    }
    if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) }
}

/// Who signs certificates that are trusted.
#[derive(Debug)]
struct Roots {
    verifier: Arc<WebPkiServerVerifier>,
    /// Certificates of the file: a server's own may be one of them.
    pinned: Vec<CertificateDer<'static>>,
}

impl Roots {
    /// Whether the certificate is trusted, whatever name it is of.
    fn signed(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), RustlsError> {
        use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet};
        match self.verifier.verify_server_cert(server, between, name, &[], now) {
            // The name is looked at last: the signatures hold.
            Ok(_) | Err(RustlsError::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => Ok(()),
            Err(
                error @ RustlsError::InvalidCertificate(
                    Expired | ExpiredContext { .. } | NotValidYet | CertificateError::NotValidYetContext { .. },
                ),
            ) => Err(error),
            // A certificate that signs itself is no server's to a verifier, but the operator's file names this very one.
            Err(_) if self.pinned.iter().any(|pinned| pinned == server) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[derive(Debug)]
struct Verifier {
    checked: Option<Roots>,
    named: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        if let Some(roots) = &self.checked {
            roots.signed(server, between, name, now)?;
        }
        if self.named {
            verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        verify_tls12_signature(message, server, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        verify_tls13_signature(message, server, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Makes the connections of a client.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Encrypted<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        Ok(Handshake { connector: TlsConnector::from(Arc::clone(&self.config)), host: host.to_owned() })
    }
}

/// One handshake.
pub(super) struct Handshake {
    connector: TlsConnector,
    /// As the connection string has it; of a Unix socket a path, which is never connected by this.
    host: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Encrypted<S>>>;

    fn connect(self, stream: S) -> Self::Future {
        async move {
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            self.connector.connect(name, stream).await.map(|s| Encrypted(Box::new(s)))
        }
        .boxed()
    }
}

/// A connection.
pub(super) struct Encrypted<S>(Box<client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(secret: &str) -> (Mode, Option<String>, String) {
        let (security, plain) = Security::with(secret, |_| None).unwrap();
        (security.mode, security.roots, plain.trim_end().to_owned())
    }

    #[test]
    fn words_about_tls_are_taken_out() {
        let pairs = "host=db sslmode = verify-full user='a b' sslrootcert='/a b/root.crt' password=it\\'s";
        assert_eq!(
            read(pairs),
            (Mode::VerifyFull, Some("/a b/root.crt".into()), "host=db user='a b' password=it\\'s".into())
        );
        let url = "postgres://u:p%3F@db/crm?sslmode=require&connect_timeout=3&sslrootcert=%2Fr.crt";
        assert_eq!(
            read(url),
            (Mode::VerifyCa, Some("/r.crt".into()), "postgres://u:p%3F@db/crm?connect_timeout=3".into())
        );
        assert_eq!(read("postgres://db/crm?sslmode=disable").2, "postgres://db/crm");
        assert_eq!(read("host=db"), (Mode::Prefer, None, "host=db".into()));
        assert_eq!(read("host=db sslmode=require").0, Mode::Require);
        for secret in ["no connection string at all", "user=x password='sslmode=disable'", "password=a=b", ""] {
            let (mode, _, plain) = read(secret);
            assert_eq!((mode, plain.as_str()), (Mode::Prefer, secret));
        }
        assert!(Security::with("sslmode=loose", |_| None).is_err());
        let environment = |name: &str| Some(if name == "PGSSLMODE" { "verify-ca" } else { "r" }.to_owned());
        let (security, _) = Security::with("host=db", environment).unwrap();
        assert_eq!(security, Security { mode: Mode::VerifyCa, roots: Some("r".into()) });
    }
}
