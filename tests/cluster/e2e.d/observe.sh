# How a step looks at the exporter and at the cluster, and notes what it measured. Sourced, not run.
# shellcheck shell=bash disable=SC2154

NAMESPACE=backup
RELEASE=nbu-exporter
# The release contains the chart's name, so all its objects bear the release's.
CONFIG_MAP=$RELEASE
IMAGE=nbu-exporter:e2e
CHART=$CLUSTER_SOURCE/../../charts/nbu-exporter

kubectl() { KUBECACHEDIR=$dir/kube "$(tool kubectl)" --kubeconfig "$dir/node/kubeconfig" --request-timeout 60s "$@"; }
# Calls inside the namespace of the exporter.
k() { kubectl --namespace "$NAMESPACE" "$@"; }
# run_helm PROGRAM ARGUMENT...: without plug-ins, repositories or settings of the user.
run_helm() {
    HELM_CACHE_HOME=$dir/helm HELM_CONFIG_HOME=$dir/helm HELM_DATA_HOME=$dir/helm KUBECACHEDIR=$dir/kube KUBECONFIG=$dir/node/kubeconfig \
        "$(tool "$1")" --namespace "$NAMESPACE" "${@:2}"
}
helm() { run_helm helm "$@"; }
fetch() { curl --silent --show-error --fail --noproxy '*' --max-time 30 "$@"; }

# note WHAT VALUE: a measurement for the table at the end.
note() {
    log "    $1: $2"
    printf '%s\t%s\n' "$1" "$2" >>"$dir/results"
}

# Remembers the exporter's pod, so that it is found while the API server is away.
remember_pod() {
    k get pod --selector app.kubernetes.io/instance="$RELEASE",app.kubernetes.io/component=exporter \
        --field-selector status.phase=Running --output json |
        jq -r '.items | map(select(.metadata.deletionTimestamp == null))[0] | "pod=\(.metadata.name) pod_uid=\(.metadata.uid) pod_ip=\(.status.podIP)"' >"$dir/pod"
    load_pod
}
load_pod() { pod='' pod_uid='' pod_ip=''; source "$dir/pod"; }

page() { load_pod && fetch "http://$pod_ip:9440/metrics"; }
# sample SERIES: its value, or nothing.
sample() { page | awk -v series="$1" 'index($0, series " ") == 1 { value = $NF } END { print value }'; }
sample_is() { [[ $(sample "$1") == "$2" ]]; }
is_up() { sample_is "nbu_up{site=\"$1\"}" 1; }
are_up() { local site; for site; do is_up "$site" || { echo "$site is not up"; return 1; }; done; }
reloads() { sample "nbu_exporter_config_reloads_total{outcome=\"$2\",trigger=\"$1\"}"; }
reloads_are() { [[ $(reloads "$1" "$2") == "$3" ]]; }
# How often any trigger had this outcome.
outcomes() { page | awk -v outcome="outcome=\"$1\"" '/^nbu_exporter_config_reloads_total/ && index($0, outcome) { n += $NF } END { print n + 0 }'; }
# How often each site was collected since it is known; it grows as long as its poller runs.
polls() { sample "nbu_exporter_site_cycles_total{site=\"$1\"}"; }
running_hash() { page | sed -n 's/^nbu_exporter_config_info{.*hash="\([0-9a-f]*\)".*/\1/p'; }

# The container's standard error, from the node's disk: it is there while the API server is not.
exporter_log() { load_pod && sed -E 's/^[^ ]+ std(err|out) . //' "$(log_file)"; }
log_file() { echo "$dir/node/log/pods/${NAMESPACE}_${pod}_$pod_uid/exporter/0.log"; }
# logged TEXT...: a line has them all.
logged() {
    local lines text
    lines=$(exporter_log)
    for text; do lines=$(grep -F -- "$text" <<<"$lines") || return 1; done
}

text_hash() { k get configmap "$CONFIG_MAP" --output 'jsonpath={.data.config\.yaml}' | sha256sum | cut -c 1-12; }
object_runs() { [[ $(running_hash) == "$(text_hash)" ]]; }

# edit SED_SCRIPT: as a person does it, in an editor; waits for the API server's answer.
edit() {
    EDITOR="sed -i -E '$1'" k edit configmap "$CONFIG_MAP" >&2
}

# The kubelet brings a pod's volumes up to date at once when the pod changes.
sync_volumes() { load_pod && k annotate --overwrite pod "$pod" "nbu-exporter.test/synced=$(milliseconds)" >/dev/null; }

# volume_link: the link that the kubelet renames when the mounted ConfigMap changes.
volume_link() { echo "$dir/node/lib/kubelet/pods/$pod_uid/volumes/kubernetes.io~configmap/config/..data"; }
volume_hash() { sha256sum <"$(volume_link)/config.yaml" | cut -c 1-12; }

# event REASON TEXT: an Event with it on the ConfigMap whose note has the text; prints the note.
event() {
    k get events.events.k8s.io --output json |
        jq -er --arg reason "$1" --arg text "$2" --arg name "$CONFIG_MAP" '[.items[]
            | select(.reason == $reason and .regarding.kind == "ConfigMap" and .regarding.name == $name)
            | .note | select(contains($text))] | last'
}

# identity: what a restart or a new pod template would change.
identity() {
    {
        k get pods --selector app.kubernetes.io/instance="$RELEASE",app.kubernetes.io/component=exporter --output json |
            jq -c '.items[] | [.metadata.uid, (.status.containerStatuses[] | .restartCount)]'
        k get deployment "$RELEASE" --output 'jsonpath={.metadata.generation}{"\n"}'
    }
}

# inventory: all objects of the namespace by name, but for what tells of the past.
inventory() {
    local kinds
    kinds=$(kubectl api-resources --verbs list --namespaced --output name | grep -v '^events' | paste -sd,)
    k get "$kinds" --output name 2>/dev/null | grep -v '^\(pods.metrics\|endpoints/\)' | sort
}

print_results() {
    [[ -s $dir/results ]] || return 0
    step "measured"
    awk -F '\t' '{ value[$1] = $2; if (!($1 in seen)) { seen[$1]; order[++n] = $1 } }
        END { for (i = 1; i <= n; i++) printf "%-68s %s\n", order[i], value[order[i]] }' "$dir/results" >&2
    step "passed"
    awk -F '\t' '{ printf "%-12s %7d ms\n", $1, $2 }' "$dir/passed" >&2
}
