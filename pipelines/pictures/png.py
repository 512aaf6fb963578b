"""Figures as PNG bytes small enough to stand inside Dagster's markdown metadata.

Figures are built through matplotlib's objects, never pyplot: that keeps state a process wide,
which threads and worker processes would share.
"""

import base64
import io

from matplotlib.figure import Figure
from PIL import Image

DOTS_PER_INCH = 100

WIDTH_INCHES = 10.8
"""What the UI shows whole in its window for Markdown, on a screen 1,400 pixels wide."""


def as_markdown(png: bytes, alt: str) -> str:
    """Return markdown that shows a PNG without another request; `alt` describes it in words."""
    words = alt.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def as_png(figure: Figure) -> bytes:
    """Return a figure as a PNG with a palette, a fraction of the size."""
    written = io.BytesIO()
    figure.savefig(written, format="png")
    picture = Image.open(written).convert("RGB")
    packed = io.BytesIO()
    # A palette halves the bytes; maximum coverage keeps colours that only a few notes have.
    palette = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette.save(packed, "png", optimize=True)
    return packed.getvalue()
