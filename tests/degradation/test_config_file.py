from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from degradation.config_file import LONGEST_SHOWN, explain, read_mapping
from degradation.errors import UserError


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_mapping(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_keys_and_values_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, "a: 1  # one\nb: {c: [2, three]}\n")
    assert read_mapping(path) == {"a": 1, "b": {"c": [2, "three"]}}


def test_a_missing_file_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    written(tmp_path, "a: 1")
    message = refusal(tmp_path / "other.yaml")
    assert "No such file" in message
    assert "settings.yaml" in message
    assert "its folder: none" in refusal(tmp_path / "nowhere" / "other.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1,\nb: }", "is not YAML: line 2"),
        ("a:\n\tb: 1", "is not YAML: line 2"),
        ("a: 1\nb: 2\na: 3", "line 3: duplicate key 'a'"),
        ("a: {b: 1, b: 2}", "line 1: duplicate key 'b'"),
        ("? [a, b]\n: 1", "line 1: found unhashable key"),
        ("- a\n- b", "should be a mapping of keys, got ['a', 'b']"),
        ("", "should be a mapping of keys, got nothing"),
        ("a: 1\nseed: 2024-13-02", "line 2: '2024-13-02' is not of type timestamp"),
        ("a: [1, !!int abc]", "line 1: 'abc' is not of type int"),
        ("a: !!int ''", "line 1: '' is not of type int"),
        ("a: !!bool perhaps", "line 1: 'perhaps' is not of type bool"),
        ("a: !!timestamp today", "line 1: 'today' is not of type timestamp"),
        (f"a: {'9' * 5000}", "line 1: '99999"),
        ("a: !!map abc", "line 1: expected a mapping node, but found scalar"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_what_is_no_mapping_is_refused_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    assert told in refusal(written(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    assert "is not YAML" in refusal(path)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int
    names: tuple[str, str] = ("a", "b")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "size is missing"),
        ({"size": 1, "sise": 2}, "sise is an unknown key"),
        ({"size": 1.5}, "size should be a whole number, got 1.5"),
        ({"size": 1, "names": ["a"]}, "names[1] is missing"),
        ({"size": 1, "names": ["a", 3]}, "names[1] should be text, got 3"),
        ({"size": None}, "size should be a whole number, got nothing"),
        (
            {"size": "x", "names": 3},
            "size should be a whole number, got 'x'; names should be a list",
        ),
    ],
)
def test_findings_name_the_key_what_was_expected_and_what_was_got(
    values: dict[str, object], told: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(values)
    assert told in explain(caught.value)


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"size": "x" * 1000})
    assert len(explain(caught.value)) < LONGEST_SHOWN + 50
