"""What learns from the shards: features, networks, training and evaluation. Knows no Dagster."""
