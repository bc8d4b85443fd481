"""What things cost, as ratios to a baseline in the same run; see `make bench`."""
