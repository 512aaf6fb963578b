import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from degradation.errors import UserError
from models.document import Number, read_document, write_document


@dataclass(frozen=True)
class Figure:
    name: str
    values: tuple[Number, ...]


@dataclass(frozen=True)
class Page:
    figures: dict[str, Figure]
    best: Figure | None


def test_a_document_reads_back_as_it_was_written(tmp_path: Path) -> None:
    page = Page({"r": Figure("r", (0.1 + 0.2, 1e-300, -0.0))}, None)
    write_document(tmp_path / "deep" / "page.json", page)
    assert read_document(tmp_path / "deep" / "page.json", Page) == page


def test_an_undefined_number_is_null_in_the_file_and_nan_again(tmp_path: Path) -> None:
    write_document(tmp_path / "page.json", Figure("r", (math.nan, 1.5)))
    assert "NaN" not in (tmp_path / "page.json").read_text()
    first, second = read_document(tmp_path / "page.json", Figure).values
    assert math.isnan(first)
    assert second == 1.5


@pytest.mark.parametrize("content", ["{}", "not json", '{"name": "r", "values": ["x"]}'])
def test_another_content_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "figure.json").write_text(content)
    with pytest.raises(UserError, match=r"figure\.json is no Figure .*: make it again") as raised:
        read_document(tmp_path / "figure.json", Figure)
    assert "\n" not in str(raised.value)
