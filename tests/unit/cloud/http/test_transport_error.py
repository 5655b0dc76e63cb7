"""Errors of connections: which are temporary."""

from __future__ import annotations

import ssl

import pytest

from omicopy.cloud.errors import is_broken_tls


def reason(text: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {text}]")
    error.reason = text
    return error


@pytest.mark.parametrize(
    ("error", "is_broken"),
    [
        (reason("SSLV3_ALERT_BAD_RECORD_MAC"), True),
        (reason("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"), True),
        (reason("TLSV1_ALERT_INTERNAL_ERROR"), True),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), False),
        (reason("WRONG_VERSION_NUMBER"), False),
        (reason("TLSV13_ALERT_CERTIFICATE_REQUIRED"), False),
        (None, False),
    ],
)
def test_a_tls_error_that_will_repeat_is_a_refusal(error: ssl.SSLError | None, is_broken: bool) -> None:
    assert is_broken_tls(OSError("wrapped", error)) is is_broken
