"""HTTP: proxies, certificates, time limits, and one function that sends a request."""
