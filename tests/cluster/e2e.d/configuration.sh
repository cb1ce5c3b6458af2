# Changes of configuration and keys while the exporter runs. Sourced, not run.
# shellcheck shell=bash disable=SC2154

step_edit() {
    load_pod
    local applied swaps answered flushes='nbu_exporter_cache_flushes_total{reason="endpoint",site="lyon"}'
    wait_until 180 "the mounted file is the running one" mount_runs
    applied=$(outcomes applied)
    swaps=$(reloads file unchanged)
    edit 's/port: 8082/port: 8083/'
    answered=$(milliseconds)
    wait_until 60 "the edit is applied" object_applied "$((applied + 1))"
    note "kubectl edit answered -> applied (as this script sees it)" "$(($(milliseconds) - answered)) ms"
    wait_until 60 "the site is collected at its new address" sample_is "$flushes" 1
    wait_until 60 "both sites are collected" are_up paris lyon
    volume_is_current || log "    the mounted file is still the old one; the kubelet takes its time"
    wait_until 180 "the kubelet has swapped the volume" mount_runs
    note "kubectl edit answered -> kubelet swap" "$(($(swapped_at) - answered)) ms"
    wait_until 60 "the mount no longer lags" sample_is nbu_exporter_config_mount_lag_seconds 0
    wait_until 60 "the swap is judged 'unchanged'" reloads_are file unchanged "$((swaps + 1))"
    [[ $(outcomes applied) == $((applied + 1)) ]] || die "applied $(outcomes applied) times in place of $((applied + 1))"
    [[ $(outcomes rejected) == 0 ]] || die "something was rejected"
    wait_until 60 "the Event is there" event ConfigReloaded lyon
    log "    Event: $(event ConfigReloaded lyon)"
}

volume_is_current() { [[ $(volume_hash) == "$(text_hash)" ]]; }
mount_runs() { [[ $(volume_hash) == "$(running_hash)" ]]; }
object_applied() { [[ $(outcomes applied) == "$1" ]] && object_runs; }
# When the link of the volume was renamed, in milliseconds.
swapped_at() { date --date "$(stat --format %z "$(volume_link)")" +%s%3N; }

step_reject() {
    load_pod
    local before answered successful=nbu_exporter_config_last_reload_successful
    before=$(running_hash)
    edit 's/scheme: http$/scheme: gopher/'
    answered=$(milliseconds)
    wait_until 60 "the edit is rejected" sample_is "$successful" 0
    note "broken edit -> rejected (as this script sees it)" "$(($(milliseconds) - answered)) ms"
    [[ $(running_hash) == "$before" ]] || die "the broken configuration runs"
    wait_until 60 "the Event with the place is there" event ConfigRejected 'nbuservers[0].scheme'
    note "broken edit -> Event" "$(($(milliseconds) - answered)) ms"
    event ConfigRejected 'nbuservers[0].scheme' | tee "$dir/rejected" >&2
    grep -E ':[0-9]+:[0-9]+: nbuservers\[0\]\.scheme' "$dir/rejected" >/dev/null || die "the Event names no line and column"
    # As docs/kubernetes.md has it.
    k events --for "configmap/$CONFIG_MAP" | grep ConfigRejected >/dev/null || die "kubectl events does not show it"
    sync_volumes
    wait_until 180 "the broken text is in the volume" broken_in_volume
    are_up paris lyon
    sample_is "$successful" 0 || die "the broken edit is forgotten"
    edit 's/scheme: gopher$/scheme: http/'
    answered=$(milliseconds)
    wait_until 60 "the way back shows" sample_is "$successful" 1
    note "going back -> successful (as this script sees it)" "$(($(milliseconds) - answered)) ms"
    [[ $(running_hash) == "$before" ]]
    are_up paris lyon
}

broken_in_volume() { grep -qs gopher "$(volume_link)/config.yaml"; }

step_hangup() {
    load_pod
    # The kubelet looks at a pod that did not change again a minute after it last did, and no sooner; so it has just looked.
    edit 's/scrapingInterval: \S+/scrapingInterval: 2h/'
    sync_volumes
    wait_until 180 "the volume has the edit" volume_is_current
    # Right after an edit the volume still shows the old text, and reading it must not bring that back.
    edit 's/scrapingInterval: \S+/scrapingInterval: 3h/'
    wait_until 60 "the edit is applied" object_runs
    hang_up superseded
    object_runs || die "the lagging volume won"
    sync_volumes
    wait_until 180 "the volume has caught up" mount_runs
    hang_up unchanged
    object_runs
}

# hang_up OUTCOME: sends the signal as a person does, and expects that outcome.
hang_up() {
    local count began
    count=$(reloads signal "$1")
    began=$(milliseconds)
    k exec "$pod" -- kill -HUP 1
    wait_until 60 "the signal is answered: $1" reloads_are signal "$1" "$((count + 1))"
    note "kubectl exec kill -HUP 1, begun -> $1" "$(($(milliseconds) - began)) ms"
}

# simulator PORT PATH JSON: tells a simulated server something.
simulator() {
    local address
    address=$(k get service netbackup --output 'jsonpath={.spec.clusterIP}')
    fetch --request POST --data "$3" "http://$address:$1/simulator$2" >/dev/null
}
new_key() { k patch secret nbu-keys --patch "{\"stringData\": {\"$1\": \"$2\"}}"; }
polled_after() { awk -v now="$(sample "nbu_last_scrape_timestamp_seconds{site=\"$1\",source=\"jobs\"}")" -v then="$2" 'BEGIN { exit !(now > then) }'; }

step_rotate() {
    load_pod
    local patched before
    before=$(identity)
    simulator 8081 /keys '{"add": "second-key"}'
    new_key paris second-key
    patched=$(milliseconds)
    sync_volumes
    wait_until 180 "the new key is in use" logged "The new API key is in use" site=paris
    note "key rotated in a Secret, pod annotated -> in use" "$(($(milliseconds) - patched)) ms"
    simulator 8081 /keys '{"remove": "first-key"}'
    wait_until 60 "the site is collected with the new key alone" polled_after paris "$(date +%s)"
    is_up paris

    # A key that NetBackup refuses: the old one stays, and that is said.
    new_key paris wrong-key
    sync_volumes
    wait_until 180 "the refusal is seen" sample_is 'nbu_api_credential_accepted{site="paris"}' 0
    wait_until 60 "the site is collected with the old key" polled_after paris "$(date +%s)"
    is_up paris
    wait_until 60 "the Event is there" event CredentialRejected paris
    new_key paris second-key
    sync_volumes
    wait_until 180 "the key is good again" sample_is 'nbu_api_credential_accepted{site="paris"}' 1
    [[ $(identity) == "$before" ]] || die "the pod was restarted"
    ! exporter_log | grep -E '(first|second|wrong)-key' || die "a key is in the log"
    ! k get events.events.k8s.io --output yaml | grep -E '(first|second|wrong)-key' || die "a key is in an Event"
}

# A site and its key in one go: whatever arrives first, it ends well.
step_site() {
    load_pod
    local before patched
    before=$(identity)
    edit 's/^( *)nbuservers:/&\n\1- {site: nice, host: netbackup, port: 8083, scheme: http, apiKeyFile: \/etc\/nbu-exporter\/keys\/nice}/'
    wait_until 60 "the missing key is told" sample_is nbu_exporter_config_last_reload_successful 0
    are_up paris lyon
    k patch secret nbu-keys --patch '{"stringData": {"nice": "first-key"}}'
    patched=$(milliseconds)
    sync_volumes
    wait_until 180 "the added site is collected" is_up nice
    note "site added, then its key in the Secret, pod annotated -> collected" "$(($(milliseconds) - patched)) ms"
    sample_is nbu_exporter_config_last_reload_successful 1
    [[ $(identity) == "$before" ]] || die "the pod was restarted"
}

# What Done means: measured outside of the exporter, on one clock.
step_latency() {
    load_pod
    local what
    for what in hangups edits swaps; do
        python3 "$CLUSTER_SOURCE/e2e.d/measure.py" "$what" "$dir/node" "$NAMESPACE" "$CONFIG_MAP" "$pod" >"$dir/measured"
        while IFS=$'\t' read -r name value; do note "$name" "$value"; done <"$dir/measured"
    done
    are_up paris lyon
}
