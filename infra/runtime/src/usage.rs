//! What the operating system says of a process, from Linux's `/proc`: processor time to the nanosecond, and memory.

use std::fs;
use std::io;
use std::time::Duration;

/// Two looks that agree, this far apart, mean that a process waits.
const SETTLED: Duration = Duration::from_millis(1);
/// A process that never waits is looked at this often.
const LOOKS: usize = 200;

/// Processor time that the threads of a process have used, as far as they still live: our functions keep theirs.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn cpu(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // Between the two looks it may have ended.
        let Ok(line) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds += first_number(&line).ok_or_else(|| unreadable("schedstat"))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The same once the process waits: of a thread that runs, the kernel counts only up to its last tick.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub async fn settled_cpu(pid: u32) -> io::Result<Duration> {
    let mut seen = cpu(pid)?;
    for _ in 0..LOOKS {
        tokio::time::sleep(SETTLED).await;
        let now = cpu(pid)?;
        if now == seen {
            break;
        }
        seen = now;
    }
    Ok(seen)
}

/// The most physical memory that a process has ever used, in KiB (`VmHWM`).
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn peak_memory(pid: u32) -> io::Result<u64> {
    status(pid, "VmHWM:")
}

/// The physical memory that a process uses now, in KiB (`VmRSS`).
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn memory(pid: u32) -> io::Result<u64> {
    status(pid, "VmRSS:")
}

fn status(pid: u32, name: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(first_number).ok_or_else(|| unreadable(name))
}

fn first_number(line: &str) -> Option<u64> {
    line.split_whitespace().next()?.parse().ok()
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} has another form than expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let own = std::process::id();
        assert!(cpu(own).unwrap() > Duration::ZERO);
        assert!(peak_memory(own).unwrap() >= memory(own).unwrap() && memory(own).unwrap() > 100);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(cpu(u32::MAX).is_err() && memory(u32::MAX).is_err());
    }
}
