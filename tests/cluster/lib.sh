# What the cluster's scripts share: speaking, waiting, processes, ports, certificates. Sourced, not run.
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

# wait_until SECONDS WHAT COMMAND...: runs the command until it succeeds; on the deadline says what did not come true,
# with the command's last words.
wait_until() {
    local seconds=$1 what=$2 output
    shift 2
    local deadline=$((SECONDS + seconds))
    until output=$("$@" 2>&1); do
        if ((SECONDS >= deadline)); then
            log "gave up after $seconds s waiting until $what; last answer: ${output:-none}"
            return 1
        fi
        sleep 0.1
    done
}

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# need PROGRAM...: skips unless each program is on the machine.
need() {
    local program
    for program; do
        command -v "$program" >/dev/null || skip "the program '$program' is missing" "install it"
    done
}

# tool PROGRAM: the path of a built tool. Call need_tools first.
tool() { tool_path "$1"; }

# need_tools TARGET PROGRAM...: skips unless each tool is built.
need_tools() {
    local target=$1 program path
    shift
    for program; do
        path=$(tool_path "$program")
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

# start DIR NAME COMMAND...: a daemon that writes DIR/log/NAME.log and is known by DIR/run/NAME.pid.
start() {
    local dir=$1 name=$2
    shift 2
    setsid "$@" >>"$dir/log/$name.log" 2>&1 </dev/null 8>&- 9>&- &
    echo $! >"$dir/run/$name.pid"
}

# running DIR NAME: whether that daemon lives. The number of a dead process may be another's by now; ours names DIR.
running() {
    local pid
    pid=$(cat "$1/run/$2.pid" 2>/dev/null) || return 1
    grep -qsF "$1" "/proc/$pid/cmdline"
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
    rm -f "$1/run/$2.pid"
}

# follow_owner DIR PID COMMAND...: runs the command when the process PID has ended, so that a killed test leaves nothing.
follow_owner() {
    local dir=$1 owner=$2
    shift 2
    # shellcheck disable=SC2016
    start "$dir" owner bash -c 'while kill -0 "$2" 2>/dev/null; do sleep 0.5; done; rm -f "$1/run/owner.pid"; shift 2; exec "$@"' \
        follow-owner "$dir" "$owner" "$@"
}

# new_authority FOLDER: a certificate authority of our own.
new_authority() {
    mkdir -p "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=nbu-exporter-test-cluster \
        -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
}

# new_certificate FOLDER NAME SUBJECT [ALTERNATIVE_NAMES]: NAME.crt and NAME.key for a server and a client.
new_certificate() {
    local extensions="extendedKeyUsage=serverAuth,clientAuth"
    [[ -z ${4:-} ]] || extensions+=$'\n'"subjectAltName=$4"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" \
        -keyout "$1/$2.key" -out "$1/$2.csr" 2>/dev/null
    openssl x509 -req -in "$1/$2.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -days 365 \
        -set_serial "0x$(openssl rand -hex 16)" -extfile <(echo "$extensions") -out "$1/$2.crt" 2>/dev/null
    rm "$1/$2.csr"
}

# new_kubeconfig FILE SERVER FOLDER NAME: credentials of the certificate NAME, everything inside one file.
new_kubeconfig() {
    cat >"$1" <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: $4}}]
clusters:
- name: test
  cluster:
    server: $2
    certificate-authority-data: $(base64 -w0 "$3/ca.crt")
users:
- name: $4
  user:
    client-certificate-data: $(base64 -w0 "$3/$4.crt")
    client-key-data: $(base64 -w0 "$3/$4.key")
KUBECONFIG
    chmod 600 "$1"
}
