//! The server, over real sockets.

mod client;
mod descriptors;
mod door;
mod entrance;
mod html;
mod listeners;
mod pages;
mod server;
mod tls;
mod world;
