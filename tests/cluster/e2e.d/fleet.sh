# Replicas that share the sites, through all that a cluster does to them. Sourced, not run.
# shellcheck shell=bash disable=SC2154

with_fleet() {
    helm upgrade --install "$RELEASE" "$CHART" --values "$CLUSTER_SOURCE/e2e.d/values.yaml" --values "$CLUSTER_SOURCE/e2e.d/fleet.yaml" \
        --force-conflicts --wait --timeout 300s "$@" >/dev/null
}

# Members: name, uid and address of each pod that is not ending, one a line.
members() {
    k get pods --selector app.kubernetes.io/instance="$RELEASE",app.kubernetes.io/component=exporter --output json |
        jq -r '.items[] | select(.metadata.deletionTimestamp == null) | "\(.metadata.name) \(.metadata.uid) \(.status.podIP)"'
}

# Lets the simulator know each pod's key before its container runs, and notes its name; while the API server is away there is no new pod.
admit_keys() {
    local name port
    while sleep 0.2; do
        for name in $(k get pods --selector app.kubernetes.io/component=exporter --output 'jsonpath={.items[*].metadata.name}' 2>/dev/null); do
            ! grep -qxF "$name" "$dir/pods" || continue
            for port in 8081 8082 8083; do simulator "$port" /keys "{\"add\": \"$name\"}"; done
            echo "$name" >>"$dir/pods"
        done
    done
}

# settled COUNT: so many pods, each of which counts so many members, and each site up at exactly one of them.
settled() {
    local name uid address pages='' pods
    pods=$(members)
    [[ $(wc -l <<<"$pods") == "$1" ]] || { echo "not $1 pods: $pods"; return 1; }
    while read -r name uid address; do pages+=$(fetch "http://$address:9440/metrics")$'\n' || return 1; done <<<"$pods"
    [[ $(grep -c "^nbu_exporter_fleet_members $1\$" <<<"$pages") == "$1" ]] || { grep ^nbu_exporter_fleet_members <<<"$pages"; return 1; }
    [[ $(grep '^nbu_up{' <<<"$pages" | sort | tr '\n' ' ') == 'nbu_up{site="lyon"} 1 nbu_up{site="nice"} 1 nbu_up{site="paris"} 1 ' ]] ||
        { grep '^nbu_up{' <<<"$pages"; return 1; }
}

# busiest: name, uid and number of sites of the member that has the most.
busiest() {
    local name uid address
    members | while read -r name uid address; do
        echo "$name $uid $(fetch "http://$address:9440/metrics" | awk '$1 == "nbu_exporter_fleet_sites" { print $2 }')"
    done | sort -k 3 -n | tail -n 1
}

# phase WHAT MEMBERS LIMIT COMMAND...: what the simulator saw while the command ran and until all is settled, and of the state then.
phase() {
    local what=$1 count=$2 limit=$3 began ended
    shift 3
    began=$(milliseconds)
    "$@"
    wait_until 90 "$what: $count members share the sites" settled "$count"
    ended=$(milliseconds)
    sleep 5
    log "    $what: settled after $((ended - began)) ms"
    told "$began" "$ended" "$limit"
    log "    then"
    told "$ended" "$((ended + 4000))" 4 no-moves
    wait_until 60 "Prometheus has each site once" once_in_prometheus
    note "$what -> settled" "$((ended - began)) ms"
}

told() {
    local pods
    mapfile -t pods <"$dir/pods"
    python3 "$CLUSTER_SOURCE/e2e.d/asked.py" account "$dir/asked" "$1" "$2" "$3" "${pods[@]}" >"$dir/told" || { cat "$dir/told" >&2; die "see above"; }
    cat "$dir/told" >&2
    [[ ${4:-} != no-moves || $(grep -c ' 0 moves' "$dir/told") == 3 ]] || die "a site that is settled was asked by two"
}

once_in_prometheus() { query "count by (site) (nbu_up{namespace=\"$NAMESPACE\"})" | jq -e 'length == 3 and all(.value[1] == "1")'; }

# process UID: the exporter's number on this machine.
process() {
    local found
    for found in $(grep -l -- "$1" /proc/[0-9]*/cgroup 2>/dev/null); do
        found=${found%/cgroup}
        [[ $(cat "$found/comm" 2>/dev/null) != nbu-exporter ]] || echo "${found#/proc/}"
    done
}

kubelet() { "$CLUSTER_SOURCE/node" exec "$dir/node" kill -s "$1" "$(cat "$dir/node/run/kubelet.pid")"; }
killed() { local name uid; read -r name uid _ < <(busiest); log "    $name"; kill -KILL "$(process "$uid")"; }
drained() { local name; read -r name _ < <(busiest); log "    $name"; k delete pod "$name" >&2; rolled_out; }
away() {
    "$CLUSTER_SOURCE/control-plane" stop-apiserver "$dir/node/control-plane"
    sleep 60
    "$CLUSTER_SOURCE/control-plane" start-apiserver "$dir/node/control-plane"
}
# A kubelet that stands still moves nothing. Then a member dies and nobody restarts its container: its Lease runs out.
dead() {
    local name uid left began
    read -r name uid _ < <(busiest)
    began=$(milliseconds)
    kubelet STOP
    sleep 10
    left=$(milliseconds)
    log "    kubelet stopped"
    told "$began" "$left" 4 no-moves
    log "    $name dies"
    kill -KILL "$(process "$uid")"
    wait_until 60 "the others have its sites" taken_over "$left" "$name"
    note "a member dies for good -> all its sites are asked by others" "$(($(milliseconds) - left)) ms"
    told "$left" "$(milliseconds)" 18
}
taken_over() {
    local of_dead
    of_dead=$(printf %s "$2" | sha256sum | cut -c 1-12)
    [[ $(awk -v since="$1" -v dead="$of_dead" '$1 > since + 1000 && $3 != dead { sites[$2] } END { print length(sites) }' "$dir/asked") == 3 ]]
}

step_fleet() {
    local helpers=() address
    : >"$dir/pods"
    admit_keys &
    helpers+=($!)
    with_fleet
    address=$(k get service netbackup --output 'jsonpath={.spec.clusterIP}')
    python3 "$CLUSTER_SOURCE/e2e.d/asked.py" follow "$address" "$dir/asked" 8081 8082 8083 &
    helpers+=($!)
    wait_until 120 "three members share the sites" settled 3
    wait_until 180 "Prometheus has found them" once_in_prometheus

    # Two seconds pass between two collections anyway.
    phase "nothing happens" 3 6 sleep 10
    phase "a container is killed" 3 18 killed
    phase "a pod is deleted" 3 6 drained
    phase "rolling update" 3 6 replaced
    phase "scale 3 to 1" 1 6 scaled 1
    phase "scale 1 to 3" 3 6 scaled 3
    phase "API server away for a minute" 3 6 away
    dead
    phase "the kubelet goes on" 3 6 kubelet CONT
    kill "${helpers[@]}"
}
