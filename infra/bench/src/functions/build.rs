//! The binaries: those that the template names, and the floor under them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use dashtam_local::cloudformation;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;

use crate::Failure;

/// The floor's package, and its binaries: bare, with one client and one call, and with what GET me cannot do without.
const FLOOR: &str = "floor";
pub const FLOORS: [&str; 3] = [FLOOR, "floor-client", "floor-me"];
/// What functions that hash passwords have at least, in MB.
const HASHING: u64 = 1_024;

/// A function that is built.
#[derive(Debug)]
pub struct Built {
    /// Its name.
    pub name: String,
    /// Its binary.
    pub program: PathBuf,
    /// The size of the binary as it is uploaded, in bytes.
    pub zipped: u64,
    /// Whether it computes password hashes.
    pub hashes: bool,
    /// Whether it is not one of ours.
    pub is_floor: bool,
}

/// Builds the floor and every function of the template, or those that `only` names, and nothing else: what is built together
/// shares its features.
pub fn functions(only: &[&str]) -> Result<Vec<Built>, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let template = cloudformation::parse(&std::fs::read_to_string(root.join("template.yaml"))?)?;
    let mut named = named(&template);
    named.retain(|(name, _)| only.is_empty() || only.contains(&name.as_str()));
    let target = target()?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args([
            "build",
            "--release",
            "--locked",
            "-p",
            FLOOR,
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(&root);
    cargo.args(named.iter().flat_map(|(name, _)| ["-p", name.as_str()]));
    for (name, _) in std::env::vars().filter(|(name, _)| of_this_package(name)) {
        cargo.env_remove(name);
    }
    if !cargo.status()?.success() {
        return Err("the functions cannot be built".into());
    }
    let folder = target.join("release");
    let floors = FLOORS.map(|name| (name.to_owned(), false)).into_iter();
    floors
        .chain(named)
        .map(|(name, hashes)| built(&folder, name, hashes))
        .collect()
}

/// The functions whose code the template takes from `dist/<name>.zip`, and whether they hash.
fn named(template: &Value) -> Vec<(String, bool)> {
    let resources = template.get("Resources").and_then(Value::as_object);
    let named = resources.into_iter().flatten().filter_map(|(_, resource)| {
        let code = resource.pointer("/Properties/CodeUri")?.as_str()?;
        let name = code.strip_prefix("dist/")?.strip_suffix(".zip")?.to_owned();
        let memory = resource
            .pointer("/Properties/MemorySize")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        Some((name, memory >= HASHING))
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

/// What cargo tells this program about its own package is no reason to build others anew.
fn of_this_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// Cargo's folder: this program is in `<target>/<profile>/deps`.
fn target() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    Ok(own
        .ancestors()
        .nth(3)
        .ok_or("this program is in no folder of cargo")?
        .to_owned())
}

fn built(folder: &Path, name: String, hashes: bool) -> Result<Built, Failure> {
    let program = folder.join(&name);
    let binary =
        std::fs::read(&program).map_err(|error| format!("{}: {error}", program.display()))?;
    let mut encoder = DeflateEncoder::new(Counter(0), Compression::default());
    encoder.write_all(&binary)?;
    let zipped = encoder.finish()?.0;
    let is_floor = FLOORS.contains(&name.as_str());
    Ok(Built {
        name,
        program,
        zipped,
        hashes,
        is_floor,
    })
}

/// Counts what is written to it.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_functions_are_found_and_those_that_hash() {
        let text = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml"),
        )
        .unwrap();
        let named = named(&cloudformation::parse(&text).unwrap());
        let hashes = |name: &str| {
            named
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, hashes)| *hashes)
        };
        assert_eq!(
            (hashes("auth-login"), hashes("auth-me"), hashes("floor")),
            (Some(true), Some(false), None)
        );
        assert!(named.len() > 40, "{named:?}");
    }
}
