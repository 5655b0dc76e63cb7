"""What is running and what is there: the command `status`."""
