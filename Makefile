# What a person runs here, and CI with the same words. Needs only make and a shell to begin with.
.DEFAULT_GOAL := help
.PHONY: help demo test check soak bench install uninstall venv engine test-packages systemd-packages clean
BIN := .venv/bin
MINUTES := 20
SEED := 1
# Tests on the engine run one after another: they share it, and its two cores.
PARALLEL := -n 2 --dist loadfile
CORE := tests/inventory tests/settings tests/policy tests/plan tests/daemon
TEST_PACKAGES := nginx-light busybox-static procps prometheus openssl libfaketime e2fsprogs mount chromium fonts-dejavu-core

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: venv engine ## show the autoscaler at work on this machine, with load, in under 4 minutes
	$(BIN)/python -m autoscaler demo --output build/demo.json

test: venv engine test-packages systemd-packages ## run all tests, those on a real engine and NGINX included
	$(BIN)/python -m pytest -m "not engine" $(PARALLEL)
	$(BIN)/python -m pytest -m engine

soak: venv engine test-packages ## live MINUTES=20 of random load and faults, drawn from SEED=1, on a real engine
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --seed $(SEED)

bench: venv engine test-packages ## measure what the daemon costs against the floor; ROWS=decide_us,tick_scaling for some
	$(BIN)/python -m tests.bench --rows "$(ROWS)"

check: venv test-packages ## look at style, types and layers, and run the tests of rules, settings and controller
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/python -m autoscaler.settings.document --check config/autoscaler.env
	$(BIN)/python -m pytest -m "not engine" $(PARALLEL) $(CORE)

install: ## install the daemon on this host under systemd, or bring it up to date (root)
	@sh config/deploy/install.sh

uninstall: ## take it off again; settings and history stay unless PURGE=1 (root)
	@PURGE=$(PURGE) sh config/deploy/uninstall.sh

clean: ## remove what was built, and stop the engine if `make` started it
	-@docker image ls -q --filter label=autoscaler.test=systemd 2>/dev/null | xargs -r docker image rm
	sh config/dev/engine.sh stop
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf *.egg-info
	find autoscaler tests -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@sh config/dev/venv.sh

engine: venv
	@sh config/dev/engine.sh start

systemd-packages:
	@sh config/dev/packages.sh debootstrap

test-packages:
	@sh config/dev/packages.sh $(TEST_PACKAGES)
