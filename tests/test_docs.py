"""The pages on architecture and models name files and functions: they must exist."""

import ast
import importlib.util
import itertools
import pydoc
import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from pipelines.cli import app

PROJECT = Path(__file__).parent.parent
NAMES = set(re.findall(r"`([\w./]+)`", (PROJECT / "docs" / "architecture.md").read_text()))
NAMED_FILES = {name for name in NAMES if "/" in name or name.endswith((".py", ".j2"))}
NAMED_FILES |= set(re.findall(r"`(models/[\w./]+)", (PROJECT / "docs" / "models.md").read_text()))
NAMED_CODE = {name for name in NAMES - NAMED_FILES if re.fullmatch(r"[a-z_]+(\.\w+)+", name)}


@pytest.mark.parametrize("name", sorted(NAMED_FILES))
def test_a_named_file_exists(name: str) -> None:
    files = [f"/{path.relative_to(PROJECT).as_posix()}" for path in PROJECT.glob("[a-z]*/**/*")]
    assert any(path.endswith(f"/{name.rstrip('/')}") for path in files)


@pytest.mark.parametrize("name", sorted(NAMED_CODE))
def test_named_code_exists(name: str) -> None:
    found = [pydoc.locate(f"{prefix}{name}") for prefix in ("", "models.", "pipelines.")]
    assert any(one is not None for one in found)


PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
BLOCKS = [
    (page.name, language, block)
    for page in PAGES
    for language, block in re.findall(r"```(\w+)\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]
LINES = sorted(
    {
        (page, line.strip())
        for page, language, block in BLOCKS
        if language == "sh"
        for line in block.splitlines()
        if line.strip()
    }
)
OTHERS = ("source", "export", "pip", "docker", "aws", "dask", "git", "apt", "curl", "cd")
"""Programs of a documented line that belong to no part of this project."""


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_documented_command_is_understood(page: str, line: str) -> None:
    """Its program and every option exist. Queries are run in test_documented_queries."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        del words[0]
    program, *rest = list(itertools.takewhile(lambda word: word not in (">", "|", "&&"), words))
    if program == "make":
        targets = re.findall(r"^(\w[\w-]*):", (PROJECT / "Makefile").read_text("utf-8"), re.M)
        assert {word for word in rest if "=" not in word} <= set(targets)
    elif program == "marimo":
        assert (PROJECT / rest[1]).is_file()
    elif program == "python":
        assert rest[0] == "-m"
        assert importlib.util.find_spec(rest[1])
    elif program == "pianograde":
        command, context = get_command(app), None
        while isinstance(command, TyperGroup):
            command.no_args_is_help = False
            context = command.make_context(
                program, rest[:1], parent=context, resilient_parsing=True
            )
            program, command, _ = command.resolve_command(context, rest)
            rest = rest[1:]
        command.make_context(program, rest, parent=context)
    else:
        assert program in OTHERS


@pytest.mark.parametrize("block", [block for _, language, block in BLOCKS if language == "python"])
def test_documented_python_imports_what_there_is(block: str) -> None:
    """README's block is run on an export in tests/storage/test_export.py."""
    for statement in ast.parse(block).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            exec(compile(ast.Module([statement], []), "documented", "exec"), {})


def test_every_block_is_of_a_language_that_is_checked() -> None:
    assert {language for _, language, _ in BLOCKS} <= {"sh", "python", "sql", "yaml"}
