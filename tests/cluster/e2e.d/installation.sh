# From the source tree to an exporter that a Prometheus scrapes. Sourced, not run.
# shellcheck shell=bash disable=SC2154

step_image() {
    local binary=${NBU_EXPORTER_STATIC_BINARY:-} packaging=$CLUSTER_SOURCE/../../packaging
    [[ -n $binary ]] || binary=$(nice "$packaging/build-static")
    "$packaging/rootfs" "$binary" "$dir/rootfs.tar"
    "$CLUSTER_SOURCE/pack-image" --entrypoint '["/usr/bin/nbu-exporter"]' --user 65532:65532 "$dir/rootfs.tar" "$IMAGE" "$dir/image.tar"
    "$CLUSTER_SOURCE/pack-toolbox" "$dir/toolbox.tar"
    note "image" "$(du -h --apparent-size "$dir/image.tar" | cut -f 1)"
}

step_node() {
    local owner=() began
    [[ -z $E2E_OWNER ]] || owner=(--owner "$E2E_OWNER")
    began=$(milliseconds)
    "$CLUSTER_SOURCE/node" up "$dir/node" "${owner[@]}"
    note "node up" "$(($(milliseconds) - began)) ms"
    "$CLUSTER_SOURCE/node" import "$dir/node" "$dir/image.tar" "$dir/toolbox.tar"
}

# What violates `restricted` is refused, so that what runs later does not.
step_restricted() {
    kubectl create namespace "$NAMESPACE"
    kubectl label namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted
    wait_until 60 "the namespace has its service account" k get serviceaccount default
    ! k run privileged --image "$IMAGE" --privileged >"$dir/refused" 2>&1 || die "a privileged pod was let in"
    grep -F 'violates PodSecurity "restricted' "$dir/refused"
}

step_simulator() {
    k create secret generic nbu-keys --from-literal paris=first-key --from-literal lyon=first-key
    k apply -f "$CLUSTER_SOURCE/e2e.d/simulator.yaml"
    k rollout status deployment/netbackup --timeout 300s
}

step_monitoring() { "$CLUSTER_SOURCE/monitoring" up "$dir/node"; }

step_install() {
    inventory >"$dir/before-install"
    local began
    began=$(milliseconds)
    echo "$began" >"$dir/install-began"
    helm install "$RELEASE" "$CHART" --values "$CLUSTER_SOURCE/e2e.d/values.yaml" --wait --timeout 300s | tee "$dir/notes"
    note "helm install -> pod ready" "$(($(milliseconds) - began)) ms"
    ! grep -F 'No Prometheus in this cluster selects' "$dir/notes" || die "the notes find no Prometheus"
    remember_pod
    wait_until 60 "both sites are collected" are_up paris lyon
    note "helm install -> both sites collected" "$(($(milliseconds) - began)) ms"
    # As README.md has it.
    k get --raw "/api/v1/namespaces/$NAMESPACE/services/$RELEASE:9440/proxy/metrics" | grep -c '^nbu_up{.*} 1$' | grep -x 2 >/dev/null ||
        die "the page behind the Service does not show both sites"
    wait_until 60 "the object's watch is up" sample_is nbu_exporter_config_kubernetes_watch_up 1
    [[ $(k get pod "$pod" --output 'jsonpath={.spec.securityContext.runAsUser}{.spec.containers[0].securityContext.runAsUser}') == '' ]] ||
        die "the chart names a user id"
}

query() { "$CLUSTER_SOURCE/monitoring" query "$dir/node" "$1"; }
scraped() { [[ $(query "$1" | jq -r '.[0].value[1]') == "$2" ]]; }

step_scrape() {
    wait_until 180 "Prometheus has the sites" scraped "sum(nbu_up{namespace=\"$NAMESPACE\"})" 2
    note "helm install -> both sites in Prometheus" "$(($(milliseconds) - $(cat "$dir/install-began"))) ms"
    scraped "up{namespace=\"$NAMESPACE\",service=\"$RELEASE\"}" 1
    wait_until 120 "Prometheus has the rules" rules_are_healthy
    "$CLUSTER_SOURCE/monitoring" get "$dir/node" /api/v1/rules |
        jq -r '.data.groups[] | select(.name == "nbu-exporter") | .rules[] | "    alert \(.name): \(.state)"' >&2
}

rules_are_healthy() {
    "$CLUSTER_SOURCE/monitoring" get "$dir/node" /api/v1/rules |
        jq -e '[.data.groups[] | select(.name == "nbu-exporter") | .rules[]] | length > 0 and all(.health == "ok")'
}
