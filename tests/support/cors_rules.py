"""CORS rules as the store lists them."""

from __future__ import annotations

from omicopy.manifests.cors import Rule

APP = "https://app.example.com"


def upload_rule(*origins: str) -> Rule:
    return {
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag", "x-amz-meta-tag"],
        "AllowedMethods": ["PUT"],
        "MaxAgeSeconds": 3000,
        "AllowedOrigins": list(origins),
    }
