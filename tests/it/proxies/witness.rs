//! A proxy that records who connects.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy that remembers who came. It goes with the test process.
pub struct Witness {
    port: u16,
    connections: Arc<Mutex<usize>>,
    asked_for: Arc<Mutex<Vec<String>>>,
}

impl Witness {
    /// One that hangs up on everybody.
    pub fn start() -> Self {
        Self::with(|_, _| Ok(()))
    }

    /// A SOCKS proxy (RFC 1928) that wants this user (RFC 1929) and leads to that port of this machine, whatever it is asked for.
    pub fn socks(user: &'static str, password: &'static str, to: u16) -> Self {
        Self::with(move |client, asked_for| socks(client, (user, password), to, asked_for))
    }

    fn with(
        serve: impl Fn(TcpStream, &Mutex<Vec<String>>) -> io::Result<()> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, asked_for) = (Arc::new(Mutex::new(0)), Arc::default());
        let (count, asked) = (Arc::clone(&connections), Arc::clone(&asked_for));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                *count.lock().unwrap() += 1;
                let (serve, asked) = (serve.clone(), Arc::clone(&asked));
                thread::spawn(move || drop(serve(client, &asked)));
            }
        });
        Self { port, connections, asked_for }
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many came.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    /// What they wanted to be connected to, each once.
    pub fn asked_for(&self) -> Vec<String> {
        let mut all = self.asked_for.lock().unwrap().clone();
        all.sort();
        all.dedup();
        all
    }
}

fn take<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A text with its length, one byte, before it.
fn text(client: &mut TcpStream) -> io::Result<String> {
    let [length] = take(client)?;
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn socks(
    mut client: TcpStream,
    wanted: (&str, &str),
    to: u16,
    asked_for: &Mutex<Vec<String>>,
) -> io::Result<()> {
    const USER_AND_PASSWORD: u8 = 2;
    let [5] = take(&mut client)? else { return Err(io::Error::other("not SOCKS 5")) };
    let methods = text(&mut client)?;
    assert!(methods.bytes().any(|method| method == USER_AND_PASSWORD));
    client.write_all(&[5, USER_AND_PASSWORD])?;
    let [1] = take(&mut client)? else { return Err(io::Error::other("no user")) };
    let (user, password) = (text(&mut client)?, text(&mut client)?);
    let right = (user.as_str(), password.as_str()) == wanted;
    client.write_all(&[1, u8::from(!right)])?;
    if !right {
        return Ok(());
    }
    let [5, 1, 0, 3] = take(&mut client)? else { return Err(io::Error::other("no CONNECT to a name")) };
    let name = text(&mut client)?;
    let port = u16::from_be_bytes(take(&mut client)?);
    asked_for.lock().unwrap().push(format!("{name}:{port}"));
    let server = TcpStream::connect(("127.0.0.1", to))?;
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])?;
    let (mut from, mut back) = (server.try_clone()?, client.try_clone()?);
    let answers = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut back);
        back.shutdown(Shutdown::Both)
    });
    let _ = io::copy(&mut client, &mut &server);
    let _ = server.shutdown(Shutdown::Both);
    answers.join().map(drop).map_err(|_| io::Error::other("the way back"))
}
