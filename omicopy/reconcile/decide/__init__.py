"""The decisions: pure functions from what is known of a copy to its next step."""
