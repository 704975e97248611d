"""The benchmark: what a delivery costs in our server, beside yardsticks in one run. `python -m tests.bench --help`."""
