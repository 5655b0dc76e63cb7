"""Processes and threads: the scheduler, the HTTP server, the command that runs inside, cleaning up after a kill."""
