"""Observes, decides and writes in a loop until every copy has its result."""
