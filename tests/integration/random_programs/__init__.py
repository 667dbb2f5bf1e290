"""Random programs over all data types, run against one plain Redis and whatever shall be the same: see rows.py, trial.py."""
