"""`python -m pipelines.cli`."""

from pipelines.cli import app

if __name__ == "__main__":  # worker processes may import it
    app()
