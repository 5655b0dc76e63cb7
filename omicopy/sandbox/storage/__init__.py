"""The object storage of a Region: a SeaweedFS process, and the proxy that makes it answer as OUTSCALE does."""
