"""Profiles: from a name on the command line to the credentials of one account."""
