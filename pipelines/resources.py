"""The resource of assets and checks: settings, and the places of tables and outputs."""

from typing import Any

import dagster as dg
from pydantic import Field

from pipelines.corpora import find_corpus
from pipelines.settings import Settings, load_settings
from pipelines.workspace import Workspace


class Project(dg.ConfigurableResource[None]):
    """The project's settings; a field that is set, in the launchpad say, goes before them."""

    workers: int | None = Field(default=None, description="processes that work at once")
    dask_scheduler: str | None = Field(
        default=None, description="address of a Dask scheduler, such as tcp://host:8786"
    )
    percepiano: str | None = Field(default=None, description="a PercePiano checkout")
    teachers: str | None = Field(default=None, description="recordings rated by teachers")
    transcription_rows: int | None = Field(default=None, description="clips a split; 0 for none")
    transcription_budget_s: float | None = Field(default=None, description="seconds a split")

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        chosen: dict[str, Any] = {
            name: value
            for name in type(self).model_fields
            if (value := getattr(self, name)) is not None
        }
        return load_settings(**chosen)

    def workspace(self, corpus: str) -> Workspace:
        """Return the tables and outputs of a corpus. Raises UserError where there is none."""
        settings = self.settings
        return Workspace(settings, find_corpus(settings, corpus))
