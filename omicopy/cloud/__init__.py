"""The clients of the API and of object storage: transport, retries, credentials, signing."""
