# Edits that the API server asks the exporter about before they are written. Sourced, not run.
# shellcheck shell=bash disable=SC2154

# put TEXT [FLAG...]: writes the key as a whole.
put() { k patch configmap "$CONFIG_MAP" --type merge --patch "$(jq -cn --arg text "$1" '{data: {"config.yaml": $text}}')" "${@:2}"; }
config_text() { k get configmap "$CONFIG_MAP" --output 'jsonpath={.data.config\.yaml}'; }
bundle() { kubectl get validatingwebhookconfiguration "$RELEASE.$NAMESPACE" --output 'jsonpath={.webhooks[0].clientConfig.caBundle}'; }
has_bundle() { [[ -n $(bundle) ]]; }

# Whatever pod of the Service is asked.
refuses() {
    for _ in 1 2 3 4 5 6; do
        ! put 'nonsense: 1' --dry-run=server >/dev/null 2>&1 || return 1
    done
}

guarded() {
    helm upgrade "$RELEASE" "$CHART" --values "$CLUSTER_SOURCE/e2e.d/values.yaml" --set admissionWebhook.enabled=true,replicas=3 "$@"
}

step_door() {
    local text broken
    guarded --force-conflicts --wait --timeout 300s >/dev/null
    remember_pod
    wait_until 60 "the API server is told the authority" has_bundle
    wait_until 60 "edits are judged" refuses
    wait_until 60 "the values run" object_runs
    text=$(config_text)
    broken=${text/scheme: http/scheme: gopher}

    # As a person does it: what was typed comes back with the mistake above it.
    printf '#!/bin/sh\nif [ -e %s/shown ]; then cp "$1" %s/again; else cp "$1" %s/shown; sed -i "s/scheme: http$/scheme: gopher/" "$1"; fi\n' \
        "$dir" "$dir" "$dir" >"$dir/editor"
    chmod +x "$dir/editor"
    ! EDITOR=$dir/editor k edit configmap "$CONFIG_MAP" >"$dir/edited" 2>&1 || die "a typo was written"
    sed -n '/^#/p' "$dir/again" >&2
    cat "$dir/edited" >&2
    grep -E '^# \* [0-9]+:[0-9]+: nbuservers\[0\]\.scheme: ' "$dir/again" >/dev/null || die "the editor does not show the place"
    grep -F 'scheme: gopher' "$dir/again" >/dev/null || die "what was typed is lost"

    # Helm, past its own check of the values.
    ! guarded --force-conflicts --skip-schema-validation --set config.log.level=loud >"$dir/refused" 2>&1 || die "helm wrote a bad configuration"
    cat "$dir/refused" >&2
    grep -E '[0-9]+:[0-9]+: log\.level: ' "$dir/refused" >/dev/null || die "helm does not say why"
    [[ $(config_text) == "$text" ]] || die "something was written"

    # How long the API server waits for an answer: its own count.
    for _ in $(seq 100); do put "$text" --dry-run=server >/dev/null; ! put "$broken" --dry-run=server >/dev/null 2>&1; done
    kubectl get --raw /metrics | awk -F '[ "]' '/^apiserver_admission_webhook_admission_duration_seconds_bucket/ && /'"$RELEASE.$NAMESPACE.svc"'/ {
        for (i = 1; i <= NF; i++) if ($i ~ /le=$/) n[$(i + 1)] += $NF } END { for (le in n) print le, n[le] }' | sort -g >&2

    # Break glass.
    k annotate configmap "$CONFIG_MAP" nbu-exporter/admit-anyway=true >/dev/null
    put "$broken" 2>"$dir/warned" >/dev/null
    cat "$dir/warned" >&2
    wait_until 60 "the Event says so" event RejectionOverridden 'nbuservers[0].scheme'
    put "$text" >/dev/null
    k annotate configmap "$CONFIG_MAP" nbu-exporter/admit-anyway- >/dev/null

    # Nobody there to ask.
    k scale deployment "$RELEASE" --replicas 0
    wait_until 120 "no pod is left" no_pods
    put "$broken" >/dev/null || die "an edit was held up by an exporter that is down"
    put "$text" >/dev/null
}

no_pods() { [[ -z $(k get pods --selector app.kubernetes.io/instance="$RELEASE",app.kubernetes.io/component=exporter --output name) ]]; }
