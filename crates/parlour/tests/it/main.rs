//! The one integration binary: a module per boundary. A real server on port 0 or a real store in a temporary directory,
//! clients that are not ours, and no sleeping.

mod backend;
mod browser;
mod browser_signin;
mod centrifugo;
mod crowd;
mod deflate;
mod first;
mod hooks;
mod http;
mod jwt;
mod leaks;
mod leaving;
mod limits;
mod model;
mod moderation;
mod nodes;
mod npm;
mod pages;
mod paper;
mod people;
mod raw;
mod redis;
mod refusals;
mod relay;
mod rights;
mod script;
mod server;
mod signin;
mod socket;
mod socketio;
mod socketio_clients;
mod storm;
mod threads;
mod tidy;
mod tokens;
