"""The second floor: the loop that observes, decides and acts."""
