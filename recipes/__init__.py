"""The recipes and the seed tasks that come with the program; data only."""
