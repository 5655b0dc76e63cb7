"""The data types that all packages share: images, exports, manifests, requests. No network, no clock, no SDK."""
