//! What the published documents of Engine.IO (versions 3 and 4) and Socket.IO (version 5) require, each requirement a test by
//! name, against the fixture server; the client libraries from npm, for bytes both ways; and Autobahn's fuzzing client.

mod autobahn;
mod clients;
mod engineio_3;
mod engineio_4;
mod fixture;
mod socketio_5;
