//! An HTTP proxy for the tests of the doctor.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// A proxy that knows `CONNECT` and wants one user and password.
pub struct Proxy {
    port: u16,
}

impl Proxy {
    /// Starts it; it goes with the test process.
    pub fn start(credentials: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wanted = format!("Basic {}", base64(credentials.as_bytes()));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let wanted = wanted.clone();
                std::thread::spawn(move || drop(serve(client, &wanted)));
            }
        });
        Self { port }
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn serve(mut client: TcpStream, wanted: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut allowed = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let header = line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        allowed |= header == Some(("proxy-authorization".to_owned(), wanted.to_owned()));
    }
    if !allowed {
        return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    }
    let target = first.split(' ').nth(1).unwrap_or_default();
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(std::net::Shutdown::Both)
    });
    let _ = std::io::copy(&mut client, &mut &server);
    let _ = server.shutdown(std::net::Shutdown::Both);
    back.join().map(drop).map_err(|_| std::io::Error::other("the way back"))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let symbol = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at > chunk.len() { '=' } else { char::from(symbol) });
        }
    }
    text
}
