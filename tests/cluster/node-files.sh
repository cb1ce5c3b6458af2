# The files that a node's programs read. Sourced by `node`, not run; the settings are those of `node up`.
# shellcheck shell=bash disable=SC2154

write_credentials() {
    local pki=$dir/control-plane/pki server name
    server=$(sed -n 's/^API_SERVER=//p' "$dir/control-plane/env")
    new_certificate "$pki" kubelet /O=system:nodes/CN=system:node:node "IP:$node_ip,DNS:node"
    new_certificate "$pki" scheduler /CN=system:kube-scheduler
    new_certificate "$pki" proxy /CN=system:kube-proxy
    for name in kubelet scheduler proxy; do new_kubeconfig "$dir/etc/$name.kubeconfig" "$server" "$pki" "$name"; done
    cp "$dir/control-plane/kubeconfig" "$dir/kubeconfig"
    sed "s#^KUBECONFIG=.*#KUBECONFIG=$dir/kubeconfig#" "$dir/control-plane/env" >"$dir/env"
    printf '%s\n' "NODE_IP=$node_ip" "POD_CIDR=$pod_cidr" "CONTROL_PLANE=$dir/control-plane" >>"$dir/env"
}

# The kubelet's sync period and caches stay at their defaults: their delays are part of what the tests look at.
write_kubelet_configuration() {
    cat >"$dir/etc/kubelet.yaml" <<CONFIG
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $dir/control-plane/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $dir/control-plane/pki/kubelet.crt
tlsPrivateKeyFile: $dir/control-plane/pki/kubelet.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
volumePluginDir: /var/lib/kubelet/volume-plugins
cgroupDriver: cgroupfs
cgroupRoot: /$name
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
clusterDNS: [$node_ip]
clusterDomain: cluster.local
resolvConf: ""
CONFIG
}

# Overlays do not stack on every file system (a container's own root is one); copies work everywhere, slowly.
snapshotter() {
    local probe=$dir/lib/probe
    mkdir -p "$probe"/{lower,upper,work,merged}
    if mount -t overlay overlay -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null; then
        umount "$probe/merged"
        echo overlayfs
    else
        echo native
    fi
    rm -rf "$probe"
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE a sandbox may not ask for a lower score than its parent's.
write_containerd_configuration() {
    local debian
    debian=$("$CLUSTER_SOURCE/tools/debian" --root node)
    cat >"$dir/etc/containerd.toml" <<CONFIG
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "nbu-exporter.test/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$(snapshotter)"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "$debian/wrapped/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$debian/usr/lib/cni"
    conf_dir = "$dir/etc/cni"
CONFIG
    cat >"$dir/etc/cni/10-pods.conflist" <<CONFIG
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [{
    "type": "ptp",
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pod_cidr"}]], "routes": [{"dst": "0.0.0.0/0"}]}
  }]
}
CONFIG
}

# Names outside the cluster do not exist: nothing here may reach out.
write_coredns_configuration() {
    cat >"$dir/etc/Corefile" <<CONFIG
cluster.local {
    bind $node_ip
    errors
    kubernetes cluster.local {
        kubeconfig $dir/kubeconfig
    }
}
. {
    bind $node_ip
    template ANY ANY {
        rcode NXDOMAIN
    }
}
CONFIG
}

pack_pause() {
    tar -C "$(dirname "$(tool pause)")" -cf "$dir/pause.rootfs.tar" pause
    "$CLUSTER_SOURCE/pack-image" --entrypoint '["/pause"]' "$dir/pause.rootfs.tar" nbu-exporter.test/pause:1 "$dir/pause.tar"
    rm "$dir/pause.rootfs.tar"
}
