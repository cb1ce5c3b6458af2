//! Real chains of `tests/tls`, made by openssl, and what Go says to them.

mod server;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{NamedGroup, SignatureScheme as Scheme};
use sha2::{Digest as _, Sha256};

use super::system::{Places, System};
use super::{Authorities, Basis, LeafOnly, TlsCache, Untrusted};
use crate::config::Verification;
use server::{Hands, PKCS1, shake};

const NAME: &str = "server.example";

/// One of the chains.
struct Chain {
    name: String,
    pem: Vec<u8>,
    certificates: Vec<CertificateDer<'static>>,
    roots: Vec<CertificateDer<'static>>,
}

impl Chain {
    fn named(name: &str) -> Self {
        let pem = std::fs::read(folder().join(format!("chains/{name}.pem"))).unwrap();
        let roots = std::fs::read(folder().join(format!("chains/{name}.roots.pem"))).unwrap();
        let read = |pem| CertificateDer::pem_slice_iter(pem).map(Result::unwrap).collect();
        Self { name: name.to_owned(), certificates: read(&pem), roots: read(&roots), pem }
    }

    fn by_roots(&self) -> Verification {
        Verification::Roots(self.roots.iter().map(|root| root.to_vec()).collect())
    }

    fn pinned(&self) -> Verification {
        Verification::Pinned(Sha256::digest(&self.certificates[0]).into())
    }

    fn authorities(&self, basis: Basis) -> Authorities {
        Authorities::new(self.roots.iter().cloned(), basis).0.unwrap()
    }

    fn judged_by(&self, judge: &dyn ServerCertVerifier) -> Result<(), rustls::Error> {
        let host = ServerName::try_from(NAME).unwrap();
        let (leaf, intermediates) = self.certificates.split_first().unwrap();
        judge.verify_server_cert(leaf, intermediates, &host, &[], UnixTime::now()).map(drop)
    }

    /// What is wrong with it, and the cure.
    fn refusal(&self, judge: &dyn ServerCertVerifier) -> Option<(String, String)> {
        let error = self.judged_by(judge).err()?;
        let untrusted = Untrusted::of(&error).unwrap_or_else(|| panic!("{}: {error}", self.name));
        Some((untrusted.to_string(), untrusted.cure()))
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls")
}

/// The rows of Go's table: the chain, then what TLS 1.2 and 1.3 say with the roots, then both without verification.
fn verdicts() -> Vec<(String, [bool; 4])> {
    let text = std::fs::read_to_string(folder().join("verdicts.tsv")).unwrap();
    let rows: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut cells = line.split('\t');
            let name = cells.next().unwrap().to_owned();
            let taken: Vec<bool> = cells.map(|cell| cell == "taken").collect();
            (name, taken.try_into().unwrap())
        })
        .collect();
    assert!(rows.len() > 100, "{}", rows.len());
    rows
}

/// Go's own P-224 is in no crate that we link.
fn has_p224(name: &str) -> bool {
    name.contains("p224")
}

/// webpki does not look at the dates and the key usage of who signs.
const TAKEN_BY_WEBPKI: [&str; 3] = ["by-expired-root", "by-no-sign", "middle-no-sign-leaf"];

#[test]
fn with_ca_file_exactly_the_chains_that_go_accepts_are_accepted() {
    let mut differences = Vec::new();
    for (name, [tls12, tls13, ..]) in verdicts() {
        let is_taken = tls12 || tls13;
        let expected = (is_taken && !has_p224(&name)) || TAKEN_BY_WEBPKI.contains(&&*name);
        // A key of 768 bits is in a good certificate; it is the handshake that fails.
        let expected = expected || name == "key-rsa768" || name == "key-p224";
        let chain = Chain::named(&name);
        let outcome = chain.judged_by(&chain.authorities(Basis::CaFile));
        if outcome.is_ok() != expected {
            differences.push(format!("{name}: Go {is_taken}, ours {outcome:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn insecure_skip_verify_and_a_pin_take_any_certificate() {
    for (name, _) in verdicts() {
        let chain = Chain::named(&name);
        chain.judged_by(&LeafOnly { digest: None }).unwrap();
        let digest = Sha256::digest(&chain.certificates[0]).into();
        chain.judged_by(&LeafOnly { digest: Some(digest) }).unwrap();
        let (why, cure) = chain.refusal(&LeafOnly { digest: Some([7; 32]) }).unwrap();
        assert!(
            why.contains("not the one of certificateSha256") && cure.contains("if the server's"),
            "{why}"
        );
    }
}

/// Which versions of TLS come about with a chain, under each verification: the roots, a pin, none.
fn check(name: &str, scheme: Scheme, expected: [bool; 3]) {
    let chain = Chain::named(name);
    for tls13 in [false, true] {
        if tls13 && PKCS1.contains(&scheme) {
            continue;
        }
        let ways = [chain.by_roots(), chain.pinned(), Verification::Off];
        for (verification, expected) in ways.into_iter().zip(expected) {
            let config = TlsCache::default().config(&verification, None).unwrap();
            let hands = Hands { tls13, scheme, groups: None, key_of: None };
            let outcome = shake(&chain, config, &hands);
            assert_eq!(outcome.is_ok(), expected, "{name} {scheme:?} {tls13} {verification:?}: {outcome:?}");
        }
    }
}

const TAKEN: [bool; 3] = [true; 3];
const ONLY_WITHOUT_AUTHORITY: [bool; 3] = [false, true, true];

#[test]
fn insecure_skip_verify_takes_any_certificate_whose_key_makes_the_signature() {
    check("v1", Scheme::RSA_PSS_SHA256, ONLY_WITHOUT_AUTHORITY);
    check("v1", Scheme::RSA_PKCS1_SHA512, ONLY_WITHOUT_AUTHORITY);
    check("v1-self-signed", Scheme::RSA_PSS_SHA512, ONLY_WITHOUT_AUTHORITY);
    check("v1-p521", Scheme::ECDSA_NISTP521_SHA512, ONLY_WITHOUT_AUTHORITY);
    check("key-rsa768", Scheme::RSA_PSS_SHA256, ONLY_WITHOUT_AUTHORITY);
    check("key-rsa768", Scheme::RSA_PKCS1_SHA256, ONLY_WITHOUT_AUTHORITY);
    check("cn-only", Scheme::ECDSA_NISTP256_SHA256, ONLY_WITHOUT_AUTHORITY);
    check("expired", Scheme::ECDSA_NISTP256_SHA256, ONLY_WITHOUT_AUTHORITY);
    check("wrong-name", Scheme::ECDSA_NISTP256_SHA256, ONLY_WITHOUT_AUTHORITY);
    check("by-rsa2048-sha1", Scheme::ECDSA_NISTP256_SHA256, ONLY_WITHOUT_AUTHORITY);
    check("self-signed-ca-unknown", Scheme::RSA_PSS_SHA384, ONLY_WITHOUT_AUTHORITY);
}

#[test]
fn with_ca_file_keys_of_all_kinds_that_go_accepts_work() {
    for scheme in
        [Scheme::RSA_PSS_SHA256, Scheme::RSA_PSS_SHA384, Scheme::RSA_PKCS1_SHA256, Scheme::RSA_PKCS1_SHA384]
    {
        check("key-rsa1024", scheme, TAKEN);
    }
    check("key-rsa1024", Scheme::RSA_PKCS1_SHA512, TAKEN);
    check("key-rsa2048", Scheme::RSA_PSS_SHA256, TAKEN);
    check("key-rsa3072", Scheme::RSA_PSS_SHA512, TAKEN);
    check("key-p256", Scheme::ECDSA_NISTP256_SHA256, TAKEN);
    check("key-p384", Scheme::ECDSA_NISTP384_SHA384, TAKEN);
    check("key-p521", Scheme::ECDSA_NISTP521_SHA512, TAKEN);
    check("key-ed25519", Scheme::ED25519, TAKEN);
    check("self-signed-ca", Scheme::RSA_PSS_SHA256, TAKEN);
    check("itself-given", Scheme::ECDSA_NISTP256_SHA256, TAKEN);
}

#[test]
fn a_server_without_the_key_is_refused_whatever_the_settings_verify() {
    for (name, thief, scheme) in [
        ("key-rsa1024", "by-rsa1024-sha256", Scheme::RSA_PSS_SHA256),
        ("key-rsa1024", "by-rsa1024-sha256", Scheme::RSA_PKCS1_SHA256),
        ("v1", "self-signed-ca", Scheme::RSA_PSS_SHA256),
        ("key-p521", "v1-p521", Scheme::ECDSA_NISTP521_SHA512),
        ("key-p256", "cn-only", Scheme::ECDSA_NISTP256_SHA256),
    ] {
        let chain = Chain::named(name);
        // An RSA key of another size makes no signature of the right length, so the thief's has the same.
        let thief = if name == "key-rsa1024" { server::another_rsa() } else { Chain::named(thief).pem };
        for verification in [chain.pinned(), Verification::Off] {
            let config = TlsCache::default().config(&verification, None).unwrap();
            for tls13 in [false, true].into_iter().filter(|tls13| !tls13 || !PKCS1.contains(&scheme)) {
                let hands = Hands { tls13, scheme, groups: None, key_of: Some(thief.clone()) };
                let error = shake(&chain, config.clone(), &hands).unwrap_err();
                let untrusted = Untrusted::of(&error).unwrap_or_else(|| panic!("{name}: {error}"));
                assert!(untrusted.to_string().contains("does not hold the key"), "{name}: {untrusted}");
            }
        }
    }
}

#[test]
fn a_server_that_exchanges_keys_only_on_p521_works() {
    let chain = Chain::named("key-p521");
    let config = TlsCache::default().config(&chain.by_roots(), None).unwrap();
    for tls13 in [false, true] {
        let scheme = Scheme::ECDSA_NISTP521_SHA512;
        let hands = Hands { tls13, scheme, groups: Some(NamedGroup::secp521r1), key_of: None };
        shake(&chain, config.clone(), &hands).unwrap();
    }
}

#[test]
fn a_star_stands_for_one_label_and_an_address_is_no_name() {
    let check = |chain: &str, host: &str, expected| {
        let (leaf, host) = (&Chain::named(chain).certificates[0], ServerName::try_from(host).unwrap());
        assert_eq!(super::chain::has_name(leaf, &host), expected, "{chain} {host:?}");
    };
    check("wildcard", "Server.EXAMPLE.", true);
    check("wildcard", "a.server.example", false);
    check("wildcard", "example", false);
    check("key-p256", "server.example", true);
    check("key-p256", "erver.example", false);
    check("address-only", "192.0.2.1", true);
    check("address-only", "192.0.2.2", false);
    check("cn-only", "server.example", false);
    check("v1", "server.example", false);
}

#[test]
fn each_refusal_names_its_kind_and_a_cure_that_applies() {
    let check = |name: &str, why: &str, cure: &str| {
        let chain = Chain::named(name);
        for (basis, in_use) in [(Basis::CaFile, "as caFile"), (Basis::System, "add")] {
            let (said, told) = chain.refusal(&chain.authorities(basis)).unwrap();
            assert!(said.contains(why) && told.contains(cure), "{name}: {said}; {told}");
            assert!(!told.contains(in_use), "{name}: {said}; {told}");
            assert!(!said.contains('[') && !said.contains('{') && !said.contains("::"), "{name}: {said}");
        }
    };
    check("v1", "is X.509 version 1", "or pin this one: certificateSha256: ");
    check("v1-self-signed", "is X.509 version 1", "have one of version 3 issued");
    check("cn-only", "has no subjectAltName", "with the host's name as subjectAltName");
    check(
        "wrong-name",
        "not for server.example: it has the name elsewhere.example",
        "tlsServerName: elsewhere.example",
    );
    check("address-only", "it has the name 192.0.2.1", "tlsServerName: 192.0.2.1");
    check("expired", "is not valid any more: it ended on 2026-11-28", "renew");
    check("self-signed-ca-expired", "is not valid any more", "renew");
    check("self-signed-ca-wrong-name", "is not for server.example", "tlsServerName: elsewhere.example");
    check("self-signed-ca-unknown", "is self-signed, and the", "caFile, or pin it");
    check("by-rsa2048-sha1", "is signed with SHA-1", "issued anew, signed with SHA-256, or pin it");
    check("by-p521-sha1", "is signed with SHA-1", "certificateSha256");
    check("by-rsa2048-md5", "is signed with MD5", "certificateSha256");
    check("by-p256-sha224", "is signed with SHA-224", "certificateSha256");
    check(
        "middle-sha1-leaf",
        "(CN=middle sha1) has a certificate that is signed with SHA-1",
        "pin the server's",
    );
    check("middle-v1-leaf", "(CN=middle v1) has a certificate that is X.509 version 1", "pin the server's");
    check("middle-expired-leaf", "(CN=middle expired) has a certificate that ended on", "pin the server's");
    check("middle-client-usage-leaf", "(CN=middle client-usage) has a certificate that may not vouch", "pin");
    check("client-usage", "is not made for servers", "have one issued for servers");
    check("critical-unknown", "critical extension", "or pin the certificate");
    check("too-long", "more authorities in between", "or pin the certificate");
    check("against-constraint", "may not vouch for this name", "or pin the certificate");
    check("intermediate-missing", "issuer (CN=intermediate) is unknown", "webRootCert of /security/cacert");
    check(
        "by-other-root",
        "not signed by the CN=root rsa2048 that is among the",
        "this one: certificateSha256",
    );
    check("ca-leaf-other-root", "issuer (CN=root rsa2048)", "certificateSha256");
}

#[test]
fn a_key_that_is_too_small_for_authorities_is_told_in_words() {
    let chain = Chain::named("key-rsa768");
    let config = TlsCache::default().config(&chain.by_roots(), None).unwrap();
    let hands = Hands { tls13: true, scheme: Scheme::RSA_PSS_SHA256, groups: None, key_of: None };
    let error = shake(&chain, config, &hands).unwrap_err();
    let untrusted = Untrusted::of(&error).unwrap();
    assert_eq!(untrusted.to_string(), "the certificate has an RSA key of 768 bits, which is not taken");
    assert!(untrusted.cure().contains("RSA with 2048 bits or more"), "{}", untrusted.cure());
}

#[test]
fn a_changed_system_ca_bundle_is_used_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("bundle.pem");
    let hashed = directory.path().join("certs");
    std::fs::create_dir(&hashed).unwrap();
    let places = Places { file: Some(bundle.clone()), directories: vec![hashed.clone()] };
    let system = System::at(places);
    let put = |path: PathBuf, chain: &str| {
        // As every program that minds its readers: beside it, and then in its place.
        let written = directory.path().join("written");
        std::fs::copy(folder().join(format!("chains/{chain}.roots.pem")), &written).unwrap();
        std::fs::rename(written, path).unwrap();
    };
    let (one, other) = (Chain::named("by-p256-sha256"), Chain::named("by-p384-sha384"));

    let (why, cure) = one.refusal(&system).unwrap();
    assert!(why.contains("no certificate authorities") && cure.contains("SSL_CERT_FILE"), "{why}; {cure}");
    put(bundle.clone(), "by-p256-sha256");
    one.judged_by(&system).unwrap();
    assert!(other.refusal(&system).unwrap().0.contains("is unknown to the system's authorities"));
    // Beside the bundle, in a directory of single ones.
    put(hashed.join("other.pem"), "by-p384-sha384");
    one.judged_by(&system).unwrap();
    other.judged_by(&system).unwrap();
    std::fs::remove_file(hashed.join("other.pem")).unwrap();
    put(bundle.clone(), "by-p384-sha384");
    other.judged_by(&system).unwrap();
    one.refusal(&system).unwrap();
    // Half of a bundle is none: the last good one counts.
    std::fs::write(&bundle, "-----BEGIN CERTIFICATE-----\n").unwrap();
    other.judged_by(&system).unwrap();
}

#[test]
fn every_connection_verifies_the_certificate_anew() {
    let chain = Chain::named("key-p256");
    let config: Arc<_> = TlsCache::default().config(&chain.by_roots(), None).unwrap();
    let hands = Hands { tls13: true, scheme: Scheme::ECDSA_NISTP256_SHA256, groups: None, key_of: None };
    for _ in 0..2 {
        assert_eq!(shake(&chain, config.clone(), &hands).unwrap(), rustls::HandshakeKind::Full);
    }
}
