//! Redis keeps the contract, and what is true of it alone: restarts, failovers and the epochs that tell of them.

use std::time::Duration;

use parlour::backend::lanes;
use parlour::redis::{self, Keep, Options, Place};

use super::*;
use crate::redis::Redis;

super::contract!(crate::backend::redis::fresh, crate::redis::can_run);

async fn fresh(rules: Rules) -> Given {
    let server = Redis::start();
    let url = server.url();
    Given { _held: Box::new(server), ..open(&url, rules).await }
}

/// One more node on a server.
async fn open(url: &str, rules: Rules) -> Given {
    let keep =
        Keep { events: rules.keep_events, for_ms: rules.keep_for_ms, whole: rules.keep_whole, sweep: Duration::from_millis(10) };
    let (lanes, mut ends) = lanes(1);
    let options = Options { place: Place::parse(url).unwrap(), keep, replicas: 0 };
    let backend = redis::open(options, lanes).await.unwrap();
    Given { backend, deliveries: ends.remove(0), _held: Box::new(()) }
}
