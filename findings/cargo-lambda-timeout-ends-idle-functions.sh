#!/usr/bin/env bash
# cargo-lambda 1.9.2: `watch --timeout N` ends a function that had nothing to do for N seconds.
#
# The option reads like Lambda's own time limit, which bounds one invocation. `cargo lambda watch` also applies it to the
# function's wait for its next event: after N idle seconds the runtime client is refused, the process ends with code 101, and the
# next invocation is answered 408 with an empty body. Without the option the same process answers for as long as `watch` runs.
# So a local run with the option looks broken whenever its developer pauses; a client's own limit (`curl --max-time`) does what is
# wanted.
#
# Seen with lambda_runtime 1.5.0 and `--timeout 4`:
#   without: 200, pause of 8 s, 200 (by the same process); ended with code 101: 0
#   with: 200, pause of 8 s, 408 (0 bytes); ended with code 101: 1
#
# Needs Rust 1.88 or newer with a C linker, Python 3.9 or newer, curl, two free ports on loopback. Compiles for a minute. Exits with 0
# while this is so, and with 1 once it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${watch:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cargo-lambda==1.9.2
mkdir -p "$folder/idle/src"
cd "$folder/idle"
cat > Cargo.toml <<'TOML'
[package]
name = "idle"
version = "0.1.0"
edition = "2021"

[dependencies]
lambda_runtime = { version = "=1.5.0", default-features = false }
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt"] }
TOML
cat > src/main.rs <<'RUST'
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let process = std::process::id();
    run(service_fn(|_: LambdaEvent<Value>| async move { Ok::<_, Error>(json!({ "process": process })) })).await
}
RUST
CARGO_TARGET_DIR=$folder/target cargo build --quiet

# Two invocations with a pause between them, under `cargo lambda watch` with these options.
look() {
    local name=$1 port
    shift
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    CARGO_TARGET_DIR=$folder/target "$folder/venv/bin/cargo-lambda" lambda watch --invoke-address 127.0.0.1 --invoke-port "$port" \
        --ignore-changes "$@" > "$folder/$name.log" 2>&1 &
    watch=$!
    for _ in $(seq 100); do
        if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then break; fi
        sleep 0.2
    done
    for turn in first second; do
        curl --silent --max-time 60 --output "$folder/$name.$turn" --write-out '%{http_code}' --data '{}' \
            "http://127.0.0.1:$port/2015-03-31/functions/idle/invocations" > "$folder/$name.$turn.status" || true
        [[ $turn == second ]] || sleep 8
    done
    kill "$watch"
    wait "$watch" 2> /dev/null || true
    ended=$(grep -c 'code=101' "$folder/$name.log" || true)
    same=$(cmp --silent "$folder/$name.first" "$folder/$name.second" && echo "by the same process" || echo "$(wc -c < "$folder/$name.second") bytes")
    echo "$name: $(cat "$folder/$name.first.status"), pause of 8 s, $(cat "$folder/$name.second.status") ($same); ended with code 101: $ended"
}

without=$(look without)
with=$(look with --timeout 4)
printf '%s\n%s\n' "$without" "$with"
[[ $without == "without: 200, pause of 8 s, 200 (by the same process); ended with code 101: 0" ]] &&
    [[ $with == "with: 200, pause of 8 s, 408 (0 bytes); ended with code 101: 1" ]]
