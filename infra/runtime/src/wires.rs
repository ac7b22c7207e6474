//! What stands between a process and the services that it calls: a forwarder before each, which counts the connections, and
//! which speaks TLS to the process where the way to AWS is to be as it is.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What the variables of the AWS SDK begin with that say where a service is.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_";

/// A certificate for `localhost`, signed by itself: a client that trusts it trusts nothing else by it.
pub struct Certificate {
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Certificate {
    /// A new one.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new() -> io::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .map_err(io::Error::other)?;
        let key =
            PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(io::Error::other)?;
        Ok(Self {
            der: made.cert.der().clone(),
            key,
        })
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], self.key.clone_key())
            .map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// A forwarder before each service. They end with this value.
pub struct Wires {
    variables: Vec<(String, String)>,
    opened: BTreeMap<String, Arc<AtomicUsize>>,
    _forwarders: JoinSet<()>,
}

impl Wires {
    /// Before each service that `variables` name, as they stand in an environment: `AWS_ENDPOINT_URL_…=http://address`.
    ///
    /// # Errors
    /// There is no port, or an address is none.
    pub async fn before(
        variables: Vec<(String, String)>,
        certificate: Option<&Certificate>,
    ) -> io::Result<Self> {
        let (mut wired, mut opened, mut forwarders) = (Vec::new(), BTreeMap::new(), JoinSet::new());
        for (name, value) in variables {
            let Some(service) = name.strip_prefix(ENDPOINT) else {
                wired.push((name, value));
                continue;
            };
            let target = value
                .trim_start_matches("http://")
                .parse()
                .map_err(io::Error::other)?;
            let acceptor = certificate.map(Certificate::acceptor).transpose()?;
            let scheme = if acceptor.is_some() { "https" } else { "http" };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let url = format!("{scheme}://localhost:{}", listener.local_addr()?.port());
            let count = Arc::new(AtomicUsize::new(0));
            opened.insert(service.to_owned(), Arc::clone(&count));
            wired.push((name, url));
            forwarders.spawn(forward(listener, target, acceptor, count));
        }
        Ok(Self {
            variables: wired,
            opened,
            _forwarders: forwarders,
        })
    }

    /// The variables, with the forwarders in the place of the services.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many connections have been opened so far, by service.
    #[must_use]
    pub fn opened(&self) -> BTreeMap<&str, usize> {
        self.opened
            .iter()
            .map(|(service, count)| (service.as_str(), count.load(Ordering::Relaxed)))
            .collect()
    }
}

async fn forward(
    listener: TcpListener,
    target: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    count: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        count.fetch_add(1, Ordering::Relaxed);
        let _only_slower = stream.set_nodelay(true);
        connections.spawn(carry(stream, target, acceptor.clone()));
        // Those that have ended are not kept.
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection to its end, which is however either side ends it.
async fn carry(mut stream: TcpStream, target: SocketAddr, acceptor: Option<TlsAcceptor>) {
    let Ok(mut service) = TcpStream::connect(target).await else {
        return;
    };
    let _only_slower = service.set_nodelay(true);
    let _ended = match acceptor {
        None => copy_bidirectional(&mut stream, &mut service)
            .await
            .map(drop),
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(mut stream) => copy_bidirectional(&mut stream, &mut service)
                .await
                .map(drop),
            Err(refused) => Err(refused),
        },
    };
}
