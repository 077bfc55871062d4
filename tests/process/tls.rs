//! A proxy with TLS in front of a server, as it stands between a server and the world, with a certificate made on the spot.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub struct Proxy {
    pub address: SocketAddr,
    certificate: Vec<u8>,
}

impl Proxy {
    /// Hands whatever it is sent to the server at `behind`.
    pub fn before(behind: SocketAddr) -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).expect("a key");
        let certificate = certificate(&pair, &random);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let chain = vec![CertificateDer::from(certificate.clone())];
        let key = PrivatePkcs8KeyDer::from(key.as_ref().to_vec()).into();
        let config =
            config.expect("versions").with_no_client_auth().with_single_cert(chain, key).expect("a certificate");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that does not trust the certificate breaks off.
                let _ = serve(Arc::clone(&config), stream, behind);
            }
        });
        Self { address, certificate }
    }

    /// Writes the certificate to a file, as whoever runs such a proxy hands it out.
    pub fn hand_out(&self, file: &Path) {
        let text = STANDARD.encode(&self.certificate);
        std::fs::write(file, format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"))
            .expect("written");
    }
}

/// One request, one answer.
fn serve(config: Arc<ServerConfig>, stream: TcpStream, behind: SocketAddr) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, stream));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        client.read_line(&mut line)?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    let mut server = TcpStream::connect(behind)?;
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let stream = client.get_mut();
    stream.write_all(&answer)?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// A certificate for 127.0.0.1, signed by itself (RFC 5280, section 4.1).
fn certificate(pair: &EcdsaKeyPair, random: &SystemRandom) -> Vec<u8> {
    const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
    let (sequence, identifier) = (|parts: &[Vec<u8>]| der(0x30, &parts.concat()), |bytes| der(6, bytes));
    let bits = |bytes: &[u8]| der(3, &[&[0], bytes].concat());

    let algorithm = sequence(&[identifier(ECDSA_WITH_SHA256)]);
    let name = sequence(&[der(0x31, &sequence(&[identifier(COMMON_NAME), der(0x0c, b"a proxy")]))]);
    let validity = sequence(&[der(0x17, b"200101000000Z"), der(0x18, b"20991231235959Z")]);
    let key = sequence(&[sequence(&[identifier(EC_PUBLIC_KEY), identifier(P256)]), bits(pair.public_key().as_ref())]);
    let address = der(4, &sequence(&[der(0x87, &[127, 0, 0, 1])]));
    let extensions = der(0xa3, &sequence(&[sequence(&[identifier(SUBJECT_ALT_NAME), address])]));
    let version = der(0xa0, &der(2, &[2]));
    let told = sequence(&[version, der(2, &[1]), algorithm.clone(), name.clone(), validity, name, key, extensions]);
    let signature = pair.sign(random, &told).expect("a signature");
    sequence(&[told, algorithm, bits(signature.as_ref())])
}

/// Tag, length and content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("short").to_be_bytes();
    let length = match content.len() {
        0..128 => vec![length[1]],
        128..256 => vec![0x81, length[1]],
        _ => vec![0x82, length[0], length[1]],
    };
    [&[tag], &length[..], content].concat()
}
