"""Metrics and pings, to monitor scheduled runs."""
