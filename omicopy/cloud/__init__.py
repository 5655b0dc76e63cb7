"""One client per service: transport, retries, credentials, signing. Knows nothing of copying."""
