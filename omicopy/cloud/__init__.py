"""The first floor: one client per service. It knows transport and nothing of copying."""
