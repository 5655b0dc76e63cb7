"""Proofs that nothing is made twice and nothing lost: slower than the tests, run with `pytest -m proof`."""
