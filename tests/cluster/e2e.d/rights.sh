# What the exporter may do, and what it does when it may or can not. Sourced, not run.
# shellcheck shell=bash disable=SC2154

# What a service account may do, one rule a line.
rules_of() {
    k auth can-i --list --no-headers --as "system:serviceaccount:$NAMESPACE:$1" | sed -E 's/ +/ /g; s/ $//' | sort
}

expected_rules() {
    printf '%s\n' "> configmaps [] [$CONFIG_MAP-last-good] [get update patch]" "> configmaps [] [$CONFIG_MAP] [get list watch]" \
        "> events.events.k8s.io [] [] [create patch]"
}

toolbox() {
    cat <<POD
apiVersion: v1
kind: Pod
metadata: {name: toolbox}
spec:
  serviceAccountName: $RELEASE
  automountServiceAccountToken: true
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: toolbox
    image: toolbox:test
    args: ["-c", "trap exit TERM; while :; do sleep 1; done"]
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
POD
}

# allowed, denied KUBECTL_ARGUMENT...: what the token is good for inside of a pod.
with_token() {
    k exec toolbox -- sh -c 'account=/var/run/secrets/kubernetes.io/serviceaccount
        exec kubectl --server https://kubernetes.default.svc --certificate-authority $account/ca.crt \
            --token "$(cat $account/token)" --namespace "$(cat $account/namespace)" --request-timeout 20s "$@"' kubectl "$@"
}
allowed() { with_token "$@" >"$dir/answer" 2>&1 || { cat "$dir/answer" >&2; die "denied: $*"; }; }
denied() {
    ! with_token "$@" >"$dir/answer" 2>&1 || die "allowed: $*"
    grep -qi forbidden "$dir/answer" || { cat "$dir/answer" >&2; die "failed, but not for want of a right: $*"; }
}

step_rights() {
    diff <(rules_of default) <(rules_of "$RELEASE") | grep '^[<>]' >"$dir/rules" || true
    diff <(expected_rules) "$dir/rules" >&2 || die "the rules are not the chart's"
    cat "$dir/rules" >&2

    k delete pod toolbox --ignore-not-found >/dev/null
    toolbox | k apply -f -
    k wait pod/toolbox --for=condition=Ready --timeout=300s
    local maps=/api/v1/namespaces/$NAMESPACE/configmaps own=fieldSelector=metadata.name%3D$CONFIG_MAP
    allowed get configmap "$CONFIG_MAP"
    allowed get --raw "$maps?$own"
    allowed get --raw "$maps?$own&watch=1&timeoutSeconds=1"
    denied get --raw "$maps"
    denied get --raw "$maps?watch=1&timeoutSeconds=1"
    denied get --raw "/api/v1/configmaps?$own"
    denied get --raw "/api/v1/namespaces/default/configmaps?$own"
    denied get configmap kube-root-ca.crt
    denied patch configmap "$CONFIG_MAP" --patch '{"data": {"x": "y"}}'
    denied delete configmap "$CONFIG_MAP"
    denied create configmap another
    denied get secret nbu-keys
    denied get events.events.k8s.io
    denied get pods
    k delete pod toolbox --wait >/dev/null
}

watch_is() { sample_is nbu_exporter_config_kubernetes_watch_up "$1"; }

step_outage() {
    load_pod
    local stopped started before
    before=$(running_hash)
    "$CLUSTER_SOURCE/control-plane" stop-apiserver "$dir/node/control-plane"
    stopped=$(milliseconds)
    wait_until 180 "the lost watch shows" watch_is 0
    note "API server killed -> watch told to be down" "$(($(milliseconds) - stopped)) ms"
    wait_until 60 "collection goes on" polled_after paris "$(date +%s)"
    are_up paris lyon
    [[ $(running_hash) == "$before" ]]
    fetch "http://$pod_ip:9440/-/ready" >/dev/null || die "not ready for want of an API server"
    "$CLUSTER_SOURCE/control-plane" start-apiserver "$dir/node/control-plane"
    started=$(milliseconds)
    wait_until 120 "the watch is up again" watch_is 1
    note "API server ready again -> watch up again" "$(($(milliseconds) - started)) ms"
    edit 's/collectionInterval: 2s/collectionInterval: 1s/'
    wait_until 60 "an edit is applied again" object_runs
    edit 's/collectionInterval: 1s/collectionInterval: 2s/'
    wait_until 60 "an edit is applied again" object_runs
    [[ $(k get pod "$pod" --output 'jsonpath={.status.containerStatuses[0].restartCount}') == 0 ]] || die "the exporter was restarted"
}
