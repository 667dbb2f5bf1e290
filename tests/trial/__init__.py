"""The whole way from one Redis into a cluster and back, on real servers, with everything that may happen on it: scripts/migration-trial."""
