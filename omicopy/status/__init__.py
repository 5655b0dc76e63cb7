"""Reports exports, copies and the copies of a plan: the command `status`."""
