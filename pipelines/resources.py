"""What assets are given: the settings of this process, and the tables that follow from them."""

import dagster as dg

from pipelines.settings import Settings, load_settings
from pipelines.workspace import Workspace


class Project(dg.ConfigurableResource[None]):
    """The project as the settings file and the environment describe it when a run starts."""

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load_settings()

    @property
    def workspace(self) -> Workspace:
        """The tables and outputs of the corpus in use."""
        return Workspace(self.settings)
