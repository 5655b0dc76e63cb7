"""The OUTSCALE API of a Region: signatures, checks against the official OpenAPI file, and the actions."""
