"""Measures Slotless beside a direct connection and any peer; the command is scripts/bench.

One redis-benchmark runs at a time. In each round every target is measured once, and the target that
begins changes from round to round, so that a slow moment of the machine does not fall on one of them
only. What is compared are medians over the rounds; the smallest and largest value say how far to
trust them.
"""
