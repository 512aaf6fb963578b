"""The resource of assets and checks: settings, and the places of tables and outputs."""

import dagster as dg

from pipelines.settings import Settings, load_settings
from pipelines.workspace import Workspace


class Project(dg.ConfigurableResource[None]):
    """The project as described by the settings file and the environment when it is asked."""

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load_settings()

    @property
    def workspace(self) -> Workspace:
        """The tables and outputs of the corpus in use."""
        return Workspace(self.settings)
