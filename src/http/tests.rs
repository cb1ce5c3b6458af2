mod client;
mod listeners;
mod pages;
mod server;
mod world;
