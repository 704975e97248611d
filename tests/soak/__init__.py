"""Load that lasts: many who are idle, floods, readers that are stopped, churn.  See `python -m tests.soak --help`."""
