"""Metrics and pings for the monitoring of scheduled runs."""
