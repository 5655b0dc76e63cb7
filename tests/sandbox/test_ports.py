"""Ports are given out once."""

from __future__ import annotations

from omicopy.sandbox.process.ports import free_ports


def test_ports_are_given_out_once() -> None:
    ports = free_ports(50) + free_ports(50)
    assert len(set(ports)) == 100
