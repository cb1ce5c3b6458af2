//! A keep-alive HTTP client that costs as little as a client can.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A connection that is kept open, with a buffer that is kept as well: it costs as little as a client can.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    request: String,
}

/// Where an answer's body lies.
pub struct Answer<'a> {
    /// The status line and the headers.
    pub head: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Client {
    /// Will GET `path` with `headers`, each with its line end.
    pub fn new(address: SocketAddr, path: &str, headers: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n");
        Self { stream, buffer: vec![0; 64 * 1024], request }
    }

    /// One request and its whole answer.
    pub fn get(&mut self) -> Answer<'_> {
        self.stream.write_all(self.request.as_bytes()).unwrap();
        let mut filled = 0;
        let head = loop {
            filled += self.read(filled);
            if let Some(end) = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head]).unwrap();
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        let whole = head + length.expect("a body of known length");
        if self.buffer.len() < whole {
            self.buffer.resize(whole, 0);
        }
        while filled < whole {
            filled += self.read(filled);
        }
        Answer { head: std::str::from_utf8(&self.buffer[..head]).unwrap(), body: &self.buffer[head..whole] }
    }

    fn read(&mut self, filled: usize) -> usize {
        let read = self.stream.read(&mut self.buffer[filled..]).unwrap();
        assert!(read > 0, "the server hung up");
        read
    }
}

/// One GET on a connection of its own; the body as text.
pub fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut client = Client::new(address, path, "");
    let answer = client.get();
    let status = answer.head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, String::from_utf8_lossy(answer.body).into_owned())
}
