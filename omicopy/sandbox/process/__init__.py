"""Processes and threads: the scheduler, the HTTP server, the command that runs inside, clean-up."""
