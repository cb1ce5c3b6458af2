# The tasks of this repository. `make help` lists them.

TOOLS  ?= all
# Where `make cluster-up` puts its cluster: outside the tree.
CLUSTER ?= /tmp/nbu-exporter-cluster

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: cluster-tools
cluster-tools: ## build Kubernetes, helm and the operator into the cache (TOOLS=control-plane for a part)
	tests/cluster/tools/build $(TOOLS)
	tests/cluster/tools/debian node image prometheus

.PHONY: cluster-up
cluster-up: ## start a Kubernetes node in CLUSTER (needs root; tools must be built)
	tests/cluster/node up $(CLUSTER)

.PHONY: cluster-down
cluster-down: ## take that node down again
	tests/cluster/node down $(CLUSTER)

.PHONY: e2e-control-plane
e2e-control-plane: ## prove what needs neither node nor root (after cluster-tools)
	tests/cluster/e2e --control-plane

.PHONY: e2e
e2e: cluster-tools ## prove the whole product on a real cluster (needs root)
	tests/cluster/e2e
