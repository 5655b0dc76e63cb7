"""The pure ground floor: what images, exports, manifests and requests are. No network, no clock, no SDK."""
