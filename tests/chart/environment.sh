# Sourced by the scripts of this folder: a python3 with PyYAML ($PYTHON), and the helms to test with ($HELMS, one a line).

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${NBU_EXPORTER_CACHE:-${XDG_CACHE_HOME:-${HOME:-~}/.cache}/nbu-exporter}

PYTHON=$cache/chart-venv/bin/python
if ! "$PYTHON" -c 'import yaml' 2>/dev/null; then
    python3 -m venv "$cache/chart-venv"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check -r "$here/requirements-schemas.txt" || true
fi

# $HELM alone, or every helm in PATH and in the cache of the cluster tests.
find_helms() {
    if [ -n "${HELM:-}" ]; then
        echo "$HELM"
        return
    fi
    command -v helm || true
    find "$cache/cluster-tools" -type f \( -name helm -o -name 'helm[0-9]' \) -perm -u+x 2>/dev/null | sort || true
}
HELMS=$(find_helms)
if [ -z "$HELMS" ]; then
    echo "no helm found: put one into PATH, name one in HELM, or build the cluster tools (tests/cluster)" >&2
    exit 2
fi
export HELMS PYTHON NBU_EXPORTER_CACHE=$cache PYTHONDONTWRITEBYTECODE=1
# No plug-ins, repositories or settings of the user.
HELM_SCRATCH=$(mktemp -d)
trap 'rm -rf "$HELM_SCRATCH"' EXIT
export HELM_CACHE_HOME=$HELM_SCRATCH/cache HELM_CONFIG_HOME=$HELM_SCRATCH/config HELM_DATA_HOME=$HELM_SCRATCH/data
