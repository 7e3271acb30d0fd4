//! The one thread that writes: it takes all that waits, does it in one transaction, and answers when the commit held.
//!
//! A transaction with anything but publications is synced before the answers; publications alone are answered at once, and
//! after [`Timing::sync_ms`] [`Syncer`] carries them to the disk. While one commit is being synced the next group gathers, so
//! many writers share a sync.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, atomic::Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::ErrorCode;
use tokio::sync::{Semaphore, oneshot};

use super::announce::Announcer;
use super::ledger::{Halt, Ledger, News};
use super::purge::Renewal;
use super::readers::closed;
use super::schema::unavailable;
use super::sweep::Sweep;
use super::syncer::Syncer;
use super::vouch::{self, Lock};
use super::{Answer, Counters, Task, forget, shelf};
use crate::backend::{Append, Fault};

/// Tasks waiting at most; who comes then waits before asking.
pub(super) const TASKS_MAX: usize = 1_024;
/// A sync or sweep that failed is tried again after this long.
const RETRY_MS: u64 = 1_000;
/// Between two passes of a sweep that is under way.
const PASS_MS: u64 = 100;
/// Between two purges at most.
const PURGE_MS: u64 = 3_600_000;

/// A task and who waits for it.
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) answer: oneshot::Sender<Result<Answer, Fault>>,
}

/// The writer's side that asks.
pub(super) struct Writer {
    room: Arc<Semaphore>,
    jobs: Sender<Job>,
}

/// When the thread does what nobody asked for.
pub(super) struct Timing {
    /// Publications are synced after at most so long.
    pub(super) sync_ms: u64,
    /// Between two sweeps.
    pub(super) sweep_ms: u64,
    /// After so long nothing that was withdrawn lies in the files.
    pub(super) purge_ms: i64,
    /// Whether anything is synced at all.
    pub(super) sync: bool,
}

impl Writer {
    /// The side that asks, the queue, and the room in it.
    pub(super) fn new(jobs: Sender<Job>) -> (Writer, Arc<Semaphore>) {
        let room = Arc::new(Semaphore::new(TASKS_MAX));
        (Writer { room: room.clone(), jobs }, room)
    }

    /// Has a task done. If the caller goes away it is done all the same.
    pub(super) async fn ask(&self, task: Task) -> Result<Answer, Fault> {
        let permit = self.room.acquire().await.map_err(|_| closed())?;
        permit.forget();
        self.send(task)?.await.map_err(|_| Fault::OutcomeUnknown)?
    }

    /// Whether nothing is accepted any more.
    pub(super) fn is_closed(&self) -> bool {
        self.room.is_closed()
    }

    fn send(&self, task: Task) -> Result<oneshot::Receiver<Result<Answer, Fault>>, Fault> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job { task, answer }).map_err(|_| closed())?;
        Ok(answered)
    }

    /// Has everything accepted stored and synced, and ends the thread.
    pub(super) async fn close(&self) {
        self.room.close();
        if let Ok(answered) = self.send(Task::Close) {
            // The thread may have ended before; then there is nothing to wait for.
            let _ = answered.await;
        }
    }
}

/// How far a failed transaction got.
enum Broken {
    /// A statement failed; nothing of the transaction was stored.
    Statement(rusqlite::Error),
    /// The commit failed.
    Commit(rusqlite::Error),
}

impl Broken {
    /// A full disk is found before the last byte of a commit is written; any other failure there may have come after it.
    fn fault(self) -> Fault {
        match self {
            Broken::Commit(error) if error.sqlite_error_code() != Some(ErrorCode::DiskFull) => {
                tracing::error!(%error, "a commit failed");
                Fault::OutcomeUnknown
            }
            Broken::Commit(error) | Broken::Statement(error) => unavailable(error),
        }
    }
}

/// What a task of a transaction came to.
type Done = Result<(Answer, Option<News>), Fault>;

/// The thread's own side.
pub(super) struct Thread {
    pub(super) ledger: Ledger,
    pub(super) announcer: Announcer,
    pub(super) counters: Arc<Counters>,
    pub(super) timing: Timing,
    pub(super) lock: Lock,
    pub(super) clock: Clock,
    /// Syncs publications beside this thread; `None` where nothing is synced, or after it failed.
    pub(super) syncer: Option<Syncer>,
}

/// What is due when.
pub(super) struct Clock {
    sync_at: Option<Instant>,
    sweep_at: Instant,
    sweep: Sweep,
    purge_at: Instant,
    /// Rendering anew, until it is through.
    renewal: Option<Renewal>,
    synced_commits: bool,
}

impl Clock {
    pub(super) fn new() -> Clock {
        let now = Instant::now();
        Clock {
            sync_at: None,
            sweep_at: now,
            sweep: Sweep::default(),
            purge_at: now,
            renewal: Some(Renewal::default()),
            synced_commits: true,
        }
    }
}

impl Thread {
    /// Works until it is told to close, or until nobody can ask any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>, room: &Semaphore) {
        loop {
            let swept = self.clock.sweep_at.min(self.clock.purge_at);
            let due = self.clock.sync_at.map_or(swept, |sync_at| sync_at.min(swept));
            match jobs.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(first) => {
                    let mut batch = vec![first];
                    while batch.len() < TASKS_MAX
                        && !matches!(batch.last(), Some(Job { task: Task::Close, .. }))
                        && let Ok(job) = jobs.try_recv()
                    {
                        batch.push(job);
                    }
                    room.add_permits(batch.len());
                    let closing = batch.pop_if(|job| matches!(job.task, Task::Close));
                    self.work(batch);
                    if let Some(closing) = closing {
                        return self.close(closing, jobs);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tend();
        }
    }

    /// Does a group in one transaction. If the database refuses, each gets a transaction of its own, so that one that does not
    /// fit takes no other with it.
    fn work(&mut self, batch: Vec<Job>) {
        if batch.is_empty() {
            return;
        }
        let synced = batch.iter().any(|job| needs_sync(&job.task));
        match self.transact(&batch, synced) {
            Ok(results) => {
                self.note_commit(synced, batch.len());
                self.forget_for_good(&batch);
                for (job, result) in batch.into_iter().zip(results) {
                    self.finish(job, result);
                }
            }
            Err(Broken::Commit(error)) if error.sqlite_error_code() != Some(ErrorCode::DiskFull) => {
                let fault = Broken::Commit(error).fault();
                for job in batch {
                    self.finish(job, Err(fault.clone()));
                }
            }
            Err(_) if batch.len() > 1 => batch.into_iter().for_each(|job| self.work(vec![job])),
            Err(broken) => {
                let fault = broken.fault();
                tracing::warn!(%fault, "the store refused to write");
                batch.into_iter().for_each(|job| self.finish(job, Err(fault.clone())));
            }
        }
    }

    fn transact(&mut self, batch: &[Job], synced: bool) -> Result<Vec<Done>, Broken> {
        self.set_sync(synced).map_err(Broken::Statement)?;
        let result = self.try_transact(batch);
        if result.is_err() {
            self.roll_back();
        } else {
            self.ledger.channels.settle();
        }
        result
    }

    fn try_transact(&mut self, batch: &[Job]) -> Result<Vec<Done>, Broken> {
        self.execute("BEGIN IMMEDIATE").map_err(Broken::Statement)?;
        let mut results = Vec::with_capacity(batch.len());
        for job in batch {
            results.push(match self.ledger.perform(&job.task) {
                Ok(done) => Ok(done),
                Err(Halt::Refused(fault)) => Err(fault),
                Err(Halt::Broken(error)) => return Err(Broken::Statement(error)),
            });
        }
        self.ledger.channels.flush(&self.ledger.connection).map_err(Broken::Statement)?;
        self.execute("COMMIT").map_err(Broken::Commit)?;
        Ok(results)
    }

    fn execute(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.ledger.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn roll_back(&mut self) {
        self.ledger.channels.forget();
        // Some failures end the transaction by themselves.
        if !self.ledger.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    /// Whether the next commit is synced. SQLite takes this between transactions only.
    fn set_sync(&mut self, synced: bool) -> rusqlite::Result<()> {
        if self.timing.sync && self.clock.synced_commits != synced {
            let mode = if synced { "FULL" } else { "NORMAL" };
            self.ledger.connection.pragma_update(None, "synchronous", mode)?;
            self.clock.synced_commits = synced;
        }
        Ok(())
    }

    /// What a member wanted forgotten is not in the write-ahead log either, before they are told so.
    fn forget_for_good(&self, batch: &[Job]) {
        if !batch.iter().any(|job| matches!(job.task, Task::Forget { .. })) {
            return;
        }
        match forget::empty_log(&self.ledger.connection) {
            Ok(true) => {}
            Ok(false) => tracing::warn!("somebody reads; the write-ahead log is emptied later"),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be emptied"),
        }
    }

    fn note_commit(&mut self, synced: bool, jobs: usize) {
        self.counters.tasks.fetch_add(jobs as u64, Ordering::Relaxed);
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        if synced {
            self.counters.synced.fetch_add(1, Ordering::Relaxed);
            self.clock.sync_at = None;
        } else {
            let sync_ms = Duration::from_millis(self.timing.sync_ms);
            self.clock.sync_at.get_or_insert_with(|| Instant::now() + sync_ms);
        }
    }

    /// Answers first: who waits for it must not wait for a full lane.
    fn finish(&self, job: Job, result: Done) {
        match (job.task, result) {
            (Task::Append { key, append }, Ok((Answer::Appended(appended), news))) => {
                // Whoever asked may be gone; what was done stays done.
                let _ = job.answer.send(Ok(Answer::Appended(appended.clone())));
                if let Some(news) = news {
                    self.announcer.announce(&key, &append, &appended, news);
                }
            }
            (Task::Pages(change), Ok((answer, news))) => {
                let _ = job.answer.send(Ok(answer));
                if let Some(News::Pages(told)) = news {
                    self.announcer.announce_pages(&change, told);
                }
            }
            (_, result) => {
                let _ = job.answer.send(result.map(|(answer, _)| answer));
            }
        }
    }

    /// What is due: the sync that publications wait for, the next pass of the sweep.
    fn tend(&mut self) {
        let now = Instant::now();
        if self.clock.sync_at.is_some_and(|at| at <= now) {
            self.clock.sync_at = None;
            let asked = self.syncer.as_ref().is_some_and(|syncer| syncer.ask().is_ok());
            if asked {
                self.counters.synced.fetch_add(1, Ordering::Relaxed);
            } else if let Err(broken) = self.sync() {
                tracing::error!(fault = %broken.fault(), "publications could not be synced");
                self.clock.sync_at = Some(now + Duration::from_millis(RETRY_MS));
            }
        }
        if self.clock.sweep_at <= now {
            let next_ms = match self.sweep() {
                Ok(true) => self.timing.sweep_ms,
                Ok(false) => PASS_MS,
                Err(error) => {
                    tracing::warn!(%error, "old publications could not be trimmed");
                    self.roll_back();
                    RETRY_MS
                }
            };
            self.clock.sweep_at = now + Duration::from_millis(next_ms);
        }
        if self.clock.purge_at <= now {
            let next_ms = self.purge().unwrap_or_else(|error| {
                tracing::warn!(%error, "withdrawn text could not be overwritten");
                self.roll_back();
                RETRY_MS
            });
            self.clock.purge_at = now + Duration::from_millis(next_ms);
        }
    }

    fn sync(&mut self) -> Result<(), Broken> {
        let (answer, _) = oneshot::channel();
        self.transact(&[Job { task: Task::Check, answer }], true)?;
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.synced.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn sweep(&mut self) -> rusqlite::Result<bool> {
        self.set_sync(false)?;
        self.execute("BEGIN IMMEDIATE")?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let ended = self.ledger.sweep(&mut self.clock.sweep, now_ms)? & shelf::sweep(&self.ledger.connection, now_ms)?;
        self.ledger.channels.flush(&self.ledger.connection)?;
        self.execute("COMMIT")?;
        self.ledger.channels.settle();
        Ok(ended)
    }

    /// A pass over what was withdrawn, and one over what another renderer made; after the last the write-ahead log is cut, so that
    /// nothing withdrawn is left in it. How long to wait for the next.
    fn purge(&mut self) -> rusqlite::Result<u64> {
        self.set_sync(false)?;
        self.execute("BEGIN IMMEDIATE")?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let ended = self.ledger.purge(now_ms.saturating_sub(self.timing.purge_ms), now_ms)?;
        if self.clock.renewal.is_some_and(|renewal| renewal.is_fresh()) {
            self.clock.renewal = self.ledger.renewal()?;
        }
        if let Some(renewal) = self.clock.renewal {
            self.clock.renewal = self.ledger.renew(renewal)?;
        }
        self.execute("COMMIT")?;
        if !ended || self.clock.renewal.is_some() {
            return Ok(PASS_MS);
        }
        if self.ledger.has_withdrawn {
            let is_busy: bool = self.ledger.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            if is_busy {
                return Ok(RETRY_MS);
            }
            self.ledger.has_withdrawn = false;
        }
        let often_ms = u64::try_from(self.timing.purge_ms / 24).unwrap_or(0);
        Ok(often_ms.clamp(self.timing.sweep_ms.min(PURGE_MS), PURGE_MS))
    }

    /// Notes that nothing is missing, writes the log back into the file, and lets go of both before it answers.
    fn close(mut self, closing: Job, jobs: &Receiver<Job>) {
        self.syncer = None;
        let noted = self.set_sync(true).map_err(unavailable).and_then(|()| vouch::close(&self.ledger.connection, &mut self.lock));
        if let Err(fault) = noted {
            tracing::error!(%fault, "the store could not be closed properly");
        }
        let checkpoint = self.ledger.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = checkpoint {
            tracing::warn!(%error, "the write-ahead log was left for the next start");
        }
        while let Ok(job) = jobs.try_recv() {
            let _ = job.answer.send(Err(closed()));
        }
        drop(self);
        let _ = closing.answer.send(Ok(Answer::Done(true)));
    }
}

/// Publications and views may wait for their sync; everything else is on the disk before the answer.
fn needs_sync(task: &Task) -> bool {
    !matches!(task, Task::Check | Task::CountView { .. } | Task::Append { append: Append::Publication { .. }, .. })
}
