"""The decisions. Pure: from what is known of a copy to its one next step."""
