"""What Prefect costs a run: time at the default shard size, and the database after a million rows."""
