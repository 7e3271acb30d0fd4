//! The server under test: a child process on a core of its own, its CPU time and resident memory read from `/proc` over the whole tree of its
//! processes and threads, ended by its pid. Relies on Linux; knows nothing of what the server does.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::fault::{Doing, Fault, Outcome};

/// How long a server may take until it accepts connections.
const START_MAX: Duration = Duration::from_secs(30);
/// How long it may take to go after `SIGTERM` before it is killed.
const STOP_MAX: Duration = Duration::from_secs(3);

/// CPU time used so far, seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    pub user: f64,
    pub system: f64,
}

impl Cpu {
    pub fn total(self) -> f64 {
        self.user + self.system
    }

    pub fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }
}

/// A directory that is removed with its contents when it is dropped.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("parlour-bench-{}-{}", std::process::id(), crate::stamp::now_ns()));
        std::fs::create_dir_all(&path).doing(format!("making {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// A running server; dropping it ends it.
pub struct Server {
    child: Child,
    pub address: SocketAddrV4,
}

/// A port that nobody listens on just now.
pub fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Confines this process to `cores`.
pub fn confine(cores: &[usize]) -> Outcome<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).doing(format!("keeping to the cores {cores:?}"))
}

impl Server {
    /// Starts `command` on `server_cores` and waits until it accepts connections. The child inherits the cores from this process, which takes
    /// them for the moment of the start: so every thread that it ever makes is confined. What it prints goes to `output` in `scratch`.
    pub fn start(mut command: Command, port: u16, server_cores: &[usize], own_core: usize, scratch: &Path) -> Outcome<Self> {
        let output = File::create(scratch.join("output"))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).current_dir(scratch);
        confine(server_cores)?;
        let child = command.spawn().doing(format!("starting {}", command.get_program().display()));
        confine(&[own_core])?;
        let mut server = Self { child: child?, address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port) };
        let until = Instant::now() + START_MAX;
        while TcpStream::connect(server.address).is_err() {
            let ended = server.child.try_wait()?;
            if ended.is_some() || Instant::now() > until {
                let printed = std::fs::read_to_string(scratch.join("output")).unwrap_or_default();
                let reason = ended.map_or("does not listen".into(), |status| format!("ended with {status}"));
                return Err(Fault(format!("the server {reason}; it printed:\n{printed}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// User and system time of the process, its threads and its descendants.
    pub fn cpu(&self) -> Outcome<Cpu> {
        let mut cpu = Cpu::default();
        for pid in tree(self.child.id()) {
            let one = cpu_of(&pid.to_string())?;
            cpu.user += one.user;
            cpu.system += one.system;
        }
        Ok(cpu)
    }

    /// Resident memory of the process and its descendants, bytes.
    pub fn resident(&self) -> Outcome<u64> {
        let mut bytes = 0;
        for pid in tree(self.child.id()) {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).doing("reading the server's memory")?;
            bytes += resident_kib(&status).ok_or_else(|| Fault("/proc/PID/status has no VmRSS".into()))? * 1024;
        }
        Ok(bytes)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| matches!(self.child.try_wait(), Ok(None)))
            && let Err(error) = kill_process(pid, Signal::TERM)
        {
            eprintln!("the server {pid:?} could not be told to end: {error}");
        }
        let until = Instant::now() + STOP_MAX;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let killed = self.child.kill().and_then(|()| self.child.wait());
                if let Err(error) = killed {
                    eprintln!("the server could not be ended: {error}");
                }
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The process and its descendants.
fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children: Vec<u32> = threads
            .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
            .flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        found.extend(children);
        at += 1;
    }
    found
}

/// What this process itself has used.
pub fn own_cpu() -> Outcome<Cpu> {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Outcome<Cpu> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).doing("reading CPU time")?;
    let (user, system) = cpu_ticks(&stat).ok_or_else(|| Fault("/proc/PID/stat cannot be read".into()))?;
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    Ok(Cpu { user: user as f64 / ticks, system: system as f64 / ticks })
}

/// User and system ticks of a line of `/proc/PID/stat`; the name in it may hold anything, so fields are counted from its closing bracket.
fn cpu_ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn resident_kib(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_whatever_the_process_is_called() {
        let stat = "12 (a ) 9 9 (b) S 1 12 12 0 -1 4194560 100 0 0 0 731 42 0 0 20 0 3 0 100 0 0";
        assert_eq!(cpu_ticks(stat), Some((731, 42)));
    }

    #[test]
    fn resident_memory_is_read_from_its_line() {
        assert_eq!(resident_kib("Name:\tx\nVmHWM:\t  99 kB\nVmRSS:\t   1812 kB\n"), Some(1812));
    }

    #[test]
    fn a_child_is_measured_and_ended_by_its_pid() {
        let scratch = Scratch::new().unwrap();
        let port = free_port().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut command = Command::new("sleep");
        command.arg("60");
        let server = Server::start(command, port, &[0], 0, &scratch.0).unwrap();
        assert!(server.resident().unwrap() > 0);
        assert!(server.cpu().unwrap().total() >= 0.0);
        let pid = server.child.id();
        drop(server);
        drop(listener);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
