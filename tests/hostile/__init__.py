"""Hostile clients, broken nodes and bad surroundings, one family at a time, with a well-behaved client beside them."""
