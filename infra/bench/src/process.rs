//! What the operating system says about a process: CPU time and peak memory, from Linux's `/proc`.

use std::time::Duration;

use crate::Failure;

/// One tick of `/proc/<pid>/stat`: the kernel shows hundredths of a second on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that a process has used in user and in system mode, all its threads together, to within [`TICK`].
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn cpu(pid: u32) -> Result<Duration, Failure> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let ticks = ticks(&stat).ok_or_else(|| format!("{path} has another form than expected"))?;
    Ok(TICK * ticks)
}

/// The most physical memory that a process has ever used, in bytes (`VmHWM`).
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn peak_memory(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .ok_or_else(|| format!("{path} has no VmHWM"))?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}

/// `utime` and `stime`. The fields are counted behind the name, which may itself hold spaces and parentheses.
fn ticks(stat: &str) -> Option<u32> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u32>().ok();
    Some(field()? + field()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found_behind_any_name() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 31 11 5 6 20 0 3 0";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (cut"), None);
    }

    #[test]
    fn this_process_has_a_peak() {
        assert!(peak_memory(std::process::id()).unwrap() > 100_000);
        assert!(cpu(std::process::id()).is_ok());
    }
}
