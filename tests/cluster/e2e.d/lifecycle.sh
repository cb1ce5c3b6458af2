# Upgrade, rollback, test and removal of the release. Sourced, not run.
# shellcheck shell=bash disable=SC2154

# The values with one more line of configuration.
upgraded() { helm upgrade "$RELEASE" "$CHART" --values "$CLUSTER_SOURCE/e2e.d/values.yaml" --set config.server.scrapingInterval=2h "$@"; }

step_upgrade() {
    load_pod
    local before began original
    before=$(identity)
    original=$(helm get manifest "$RELEASE" | sha256sum)

    # docs/helm.md: after a kubectl edit Helm 4 stops at the conflict, and --force-conflicts is the cure.
    edit 's/scrapingInterval: \S+/scrapingInterval: 90m/'
    wait_until 60 "the edit runs" object_runs
    ! upgraded >"$dir/conflict" 2>&1 || die "an edit was overwritten without a word"
    grep -F 'conflict with "kubectl-edit"' "$dir/conflict" >&2
    object_runs
    began=$(milliseconds)
    upgraded --force-conflicts --wait --timeout 300s >/dev/null
    wait_until 60 "the new values run" object_runs
    note "helm upgrade, begun -> applied" "$(($(milliseconds) - began)) ms"
    k get configmap "$CONFIG_MAP" --output yaml | grep -F 'scrapingInterval: 2h' >&2
    [[ $(identity) == "$before" ]] || die "the upgrade replaced or restarted the pod"

    began=$(milliseconds)
    helm rollback "$RELEASE" 1 --wait --timeout 300s
    wait_until 60 "the old values run" object_runs
    note "helm rollback, begun -> applied" "$(($(milliseconds) - began)) ms"
    [[ $(helm get manifest "$RELEASE" | sha256sum) == "$original" ]]
    wait_until 60 "both sites are collected" are_up paris lyon
    [[ $(identity) == "$before" ]] || die "the rollback replaced or restarted the pod"
}

step_doctor() {
    local began
    began=$(milliseconds)
    helm test "$RELEASE" --logs --timeout 300s >"$dir/doctor"
    note "helm test" "$(($(milliseconds) - began)) ms"
    cat "$dir/doctor" >&2
    grep -F '(exit code 0)' "$dir/doctor" >/dev/null || die "the log of the test was not shown"
    [[ -z $(k get pod --selector app.kubernetes.io/component=test --output name) ]] || die "the pod of the test is left"
    # A site that can not be right: the test says so.
    simulator 8082 /keys '{"replace": ["another-key"]}'
    ! helm test "$RELEASE" --logs --timeout 300s >"$dir/doctor" 2>&1 || die "the doctor overlooks a refused key"
    simulator 8082 /keys '{"replace": ["first-key"]}'
    grep -A 1 FAIL "$dir/doctor" >&2
    forget_test
}

# docs/helm.md: the pod of a test that failed stays.
forget_test() { k delete pod --selector app.kubernetes.io/component=test >&2; }

nothing_is_left() { diff "$dir/before-install" <(inventory); }

step_uninstall() {
    local began
    began=$(milliseconds)
    helm uninstall "$RELEASE" --wait --timeout 300s
    wait_until 60 "nothing is left" nothing_is_left
    note "helm uninstall, begun -> nothing left" "$(($(milliseconds) - began)) ms"
    ! kubectl get clusterroles,clusterrolebindings,validatingwebhookconfigurations --output name | grep "$RELEASE" || die "cluster-wide objects are left"
}

# Helm 3 merges on the client: install, change, roll back, remove. With the demo's simulated sites, as a newcomer would, and with a certificate of
# the chart's for the webhook, which every upgrade must keep.
step_helm3() {
    inventory >"$dir/before-install"
    local before pair values=(--set image.tag=e2e,demo.enabled=true,config.server.collectionInterval=2s
        --set admissionWebhook.enabled=true,admissionWebhook.failurePolicy=Fail,admissionWebhook.certificate.mode=chart)
    run_helm helm3 install "$RELEASE" "$CHART" "${values[@]}" --wait --timeout 300s >/dev/null
    remember_pod
    wait_until 60 "the demo's sites are collected" are_up demo-1 demo-2
    wait_until 60 "edits are judged" refuses
    before=$(identity) pair=$(held webhook-pair tls.crt)$(bundle)
    run_helm helm3 upgrade "$RELEASE" "$CHART" "${values[@]}" --set config.server.scrapingInterval=2h --wait --timeout 300s >/dev/null
    wait_until 60 "the new values run" object_runs
    run_helm helm3 upgrade "$RELEASE" "$CHART" --reuse-values --set config.server.scrapingInterval=3h --wait --timeout 300s >/dev/null
    wait_until 60 "the newer values run" object_runs
    [[ $(identity) == "$before" ]] || die "the upgrade replaced or restarted the pod"
    run_helm helm3 rollback "$RELEASE" 1 --wait --timeout 300s
    wait_until 60 "the old values run" object_runs
    [[ $(identity) == "$before" ]] || die "the rollback replaced or restarted the pod"
    [[ $(held webhook-pair tls.crt)$(bundle) == "$pair" ]] || die "another pair was made"
    refuses || die "a bad edit was written"
    # docs/helm.md: not with --logs.
    run_helm helm3 test "$RELEASE" --timeout 300s >&2
    run_helm helm3 uninstall "$RELEASE" --wait --timeout 300s
    wait_until 60 "nothing is left" nothing_is_left
}
