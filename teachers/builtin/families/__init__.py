"""What the offline teacher knows: one file a family, found by its name. How to add one: README.md."""
