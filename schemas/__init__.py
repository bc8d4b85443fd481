"""What travels between the rooms and what configures them: row, exchange, stage, recipe, manifest, errors."""
