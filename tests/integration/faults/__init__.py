"""The fault harness: a load that records every request and reply, faults done to the cluster meanwhile, and a check of
the record against what the cluster holds in the end. README.md says how to run it and what its numbers mean."""
