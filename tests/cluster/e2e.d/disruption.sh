# What a cluster does to a pod, and what an operator must not notice of it. Sourced, not run.
# shellcheck shell=bash disable=SC2154

# through_service WHAT COMMAND...: runs the command while the page behind the Service is scraped without a pause; no scrape may fail.
through_service() {
    local what=$1 address scraper scrapes failed reasons
    shift
    address=$(k get service "$RELEASE" --output 'jsonpath={.spec.clusterIP}')
    mkfifo "$dir/scraping"
    python3 "$CLUSTER_SOURCE/e2e.d/scrape.py" "$address" 9440 /metrics <"$dir/scraping" >"$dir/scraped" &
    scraper=$!
    exec 7>"$dir/scraping"
    rm "$dir/scraping"
    "$@"
    exec 7>&-
    wait "$scraper"
    IFS=$'\t' read -r scrapes failed reasons <"$dir/scraped"
    note "$what: scrapes through the Service, failed" "$scrapes, $failed"
    ((scrapes > 50)) || die "only $scrapes scrapes: nothing was measured"
    ((failed == 0)) || die "$what: $failed of $scrapes scrapes failed: $reasons"
}

rolled_out() { k rollout status "deployment/$RELEASE" --timeout 300s >&2; }
replaced() { k rollout restart "deployment/$RELEASE" >&2 && rolled_out && old_pods_are_gone; }
# With what docs/helm.md says of a configuration that was edited meanwhile.
annotated() {
    helm upgrade "$RELEASE" "$CHART" --values "$CLUSTER_SOURCE/e2e.d/values.yaml" --set-string "podAnnotations.e2e=$1" \
        --force-conflicts --wait --timeout 300s >/dev/null
    rolled_out
    old_pods_are_gone
}
scaled() { k scale "deployment/$RELEASE" --replicas "$1" >&2 && rolled_out && old_pods_are_gone; }

# Terminating pods serve for a while yet; a scrape that they lose counts too.
old_pods_are_gone() { wait_until 120 "no pod is ending" no_pod_is_ending; }
no_pod_is_ending() {
    k get pods --selector app.kubernetes.io/instance="$RELEASE",app.kubernetes.io/component=exporter --output json |
        jq -e 'all(.items[]; .metadata.deletionTimestamp == null)' >/dev/null
}

# As a node's drain does it.
evicted() {
    local name
    name=$(k get pods --selector app.kubernetes.io/instance="$RELEASE",app.kubernetes.io/component=exporter --output 'jsonpath={.items[0].metadata.name}')
    kubectl create --raw "/api/v1/namespaces/$NAMESPACE/pods/$name/eviction" --filename - >&2 <<REQUEST
{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "$name", "namespace": "$NAMESPACE"}}
REQUEST
    rolled_out
    old_pods_are_gone
}

# Whatever replaces the pod, no scrape is lost.
step_rollout() {
    remember_pod
    through_service "rollout restart" replaced
    through_service "helm upgrade with another pod" annotated one
    through_service "scale 1 to 2" scaled 2
    through_service "eviction of one of two" evicted
    through_service "scale 2 to 1" scaled 1
    through_service "eviction of the only pod" evicted
    remember_pod
    wait_until 60 "both sites are collected" are_up paris lyon
    wait_until 60 "the object's watch is up" watch_is 1
}

# A revert while the object can not be read: a volume only goes forward.
step_revert() {
    remember_pod
    local original edited interval
    original=$(running_hash)
    interval=$(k get configmap "$CONFIG_MAP" --output 'jsonpath={.data.config\.yaml}' | sed -n 's/.*scrapingInterval: //p')
    edit 's/scrapingInterval: \S+/scrapingInterval: 9h/'
    wait_until 60 "the edit is applied" object_runs
    edited=$(running_hash)
    [[ $edited != "$original" ]]
    sync_volumes
    wait_until 180 "the volume has the edit" mount_runs
    k get rolebinding "$RELEASE" --output json | jq 'del(.metadata.resourceVersion, .metadata.uid)' >"$dir/rolebinding.json"
    k delete rolebinding "$RELEASE" >&2
    # An open watch outlives the right to it; the API server's restart does not.
    "$CLUSTER_SOURCE/control-plane" stop-apiserver "$dir/node/control-plane"
    "$CLUSTER_SOURCE/control-plane" start-apiserver "$dir/node/control-plane"
    wait_until 180 "the lost watch shows" watch_is 0
    edit "s/scrapingInterval: \\S+/scrapingInterval: $interval/"
    [[ $(text_hash) == "$original" ]] || die "the revert is not the text from before"
    sync_volumes
    wait_until 180 "the reverted text, known from the volume alone, runs" object_runs
    sample_is nbu_exporter_config_last_reload_successful 1
    k apply --filename "$dir/rolebinding.json" >&2
    wait_until 120 "the watch is up again" watch_is 1
    [[ $(running_hash) == "$original" ]] || die "the way back was undone"
    sample_is nbu_exporter_config_last_reload_successful 1
}

# A bad edit must not wait for the next restart: break, drain, scrape goes on, repair, applied.
step_broken_start() {
    remember_pod
    local old=$pod answered before
    before=$(running_hash)
    edit 's/scheme: http$/scheme: gopher/'
    wait_until 60 "the edit is rejected" sample_is nbu_exporter_config_last_reload_successful 0
    through_service "the only pod evicted with a broken configuration" evicted
    remember_pod
    [[ $pod != "$old" ]] || die "the pod was not replaced"
    wait_until 60 "both sites are collected" are_up paris lyon
    sample_is nbu_exporter_config_last_reload_successful 0 || die "the new pod does not say that the configuration is rejected"
    [[ $(running_hash) == "$before" ]] || die "something else runs than the last good configuration"
    logged 'nbuservers[0].scheme' || die "the log does not name the place"
    wait_until 60 "the new pod's Event names the place" event_of_pod ConfigRejected "$pod"
    edit 's/scheme: gopher$/scheme: http/'
    answered=$(milliseconds)
    wait_until 60 "the repair is applied" sample_is nbu_exporter_config_last_reload_successful 1
    note "started on a broken configuration, repair -> applied" "$(($(milliseconds) - answered)) ms"
    object_runs
    are_up paris lyon
}

# event_of_pod REASON POD: whether there is an Event with it on that pod; on the ConfigMap it may be one with that of the pod before.
event_of_pod() {
    k get events.events.k8s.io --output json |
        jq -e --arg reason "$1" --arg pod "$2" 'any(.items[]; .reason == $reason and .regarding.kind == "Pod" and .regarding.name == $pod)' >/dev/null
}

# A site behind a firewall that drops: the pod stays in the Service.
step_unreachable() {
    remember_pod
    edit 's/^( *)nbuservers:/&\n\1- {site: dropped, host: 198.51.100.1, port: 8083, scheme: http, apiKeyFile: \/etc\/nbu-exporter\/keys\/paris}/'
    wait_until 60 "the edit is applied" object_runs
    through_service "a site added that never answers" wait_until 60 "the site is told to be down" sample_is 'nbu_up{site="dropped"}' 0
    k get pod "$pod" --output json | jq -e '.status.conditions[] | select(.type == "Ready") | .status == "True"' >/dev/null || die "the pod is not ready"
    [[ $(k get events --field-selector "involvedObject.name=$pod,reason=Unhealthy" --output json | jq '[.items[] | select(.message | contains("Readiness"))] | length') == 0 ]] ||
        die "the readiness probe failed"
    edit '/site: dropped/d'
    wait_until 60 "the edit is applied" object_runs
}
