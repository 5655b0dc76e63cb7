"""Manifests of exports: find, check, sign, re-sign, inspect, hand off, build; CORS for uploads."""
