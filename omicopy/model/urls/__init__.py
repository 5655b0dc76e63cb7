"""Pre-signed URLs: parsing them, finding them in text, when they expire, why a store refuses one."""
