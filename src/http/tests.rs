//! The server, over real sockets.

mod client;
mod descriptors;
mod listeners;
mod pages;
mod server;
mod world;
