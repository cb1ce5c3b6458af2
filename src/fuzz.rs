//! What reads that which others wrote, each behind one function of bytes, for whoever makes up such bytes. A promise that is broken
//! panics, and says which.

mod configuration;
mod object;
mod pages;
#[cfg(test)]
mod tests;

use crate::collector::{COLLECTORS, CollectorSpec};

type Read = fn(&[u8]);

/// One reader of bytes that others wrote.
#[derive(Debug)]
pub struct FuzzTarget {
    name: String,
    reader: FuzzedReader,
}

#[derive(Debug)]
enum FuzzedReader {
    Bytes(Read),
    /// The answers to all that a collector asks.
    Answers(&'static CollectorSpec),
}

impl FuzzTarget {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let bytes: [(_, Read); 8] = [
            ("configuration", configuration::text),
            ("web-config", configuration::web),
            ("key-file", configuration::key_file),
            ("authority-file", configuration::authority_file),
            ("dotenv", configuration::dotenv),
            ("retry-after", pages::retry_after),
            ("object", object::configmap_and_secret),
            ("admission-review", object::review),
        ];
        let bytes =
            bytes.map(|(name, read)| Self { name: name.to_owned(), reader: FuzzedReader::Bytes(read) });
        let of_collectors = COLLECTORS.iter().map(|spec| Self {
            name: format!("answers-{}", spec.id.name()),
            reader: FuzzedReader::Answers(spec),
        });
        bytes.into_iter().chain(of_collectors).collect()
    }

    /// The name, which the folder of its corpus has too.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has these bytes read.
    pub fn run(&self, bytes: &[u8]) {
        match self.reader {
            FuzzedReader::Bytes(read) => read(bytes),
            FuzzedReader::Answers(spec) => pages::answers(spec, bytes),
        }
    }
}
