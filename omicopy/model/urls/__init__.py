"""Pre-signed URLs as text: parsed, found in mails, dated, and why a store refuses one. Pure."""
