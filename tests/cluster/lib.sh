# What the cluster's scripts share: speaking, waiting, skipping, processes, ports. Sourced, not run.
# shellcheck shell=bash

CLUSTER_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$CLUSTER_SOURCE/tools/catalog.sh"

log() { printf '[%s %s] %s\n' "${0##*/}" "$(date +%T)" "$*" >&2; }
die() { log "error: $*"; exit 1; }

# step TEXT: a headline in the transcript.
step() { printf '\n==> %s\n' "$*" >&2; }

# skip REASON CURE: says loudly that something was not run and ends with status 77, the customary "skipped".
skip() {
    {
        printf '\n!!! SKIPPED: %s\n' "${0##*/}"
        printf '!!! reason:  %s\n' "$1"
        printf '!!! cure:    %s\n\n' "${2:-none on this machine}"
    } >&2
    exit 77
}

# The status by which a command tells wait_until that waiting on is of no use.
HOPELESS=70

# wait_until SECONDS WHAT COMMAND...: runs the command until it succeeds; on the deadline says what did not come true,
# with the command's last words.
wait_until() {
    local seconds=$1 what=$2 output status
    shift 2
    local deadline=$((SECONDS + seconds))
    while :; do
        status=0
        output=$("$@" 2>&1) || status=$?
        ((status)) || return 0
        if ((status == HOPELESS || SECONDS >= deadline)); then
            log "gave up waiting (at most $seconds s) until $what; last answer: ${output:-none}"
            return 1
        fi
        sleep 0.1
    done
}

# need_new DIR: a folder that we may remove as a whole later.
need_new() { [[ ! -e $1 || -z $(ls -A "$1") ]] || die "$1 is not empty: name a new folder, or take down what it holds"; }

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# need PROGRAM...: skips unless each program is on the machine.
need() {
    local program
    for program; do
        command -v "$program" >/dev/null || skip "the program '$program' is missing" "install it"
    done
}

# need_tools TARGET PROGRAM...: skips unless each tool is built.
need_tools() {
    local target=$1 program path
    shift
    for program; do
        path=$(tool "$program")
        [[ -x $path ]] || skip "$program is not built ($path)" "tests/cluster/tools/build $target"
    done
}

# free_port: a loopback port that no other run gets: a counter hands them out, below the kernel's ephemeral range.
free_port() {
    local port
    mkdir -p "$TOOLS_CACHE"
    exec 8>"$TOOLS_CACHE/ports.lock"
    flock 8
    port=$(cat "$TOOLS_CACHE/next-port" 2>/dev/null || echo 20000)
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo $((port >= 31999 ? 20000 : port + 1)) >"$TOOLS_CACHE/next-port"
    exec 8>&-
    echo "$port"
}

# born PID: when a living process began, in clock ticks since the boot (proc(5), `stat`).
born() {
    local stat fields
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The name in parentheses may hold anything.
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] && echo "${fields[19]}"
}

# start DIR NAME COMMAND...: a daemon that writes DIR/log/NAME.log and is known by its number and its birth in DIR/run.
start() {
    local dir=$1 name=$2
    shift 2
    setsid "$@" >>"$dir/log/$name.log" 2>&1 </dev/null 8>&- 9>&- &
    echo $! >"$dir/run/$name.pid"
    born $! >"$dir/run/$name.born" || true
}

# running DIR NAME: whether that daemon lives. The number of a dead process may be another's by now, born later; what a
# process is called changes within execve(2), when it was born does not.
running() {
    local pid birth
    pid=$(cat "$1/run/$2.pid" 2>/dev/null) || return 1
    birth=$(born "$pid") || return 1
    [[ $birth == "$(cat "$1/run/$2.born")" ]]
}

# stop DIR NAME [SIGNAL]: ends a daemon, by force after 10 s, and returns when it is gone.
stop() {
    local pid tries=0
    if running "$1" "$2"; then
        pid=$(cat "$1/run/$2.pid")
        kill -s "${3:-TERM}" "$pid" 2>/dev/null || true
        kill -s CONT "$pid" 2>/dev/null || true
        while running "$1" "$2" && ((tries++ < 100)); do sleep 0.1; done
        if running "$1" "$2"; then
            log "$2 ignores the signal; killing it"
            kill -s KILL "$pid" 2>/dev/null || true
            while running "$1" "$2"; do sleep 0.1; done
        fi
    fi
    rm -f "$1/run/$2".{pid,born}
}

# follow_owner DIR PID COMMAND...: runs the command when the process PID has ended, so that a killed test leaves nothing.
follow_owner() {
    local dir=$1 owner=$2
    shift 2
    # shellcheck disable=SC2016
    start "$dir" owner bash -c 'while kill -0 "$2" 2>/dev/null; do sleep 0.5; done; rm -f "$1"/run/owner.{pid,born}; shift 2; exec "$@"' \
        follow-owner "$dir" "$owner" "$@"
}
