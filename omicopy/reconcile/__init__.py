"""Goals, facts, decisions, writes and the loop that reconciles each copy with the cloud."""
