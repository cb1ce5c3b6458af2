# Edits that the API server asks the exporter about before they are written. Sourced, not run.
# shellcheck shell=bash disable=SC2154

# put TEXT [FLAG...]: writes the key as a whole.
put() { k patch configmap "$CONFIG_MAP" --type merge --patch "$(jq -cn --arg text "$1" '{data: {"config.yaml": $text}}')" "${@:2}"; }
config_text() { k get configmap "$CONFIG_MAP" --output 'jsonpath={.data.config\.yaml}'; }
bundle() { kubectl get validatingwebhookconfiguration "$RELEASE.$NAMESPACE" --output 'jsonpath={.webhooks[0].clientConfig.caBundle}'; }
has_bundle() { [[ -n $(bundle) ]]; }

# Whatever pod of the Service is asked, it is its judgement that comes back, and not that there is none.
refuses() {
    local said
    for _ in 1 2 3 4 5 6; do
        ! said=$(put 'nonsense: 1' --dry-run=server 2>&1) || return 1
        grep -F ' nonsense: unknown key' <<<"$said" >/dev/null || { echo "$said"; return 1; }
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

    # How long it takes, without the API server, whose own count has no bucket between 5 and 25 ms.
    measure_judging <<<"$text"

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

# measure_judging: with the configuration on standard input.
measure_judging() {
    local what value
    load_pod
    bundle | base64 --decode >"$dir/bundle.pem"
    python3 "$CLUSTER_SOURCE/e2e.d/judged.py" "$pod_ip" 9443 "$RELEASE.$NAMESPACE.svc" "$dir/bundle.pem" "$NAMESPACE" "$CONFIG_MAP" >"$dir/judged"
    while IFS=$'\t' read -r what value; do note "$what" "$value"; done <"$dir/judged"
}

# one_guarded MODE [FLAG...]: one replica with a certificate of this mode. What can not be judged is refused, so that nothing goes past unseen.
one_guarded() {
    guarded --set "replicas=1,admissionWebhook.certificate.mode=$1,admissionWebhook.failurePolicy=Fail" --force-conflicts --wait --timeout 300s "${@:2}" >/dev/null
    remember_pod
    wait_until 60 "the API server is told the authority" has_bundle
    wait_until 60 "edits are judged" refuses
}

# held SUFFIX KEY: what a Secret of the release holds.
held() { k get secret "$RELEASE-$1" --output "jsonpath={.data.${2/./\\.}}"; }
# holds_another SUFFIX KEY DATA
holds_another() { local now; now=$(held "$1" "$2" 2>/dev/null) && [[ -n $now && $now != "$3" ]]; }

# Whether a new connection gets a certificate that the API server's bundle trusts now.
is_trusted() {
    local host=$RELEASE.$NAMESPACE.svc
    load_pod
    bundle | base64 --decode >"$dir/bundle.pem"
    curl --silent --show-error --noproxy '*' --max-time 30 --output /dev/null --cacert "$dir/bundle.pem" --resolve "$host:9443:$pod_ip" \
        "https://$host:9443/admission" 2>"$dir/shaken"
}

# judged_until SECONDS WHAT COMMAND...: edits without pause until the command succeeds. Each good one is written, and each bad one refused for its mistake.
judged_until() {
    local seconds=$1 what=$2 deadline=$((SECONDS + $1)) begun=$edits text
    shift 2
    until "$@" 2>/dev/null; do
        text=$(grep -v '^# edit' <<<"$(config_text)")
        put "$text"$'\n'"# edit $edits" >/dev/null 2>"$dir/said" || die "after $edits edits a good one was refused: $(cat "$dir/said")"
        ! put "${text/scheme: http/scheme: gopher}" >/dev/null 2>"$dir/said" || die "after $edits edits a bad one was written"
        grep -F 'nbuservers[0].scheme: ' "$dir/said" >/dev/null || die "after $edits edits a bad one was not judged: $(cat "$dir/said")"
        is_trusted || die "after $edits edits a new connection is not trusted: $(cat "$dir/shaken")"
        edits=$((edits + 2))
        ((SECONDS < deadline)) || die "within $seconds s not: $what"
    done
    log "    $((edits - begun)) edits until $what"
}

shows_another() { sync_volumes; (($(exporter_log | grep -c 'The webhook shows another certificate') > $1)); }

# Certificates that others make: Helm's own pair, and cert-manager's.
step_certificates() {
    local pair
    one_guarded chart
    pair=$(held webhook-pair tls.crt)$(bundle)
    one_guarded chart --set config.server.scrapingInterval=2h
    [[ $(held webhook-pair tls.crt)$(bundle) == "$pair" ]] || die "an upgrade made another pair"
    helm upgrade "$RELEASE" "$CHART" --reuse-values --set config.server.scrapingInterval=3h --wait --timeout 300s >/dev/null
    [[ $(held webhook-pair tls.crt)$(bundle) == "$pair" ]] || die "an upgrade with --reuse-values made another pair"
    config_text | grep -F 'scrapingInterval: 3h' >/dev/null || die "the upgrade did not write"
    is_trusted || die "the pair is not trusted"
    refuses || die "a bad edit was written"
    if [[ -x $(tool cert-manager) ]]; then
        with_cert_manager
    else
        log "SKIPPED cert-manager: it is not built; tests/cluster/tools/build cert-manager"
    fi
    guarded --set replicas=1,admissionWebhook.enabled=false --force-conflicts --wait --timeout 300s >/dev/null
    # cert-manager leaves Secrets where they are.
    k delete secret --ignore-not-found "$RELEASE-webhook-cert" "$RELEASE-webhook-ca" >&2
}

with_cert_manager() {
    local shown leaf authority trusted edits=0 manager
    kubectl apply --server-side --filename "$("$CLUSTER_SOURCE/tools/build" --crds cert-manager)" >&2
    kubectl wait --for condition=Established --timeout 60s crd/certificates.cert-manager.io crd/issuers.cert-manager.io >&2
    "$(tool cert-manager)" --kubeconfig "$dir/node/kubeconfig" >"$dir/node/log/cert-manager.log" 2>&1 &
    manager=$!
    one_guarded cert-manager
    k wait --for condition=Ready --timeout 60s certificate "$RELEASE-webhook-cert" >&2
    k get certificates,issuers >&2
    put 'nonsense: 1' 2>&1 | sed 's/^/    /' >&2 || true

    # The authority is renewed as `cmctl renew` has it, and the certificate by a Secret that is gone.
    shown=$(exporter_log | grep -c 'The webhook shows another certificate')
    leaf=$(held webhook-cert tls.crt) authority=$(held webhook-ca tls.crt) trusted=$(bundle)
    kubectl --namespace "$NAMESPACE" patch certificate "$RELEASE-webhook-ca" --subresource status --type json --patch \
        '[{"op": "add", "path": "/status/conditions/-", "value": {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}}]' >&2
    judged_until 60 "the authority is renewed" holds_another webhook-ca tls.crt "$authority"
    k delete secret "$RELEASE-webhook-cert" >&2
    judged_until 60 "the certificate is made anew" holds_another webhook-cert tls.crt "$leaf"
    judged_until 120 "it is shown" shows_another "$shown"
    judged_until 30 "a while after" a_while "$((SECONDS + 5))"
    [[ $(bundle) != "$trusted" ]] || die "the API server was told of no other authority"
    note "edits while cert-manager renews authority and certificate, all judged" "$edits"
    kill "$manager"
    wait "$manager" || true
}

a_while() { ((SECONDS > $1)); }
