//! Knows where the servers are: surveys them at the start, by the clock and whenever something went wrong, and publishes a new chart
//! where they are no longer where they were. How that is found out differs: one server stays where it is, Sentinels are asked
//! ([`super::sentinel`]), a cluster says it itself ([`super::cluster`]).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::chart::{Chart, Survey};
use super::cluster::Members;
use super::dial::Dial;
use super::place::Mode;
use super::sentinel::Sentinels;
use super::tag::PARTITIONS;

/// Between two surveys where nothing is wrong.
const SURVEY_EVERY: Duration = Duration::from_secs(30);
/// Between two surveys at least.
const SURVEY_PAUSE: Duration = Duration::from_millis(100);

/// Asks for a survey.
#[derive(Clone, Default)]
pub(super) struct Nudge(Arc<Notify>);

impl Nudge {
    /// As soon as may be.
    pub(super) fn now(&self) {
        self.0.notify_one();
    }
}

/// Whoever knows the way.
pub(super) struct Pilot {
    chart: watch::Sender<Arc<Chart>>,
    surveys: watch::Sender<u64>,
    nudge: Nudge,
    dial: Dial,
    task: JoinHandle<()>,
}

/// Whom to ask.
enum Knower {
    Nobody,
    Sentinels(Sentinels),
    Members(Members),
}

impl Knower {
    async fn survey(&mut self, dial: &Dial) -> Result<Survey, String> {
        match self {
            Knower::Nobody => Ok(dial.place().hosts.iter().map(|host| (host.clone(), (0..PARTITIONS).collect())).collect()),
            Knower::Sentinels(sentinels) => sentinels.survey().await,
            Knower::Members(members) => members.survey(dial).await,
        }
    }
}

impl Pilot {
    /// Finds the servers.
    pub(super) async fn start(dial: Dial) -> Result<Pilot, String> {
        let nudge = Nudge::default();
        let mut knower = match &dial.place().mode {
            Mode::Alone => Knower::Nobody,
            Mode::Sentinel(name) => Knower::Sentinels(Sentinels::start(&dial, name, &nudge)),
            Mode::Cluster => Knower::Members(Members::new(&dial.place().hosts)),
        };
        let survey = knower.survey(&dial).await?;
        let chart = watch::Sender::new(Arc::new(Chart::of(survey, &Chart::default(), &dial, &nudge)));
        let surveys = watch::Sender::new(0);
        let task = tokio::spawn(keep(knower, dial.clone(), nudge.clone(), chart.clone(), surveys.clone()));
        Ok(Pilot { chart, surveys, nudge, dial, task })
    }

    pub(super) fn chart(&self) -> Arc<Chart> {
        self.chart.borrow().clone()
    }

    /// The chart, and every later one.
    pub(super) fn charts(&self) -> watch::Receiver<Arc<Chart>> {
        self.chart.subscribe()
    }

    pub(super) fn dial(&self) -> &Dial {
        &self.dial
    }

    pub(super) fn nudge(&self) -> &Nudge {
        &self.nudge
    }

    /// The chart did not hold: returns after another survey, or when it is too late.
    pub(super) async fn look_again(&self, until: Instant) {
        let mut surveys = self.surveys.subscribe();
        self.nudge.now();
        // Whoever asks looks at the chart afterwards, whatever came of it.
        let _ = timeout_at(until, surveys.changed()).await;
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(mut knower: Knower, dial: Dial, nudge: Nudge, chart: watch::Sender<Arc<Chart>>, surveys: watch::Sender<u64>) {
    loop {
        sleep(SURVEY_PAUSE).await;
        let _ = timeout(SURVEY_EVERY, nudge.0.notified()).await;
        match knower.survey(&dial).await {
            Ok(survey) => {
                let before = chart.borrow().clone();
                if !before.is(&survey) {
                    let servers: Vec<String> = survey.keys().map(ToString::to_string).collect();
                    tracing::info!("Redis is written at {}", servers.join(", "));
                    chart.send_replace(Arc::new(Chart::of(survey, &before, &dial, &nudge)));
                }
            }
            Err(why) => tracing::warn!(%why, "where Redis is written cannot be found out"),
        }
        surveys.send_modify(|surveys| *surveys += 1);
    }
}
