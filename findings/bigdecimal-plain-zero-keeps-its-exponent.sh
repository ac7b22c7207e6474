#!/usr/bin/env bash
# bigdecimal 0.4.11: `to_plain_string` writes a zero with an exponent as several zeros, which JSON takes for no number.
#
# Amounts of accounts come as JSON numbers, and a zero may have an exponent ("0e2", "0E+3": RFC 8259 section 6). The type keeps the
# exponent of a zero as it keeps that of any number, and the plain form then has a digit for each power of ten: "0e2" becomes
# "000". `normalized` turns it into "0", but takes the zeros behind the point of other amounts, too ("12.30" becomes "12.3"), so
# whoever keeps digits as they were sent has to look for zero first. `Display` shows the plain form as well, up to its threshold.
#
# Seen:
#   0e2 -> 000 (JSON: no)
#   0E+3 -> 0000 (JSON: no)
#   0.00 -> 0.00 (JSON: yes)
#   1e3 -> 1000 (JSON: yes)
#   12.30 -> 12.30 (JSON: yes)
#   normalized: 0e2 -> 0, 12.30 -> 12.3
#
# Needs Rust 1.85 or newer with a C linker. Compiles for half a minute. Exits with 0 while this is so, and with 1 once it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cd "$folder"
cat > Cargo.toml <<'TOML'
[package]
name = "plain"
version = "0.1.0"
edition = "2024"

[dependencies]
bigdecimal = "=0.4.11"
serde_json = "=1.0.149"
TOML
cat > src/main.rs <<'RUST'
use bigdecimal::BigDecimal;

fn main() {
    let read = |text: &str| text.parse::<BigDecimal>().unwrap();
    for text in ["0e2", "0E+3", "0.00", "1e3", "12.30"] {
        let plain = read(text).to_plain_string();
        let is_json = serde_json::from_str::<serde_json::Number>(&plain).is_ok();
        println!("{text} -> {plain} (JSON: {})", if is_json { "yes" } else { "no" });
    }
    let normal = |text| read(text).normalized().to_plain_string();
    println!("normalized: 0e2 -> {}, 12.30 -> {}", normal("0e2"), normal("12.30"));
}
RUST
cargo run --quiet > seen
cat seen
diff - seen <<'WANTED'
0e2 -> 000 (JSON: no)
0E+3 -> 0000 (JSON: no)
0.00 -> 0.00 (JSON: yes)
1e3 -> 1000 (JSON: yes)
12.30 -> 12.30 (JSON: yes)
normalized: 0e2 -> 0, 12.30 -> 12.3
WANTED
