# Sourced by the checks of this folder: `start_service SETTING=VALUE…` starts the local run in memory, in $work, at a free port,
# and sets URL to its address; `stop_service` ends it. Hashes are cheap and limits wide, since all requests come from one address.

service=

start_service() {
    # The same build as that of the tests, so that nothing is compiled twice.
    cargo test --quiet --locked --workspace --no-run
    local target
    target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    # It is read before the service may have opened it.
    touch "$work/out"
    env DASHTAM_RATE_LIMIT_SCALE=1000 DASHTAM_ARGON2_MEMORY_KIB=64 DASHTAM_ARGON2_ITERATIONS=1 "$@" \
        "$target/debug/dashtam-local" --in-memory --port 0 --env-file /dev/null > "$work/out" 2> "$work/log" &
    service=$!
    for _ in {1..300}; do
        URL=$(sed -n 's/.*is ready at \(http[^ ]*\).*/\1/p' "$work/out")
        if [[ -n $URL ]] || ! kill -0 "$service" 2> /dev/null; then break; fi
        sleep 0.2
    done
    if [[ -z $URL ]]; then
        cat "$work/log"
        echo "the service did not start" >&2
        exit 1
    fi
    export URL
}

stop_service() {
    if [[ -n $service ]]; then kill "$service" 2> /dev/null || true; fi
}
