//! Comments over HTTP: posting from 1, 8 and 64 writers who each wait for their answer, and reading pages of 50 of a short and of a long thread,
//! no two pages alike as far as the thread is long enough.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::{Bench, Figure, percentile_ms};
use crate::fault::{Doing, Fault, Outcome};
use crate::load::http::{Answer, Asked, Askers};
use crate::peer::CommentRequest;
use crate::server::Cpu;

/// Numbers of writers, and what their figures are called.
const WRITERS: [(usize, [&str; 3]); 3] = [
    (64, ["posts_per_s_of_64", "cpu_us_per_post_of_64", "p99_ms_of_64"]),
    (8, ["posts_per_s_of_8", "cpu_us_per_post_of_8", "p99_ms_of_8"]),
    (1, ["posts_per_s_of_1", "cpu_us_per_post_of_1", "p99_ms_of_1"]),
];
/// Comments of the short thread.
const SHORT: usize = 100;
/// Comments of a page.
const PAGE: usize = 50;
/// Readers at once.
const READERS: usize = 16;
/// How long one step of finding pages may take; a slow server gets fewer different pages.
const WALK_MAX: Duration = Duration::from_secs(20);
/// Pages between two that the first walk finds.
const STEPS_BETWEEN: usize = 50;

/// Posts durable comments for the seconds of the options with each number of writers.
pub fn posting(bench: &mut Bench) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    for (writers, [rate, cost, slowest]) in WRITERS {
        let mut askers = Askers::new(bench.server.address, writers)?;
        let mut posts = Posts::new(bench, writers);
        posts.run(&mut askers, Duration::from_secs(1), usize::MAX)?;
        let (cpu, mut asked) = bench.costing(|| posts.run(&mut askers, bench.lasting(), usize::MAX))?;
        figures.extend([
            (rate, asked.answers as f64 / asked.elapsed.as_secs_f64()),
            (cost, each(cpu, asked.answers)),
            (slowest, percentile_ms(&mut asked.latencies_ns, 0.99)),
        ]);
    }
    Ok(figures)
}

/// Reads pages of a short thread, then of one of `comments`.
pub fn reading(bench: &mut Bench, comments: usize) -> Outcome<Vec<Figure>> {
    fill(bench, SHORT)?;
    let mut figures = read(bench, ["short_pages_per_s", "short_cpu_us_per_page", "short_p99_ms", "short_pages_known"])?;
    fill(bench, comments - SHORT)?;
    figures.extend(read(bench, ["long_pages_per_s", "long_cpu_us_per_page", "long_p99_ms", "long_pages_known"])?);
    // The long thread is what is asked for: its figures lead.
    figures.rotate_left(4);
    Ok(figures)
}

fn each(cpu: Cpu, answers: u64) -> f64 {
    cpu.total() * 1e6 / answers.max(1) as f64
}

/// Writers, each with the token that its first post gave it.
struct Posts<'a> {
    bench: &'a Bench<'a>,
    tokens: Vec<Option<String>>,
    sequence: usize,
}

impl<'a> Posts<'a> {
    fn new(bench: &'a Bench<'a>, writers: usize) -> Self {
        Self { bench, tokens: vec![None; writers], sequence: 0 }
    }

    /// Posts until the time or the number is reached; each answer must be one of success.
    fn run(&mut self, askers: &mut Askers, lasting: Duration, most: usize) -> Outcome<Asked> {
        let peer = self.bench.peer;
        let tokens = std::cell::RefCell::new(&mut self.tokens);
        let sequence = Cell::new(self.sequence);
        let end = self.sequence.saturating_add(most);
        let mut fault = None;
        let asked = askers.ask(
            lasting,
            |writer| {
                let number = sequence.get();
                sequence.set(number + 1);
                let text = format!("Comment {number} of the thread, {}", "word ".repeat(30));
                let nonce = format!("n-{}-{number}", crate::stamp::now_ns());
                let token = tokens.borrow()[writer].clone();
                let request = peer.comments(&CommentRequest::Post { text: &text, nonce: &nonce, token: token.as_deref() });
                (number < end).then(|| request.map_err(|error| fault = Some(error)).ok()).flatten()
            },
            |writer, answer| {
                succeeded(answer)?;
                let token = &mut tokens.borrow_mut()[writer];
                if token.is_none() {
                    *token = peer.token(answer.body);
                }
                Ok(())
            },
        );
        self.sequence = sequence.get();
        match fault {
            Some(fault) => Err(fault),
            None => asked,
        }
    }
}

fn succeeded(answer: &Answer) -> Outcome<()> {
    match answer.status {
        200..=299 => Ok(()),
        status => Err(Fault(format!("the server answered {status}: {}", String::from_utf8_lossy(answer.body)))),
    }
}

/// Adds comments to the thread: by the peer's own program where it has one, else by posting.
fn fill(bench: &Bench, comments: usize) -> Outcome<()> {
    if let Some(command) = bench.peer.fill(&bench.place(), comments) {
        let output = command?.output().doing("filling the thread")?;
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        return if output.status.success() { Ok(()) } else { Err(Fault(format!("filling the thread: {printed}"))) };
    }
    let mut askers = Askers::new(bench.server.address, 64)?;
    let asked = Posts::new(bench, 64).run(&mut askers, Duration::from_secs(600), comments)?;
    if asked.answers == comments as u64 { Ok(()) } else { Err(Fault(format!("only {} comments were posted", asked.answers))) }
}

fn read(bench: &Bench, names: [&'static str; 4]) -> Outcome<Vec<Figure>> {
    let cursors = cursors(bench)?;
    let mut askers = Askers::new(bench.server.address, READERS)?;
    // A stride without common divisor visits every page once, in no order that a cache could guess.
    let stride = (7_919..).step_by(2).find(|stride| !cursors.len().is_multiple_of(*stride)).unwrap_or(1);
    let mut next = 0;
    let cycle = cursors.len() <= SHORT;
    let (cpu, mut asked) = bench.costing(|| {
        askers.ask(
            bench.lasting(),
            |_| {
                let index = next;
                next += 1;
                let cursor = &cursors[index * stride % cursors.len()];
                let request = CommentRequest::Page { before: Some(cursor), limit: PAGE };
                (cycle || index < cursors.len()).then(|| bench.peer.comments(&request).ok()).flatten()
            },
            |_, answer| succeeded(answer),
        )
    })?;
    let rate = asked.answers as f64 / asked.elapsed.as_secs_f64();
    let slowest = percentile_ms(&mut asked.latencies_ns, 0.99);
    Ok([rate, each(cpu, asked.answers), slowest, cursors.len() as f64]
        .into_iter()
        .zip(names)
        .map(|(value, name)| (name, value))
        .collect())
}

/// Cursors of many different pages: first from a walk in long steps, then from short walks that begin where it went.
fn cursors(bench: &Bench) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    walk(bench, vec![None], usize::MAX, STEPS_BETWEEN, &mut found)?;
    let beginnings = found.iter().cloned().map(Some).collect();
    walk(bench, beginnings, STEPS_BETWEEN - 1, 1, &mut found)?;
    if found.is_empty() { Err(Fault("the thread has one page only".into())) } else { Ok(found) }
}

/// Follows `next` from each beginning for at most so many steps of `limit` comments.
fn walk(bench: &Bench, beginnings: Vec<Option<String>>, steps: usize, limit: usize, found: &mut Vec<String>) -> Outcome<()> {
    let walkers = READERS.min(beginnings.len());
    let mut askers = Askers::new(bench.server.address, walkers.max(1))?;
    let left = std::cell::RefCell::new(beginnings);
    // What each walker asks next, and how many steps it may still make.
    let places = std::cell::RefCell::new(vec![(None, 0_usize); walkers.max(1)]);
    let until = Instant::now() + WALK_MAX;
    askers.ask(
        WALK_MAX,
        |walker| {
            let place = &mut places.borrow_mut()[walker];
            if place.1 == 0 {
                *place = (left.borrow_mut().pop()?, steps);
            }
            let request = CommentRequest::Page { before: place.0.as_deref(), limit };
            bench.peer.comments(&request).ok().filter(|_| Instant::now() < until)
        },
        |walker, answer| {
            succeeded(answer)?;
            let place = &mut places.borrow_mut()[walker];
            match bench.peer.next_page(answer.body)? {
                Some(next) => {
                    found.push(next.clone());
                    *place = (Some(next), place.1 - 1);
                }
                None => place.1 = 0,
            }
            Ok(())
        },
    )?;
    Ok(())
}
