"""Builds a manifest for disks in a bucket that have none."""
