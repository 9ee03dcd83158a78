# The front door. Every target is one command that can also be run by hand; CI runs the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SANDBOX := $(BIN)/python -m tests.lab.sandbox --
# molecule and ansible-lint start ansible's programs by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/collections

.DEFAULT_GOAL := help
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' $(MAKEFILE_LIST))

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

venv: $(VENV)/.made ## .venv/ and the link tree collections/ansible_collections/ck8s/ports/

$(VENV)/.made: requirements.txt requirements-dev.txt requirements-test.txt scripts/link-collection.sh scripts/make-venv.sh
	PYTHON=$(PYTHON) scripts/make-venv.sh $(VENV)
	scripts/link-collection.sh
	@touch $@

packages: ## the Debian packages of the lab (installs as root or with sudo, else names them)
	scripts/install-debian-packages.sh

demo: packages venv ## opens, closes and proves the ports of three nodes in network namespaces
	$(BIN)/python -m tests.lab.demo

# Two at a time: what waits for an answer leaves its processor to the other.
test: packages venv ## lint, unit, interpreters, netns, molecule
	$(MAKE) --jobs=2 --output-sync=target lint unit netns-playbooks netns-others molecule interpreters

lint: venv ## ruff, mypy, ansible-lint (production)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	scripts/mypy.sh $(BIN)/mypy
	$(BIN)/ansible-lint --offline

unit: venv ## pure functions, data, rendering
	$(BIN)/pytest tests/unit

interpreters: venv ## the unit tests of the node's code under every Python from 3.8 on that is found here
	scripts/test-interpreters.sh

netns: netns-playbooks netns-others ## real sockets, rules and packets, in network namespaces

netns-playbooks: packages venv
	$(SANDBOX) $(BIN)/pytest tests/netns/playbooks

# All but those that `coverage` runs.
netns-more-playbooks: packages venv
	$(SANDBOX) $(BIN)/pytest tests/netns/playbooks --ignore=tests/netns/playbooks/test_playbooks.py

netns-others: packages venv
	$(SANDBOX) $(BIN)/pytest tests/netns --ignore=tests/netns/playbooks --ignore=tests/netns/harm

molecule: packages venv ## the default scenario, on the lab
	$(SANDBOX) $(BIN)/molecule --base-config .config/molecule/config.yml test

molecule-consumer: packages venv ## a user's project with the built and installed collection, on the lab
	$(SANDBOX) $(BIN)/molecule --base-config .config/molecule/config.yml test --scenario-name consumer

molecule-ha-etcd: packages venv ## three control planes with a real etcd cluster, firewalled while a client writes
	$(SANDBOX) $(BIN)/molecule --base-config .config/molecule/config.yml test --scenario-name ha_etcd

# An engine that is named in CK8S_LAB_ENGINE (docker, say) is outside the sandbox, and has networks of its own.
molecule-full: packages node-image ## the scenarios on full nodes (as root)
	set -e; for scenario in systemd_nftables systemd_ufw systemd_firewalld remove detected; do \
	    $(if $(CK8S_LAB_ENGINE),,$(SANDBOX)) $(BIN)/molecule --base-config .config/molecule/config.yml test --scenario-name $$scenario; done

bench: packages venv ## listening_sockets_info beside ss, psutil and listen_ports_facts; on an idle machine
	benchmarks/environment.sh
	$(SANDBOX) $(BIN)/python -m benchmarks.listening_sockets

bench-verify: packages venv ## verify beside a ping and beside the same checks by hand; on an idle machine, half an hour
	benchmarks/environment.sh
	$(SANDBOX) $(BIN)/python -m benchmarks.verify_cost

harm: packages venv ## what goes wrong while the firewall is changed, the slow part of it
	$(SANDBOX) $(BIN)/pytest tests/netns/harm

bench-firewall: packages venv ## node_firewall beside a ping and beside loops over iptables and ufw; on an idle machine
	benchmarks/environment.sh
	scripts/install-debian-packages.sh benchmark
	$(SANDBOX) $(BIN)/python -m benchmarks.firewall_cost

node-image: venv ## the image of the nodes with systemd, made of packages (as root)
	$(if $(CK8S_LAB_ENGINE),,scripts/install-debian-packages.sh containers)
	$(BIN)/python -m tests.lab.containers

systemd: packages node-image ## reboots of a node with systemd, in a container (as root)
	$(SANDBOX) $(BIN)/pytest tests/systemd

.PHONY: backends
backends: packages venv ## ufw and firewalld at work, unpacked into the sandbox (as root; needs iptables, dbus, busctl)
	scripts/unpack-debian-packages.sh .cache/backends
	$(SANDBOX) $(BIN)/pytest tests/backends

build: venv ## the tarball, under build/
	scripts/build.sh build

# One environment for each set of tools that does not go together with the developer's.
.venvs/%/.made: requirements-%.txt requirements.txt scripts/make-venv.sh
	PYTHON=$(PYTHON) scripts/make-venv.sh .venvs/$* $<
	@touch $@

# `coverage` is unit and netns, less most playbooks; what is skipped (no container engine, no such Python) is said again at the end. The long
# ones come first, so that the short ones fill what is left; packages are there already, and nobody need wait for them.
test-all: packages venv ## what CI runs: test, containers, coverage, every ansible-core, sanity, documentation, packaging
	@rm -f build/skipped.txt
	$(MAKE) --jobs=2 --keep-going --old-file=packages --output-sync=target coverage containers netns-more-playbooks \
		controllers documentation new-user interpreters molecule molecule-consumer molecule-ha-etcd sanity formats \
		lint shell docs docs-lint galaxy-importer release-check
	@if [ -e build/skipped.txt ]; then cat build/skipped.txt; else echo "nothing was skipped"; fi

containers: packages venv ## what needs a container engine, where there is one
	scripts/with-containers.sh "nodes with systemd" $(MAKE) systemd molecule-full

coverage: packages venv ## unit and netns (of the playbooks one file), with the coverage of plugins/; fails below the threshold in pyproject.toml
	scripts/coverage.sh $(BIN)

controllers: packages ## the unit tests and the playbooks under ansible-core 2.17 to 2.21, on Python 3.11 to 3.13
	scripts/test-controllers.sh

sanity: venv ## ansible-test sanity on what the tarball holds, oldest and newest ansible-core
	scripts/sanity.sh

shell: ## shellcheck on the scripts
	scripts/shellcheck.sh

docs-lint: venv .venvs/docs/.made ## antsibull-docs and antsibull-changelog
	.venvs/docs/bin/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all .
	.venvs/docs/bin/antsibull-changelog lint

docs: venv .venvs/docs/.made ## the site, under build/docs/html
	scripts/docs.sh .venvs/docs $(BIN)

documentation: packages venv .venvs/docs/.made ## every command of the README and docs/, run, and what they show compared
	$(SANDBOX) $(BIN)/pytest tests/documentation

new-user: packages venv ## the README followed on a new Debian 12 and a new Debian 13 (as root)
	scripts/with-containers.sh "the README on a new Debian" sh -ec '\
	    for suite in bookworm trixie; do $(BIN)/python -m tests.documentation.new_user $$suite; done'

release-check: venv .venvs/docs/.made ## the tarball, installed and tried; RELEASED=1.2.3: it is to be that release
	scripts/release-check.sh .venvs/docs $(BIN) $(RELEASED)

release: venv .venvs/docs/.made ## VERSION=1.2.3: sets the version, writes the changelog, checks the tarball
	sed -i 's/^version: .*/version: $(VERSION)/' galaxy.yml
	sed -i 's/ck8s-ports-[0-9.]*\.tar\.gz/ck8s-ports-$(VERSION).tar.gz/' README.md docs/execution-environment.yml
	.venvs/docs/bin/antsibull-changelog release --version $(VERSION)
	scripts/release-check.sh .venvs/docs $(BIN) $(VERSION)

galaxy-importer: venv .venvs/importer/.made ## what Galaxy does with the tarball; a warning is a failure
	scripts/build.sh build/importer
	scripts/galaxy-importer.sh .venvs/importer build/importer/ck8s-ports-*.tar.gz

docs/checks.md: tests/unit/judgement/cases.yml $(wildcard plugins/plugin_utils/*.py) scripts/checks_page.py | venv
	$(BIN)/python scripts/checks_page.py

clean: ## what the targets above made
	rm -rf build $(VENV) .venvs collections .mypy_cache .ruff_cache .pytest_cache .ansible

formats: venv ## every format of the report, read by the programs of others: promtool, xmllint, Chromium
	scripts/install-debian-packages.sh formats
	$(BIN)/pytest tests/formats

screenshots: venv ## docs/images/: the HTML page in Chromium, of the demo's report
	scripts/install-debian-packages.sh formats
	$(BIN)/python -m tests.formats.screenshots
