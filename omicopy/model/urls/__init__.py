"""Pre-signed URLs as text: parsed, found in mails, dated; why a store refuses one. Pure."""
