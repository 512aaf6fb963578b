"""How a performance goes bad: arrays in, arrays out. No files but the soundfont, no Dagster."""
