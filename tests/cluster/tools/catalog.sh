# The pinned tools: which program comes from which module, and where its build lies. Sourced, not run.
# shellcheck shell=bash

TOOLS_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOOLS_CACHE=${NBU_EXPORTER_CACHE:-${XDG_CACHE_HOME:-${HOME:-~}/.cache}/nbu-exporter}/cluster-tools

# program | module folder | package | target
CATALOG='
etcd                       etcd                go.etcd.io/etcd/server/v3                                                        control-plane
kube-apiserver             kubernetes          k8s.io/kubernetes/cmd/kube-apiserver                                             control-plane
kube-controller-manager    kubernetes          k8s.io/kubernetes/cmd/kube-controller-manager                                    control-plane
kubectl                    kubernetes          k8s.io/kubernetes/cmd/kubectl                                                    control-plane
kube-scheduler             kubernetes          k8s.io/kubernetes/cmd/kube-scheduler                                             node
kube-proxy                 kubernetes          k8s.io/kubernetes/cmd/kube-proxy                                                 node
kubelet                    kubernetes          k8s.io/kubernetes/cmd/kubelet                                                    node
coredns                    coredns             github.com/coredns/coredns                                                       node
pause                      pause               nbu-exporter.test/cluster/pause                                                  node
helm                       helm4               helm.sh/helm/v4/cmd/helm                                                         helm
helm3                      helm3               helm.sh/helm/v3/cmd/helm                                                         helm
prometheus-operator        prometheus-operator github.com/prometheus-operator/prometheus-operator/cmd/operator                  operator
prometheus-config-reloader prometheus-operator github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader operator
prometheus                 prometheus          github.com/prometheus/prometheus/cmd/prometheus                                  prometheus
cert-manager               cert-manager        nbu-exporter.test/cluster/cert-manager                                           cert-manager
'

# pinned_version FOLDER MODULE: the version that the folder's go.mod asks for.
pinned_version() {
    awk -v module="$2" '$1 == "require" { sub(/^require /, "") } $1 == module { print $2; exit }' \
        "$TOOLS_SOURCE/$1/go.mod"
}

# version_stamp FOLDER: the linker flags by which the programs know their own version. Unstamped, Kubernetes calls
# itself v0.0.0-master, which helm's kubeVersion and the kubelet's skew check refuse.
version_stamp() {
    local version minor
    case $1 in
    kubernetes)
        version=$(pinned_version kubernetes k8s.io/kubernetes)
        minor=${version#v1.}
        local package=k8s.io/component-base/version
        printf -- '-X %s.gitVersion=%s -X %s.gitMajor=1 -X %s.gitMinor=%s -X %s.gitTreeState=clean' \
            "$package" "$version" "$package" "$package" "${minor%%.*}" "$package"
        ;;
    helm3)
        # helm 3 takes the default of .Capabilities.KubeVersion from its build, as its Makefile does.
        version=$(pinned_version helm3 k8s.io/client-go)
        minor=${version#v0.}
        printf -- '-X helm.sh/helm/v3/internal/version.version=%s' "$(pinned_version helm3 helm.sh/helm/v3)"
        for package in chartutil lint/rules; do
            printf -- ' -X helm.sh/helm/v3/pkg/%s.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/%s.k8sVersionMinor=%s' \
                "$package" "$package" "${minor%%.*}"
        done
        ;;
    helm4)
        printf -- '-X helm.sh/helm/v4/internal/version.version=%s' "$(pinned_version helm4 helm.sh/helm/v4)"
        ;;
    prometheus-operator)
        version=$(pinned_version prometheus-operator github.com/prometheus-operator/prometheus-operator)
        printf -- '-X github.com/prometheus/common/version.Version=%s' "${version#v}"
        ;;
    prometheus)
        # As a module 3.16.0 is called v0.316.0.
        version=$(pinned_version prometheus github.com/prometheus/prometheus)
        version=${version#v0.}
        printf -- '-X github.com/prometheus/common/version.Version=%s.%s' "${version:0:1}" "$((10#${version:1:2})).${version##*.}"
        ;;
    esac
}

# build_flags FOLDER: what else the compiler is told. Prometheus is asked about files' targets only, and the clouds' take minutes.
build_flags() {
    [[ $1 != prometheus ]] || printf -- '-tags=remove_all_sd'
}

# module_folder FOLDER: where that module's builds lie; another pin or another stamp is another folder.
module_folder() {
    local key
    key=$({ version_stamp "$1"; find "$TOOLS_SOURCE/$1" -type f | sort | xargs cat; } | sha256sum)
    printf '%s/%s-%s\n' "$TOOLS_CACHE" "$1" "${key:0:12}"
}

# tool PROGRAM: the program's file in the cache, built or not. Fails for a name that is not in the catalog.
tool() {
    local folder
    folder=$(awk -v program="$1" '$1 == program { print $2 }' <<<"$CATALOG")
    [[ -n $folder ]] || { echo "no tool is called '$1'" >&2; return 1; }
    printf '%s/%s\n' "$(module_folder "$folder")" "$1"
}
