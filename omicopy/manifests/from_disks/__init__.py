"""Builds a manifest for disks that lie in a bucket without one."""
