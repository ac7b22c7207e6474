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
        let Ok(line) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
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
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what} has another form than expected"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far more than what else goes on in this process meanwhile.
    const TOUCHED_KIB: u64 = 64 * 1024;

    #[test]
    fn this_process_has_used_time() {
        assert!(cpu(std::process::id()).unwrap() > Duration::ZERO);
    }

    #[test]
    fn a_peak_outlives_the_memory_that_made_it() {
        let own = std::process::id();
        let touched = vec![1_u8; usize::try_from(TOUCHED_KIB * 1024).unwrap()];
        let held = memory(own).unwrap();
        drop(std::hint::black_box(touched));
        let (left, peak) = (memory(own).unwrap(), peak_memory(own).unwrap());
        assert!(
            held > TOUCHED_KIB && peak > TOUCHED_KIB,
            "{held} KiB held, {peak} KiB at the peak"
        );
        assert!(
            left + TOUCHED_KIB / 2 < peak,
            "{left} KiB left of {peak} KiB"
        );
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(cpu(u32::MAX).is_err() && memory(u32::MAX).is_err());
    }
}
