//! `--redis-wait N`: what stores goes to a server in groups, each followed by one `WAIT N` on the same connection, which counts only what
//! went over that connection. What waits while a group is under way is the next group. Where N replicas do not have it in time, it is
//! stored on the master, and whether it stays is not known: that is what is answered.

use std::time::Duration;

use redis::{Cmd, Pipeline, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::line::{Broken, Line};

/// Replicas have so long.
const WAIT_WITHIN: Duration = Duration::from_secs(1);
/// Commands of a group at most.
const GROUP_MAX: usize = 128;
/// Commands that wait for their group; more wait outside.
const WAITING_MAX: usize = 1_024;

/// What stores, grouped.
pub(super) struct Group {
    queue: mpsc::Sender<Task>,
    worker: JoinHandle<()>,
}

struct Task {
    command: Cmd,
    until: Instant,
    answer: oneshot::Sender<Result<Value, Broken>>,
}

impl Group {
    /// Groups what goes over this connection, each group until so many replicas have it.
    pub(super) fn start(line: std::sync::Arc<Line>, replicas: u32) -> Group {
        let (queue, tasks) = mpsc::channel(WAITING_MAX);
        Group { queue, worker: tokio::spawn(work(line, replicas, tasks)) }
    }

    /// Sends it with its group.
    pub(super) async fn ask(&self, command: Cmd, until: Instant) -> Result<Value, Broken> {
        let (answer, answered) = oneshot::channel();
        let task = Task { command, until, answer };
        match tokio::time::timeout_at(until, self.queue.send(task)).await {
            Ok(Ok(())) => answered.await.unwrap_or(Err(Broken::Sent)),
            _ => Err(Broken::NotSent("too much waits for Redis".into())),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

async fn work(line: std::sync::Arc<Line>, replicas: u32, mut queue: mpsc::Receiver<Task>) {
    let mut tasks = Vec::new();
    while queue.recv_many(&mut tasks, GROUP_MAX).await > 0 {
        let mut commands = Pipeline::with_capacity(tasks.len() + 1);
        tasks.iter().for_each(|task: &Task| {
            commands.add_command(task.command.clone());
        });
        commands.cmd("WAIT").arg(replicas).arg(WAIT_WITHIN.as_millis() as u64);
        // The oldest of them has the least time left, and it comes first.
        let until = tasks.first().map_or_else(Instant::now, |task| task.until);
        let answers = line.ask(&commands, until).await;
        for (answer, task) in each(answers, tasks.len(), replicas).into_iter().zip(tasks.drain(..)) {
            // Whoever waits no longer does not hear it.
            let _ = task.answer.send(answer);
        }
    }
}

/// What each of a group is answered: a refusal as it is, everything else only if the replicas have it.
fn each(answers: Result<Vec<Value>, Broken>, count: usize, replicas: u32) -> Vec<Result<Value, Broken>> {
    let mut answers = match answers {
        Ok(answers) => answers,
        Err(broken) => return vec![Err(broken); count],
    };
    let reached = matches!(answers.pop(), Some(Value::Int(reached)) if reached >= i64::from(replicas));
    let answer = |value: Value| match value {
        refused @ Value::ServerError(_) => Ok(refused),
        value if reached => Ok(value),
        _ => Err(Broken::Sent),
    };
    answers.into_iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_to_be_stored_that_too_few_replicas_have() {
        let answers = |reached| each(Ok(vec![Value::Int(7), Value::Okay, Value::Int(reached)]), 2, 1);
        assert!(matches!(answers(1).as_slice(), [Ok(Value::Int(7)), Ok(Value::Okay)]));
        assert!(matches!(answers(0).as_slice(), [Err(Broken::Sent), Err(Broken::Sent)]));
        assert!(matches!(each(Err(Broken::Sent), 2, 1).as_slice(), [Err(Broken::Sent), Err(Broken::Sent)]));
    }
}
