"""What every part of the sandbox knows: settings, behaviours, faults, the request log, the state of a Region."""
