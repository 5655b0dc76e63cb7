"""Metrics and pings for those who watch scheduled runs."""
