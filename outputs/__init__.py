"""What a run leaves behind: Parquet shards, rejects, manifest, dataset card; and how they are read back."""
