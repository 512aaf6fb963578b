from pathlib import Path

import pytest

from degradation.errors import UserError
from models.evaluation.audits.documents import TokenAudit
from pipelines.corpora import Corpus
from pipelines.documents import document_file, read_if_made, read_made, write_audit
from pipelines.settings import load_settings
from pipelines.workspace import Workspace


def test_a_document_is_read_where_its_asset_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path))
    workspace = Workspace(load_settings(), Corpus(name="demo"))
    assert read_if_made(workspace, "phase2", "token_audit", TokenAudit) is None
    assert not (workspace.outputs / "phase2").exists(), "reading makes no folder"
    with pytest.raises(UserError, match=r"token_audit\.json is missing; .* materialise it"):
        read_made(workspace, "phase2", "token_audit", TokenAudit)
    audit = TokenAudit(operations=())
    made = write_audit(workspace, "phase2", audit)
    path = document_file(workspace, "phase2", "token_audit")
    assert made["json"].value == str(path)
    assert made["page"].value == workspace.settings.link(path.with_suffix(".html"))
    assert "notes lost" in path.with_suffix(".html").read_text()
    assert read_made(workspace, "phase2", "token_audit", TokenAudit) == audit
    path.write_text('{"rows": 3}', encoding="utf-8")
    with pytest.raises(UserError, match="make it again"):
        read_if_made(workspace, "phase2", "token_audit", TokenAudit)
