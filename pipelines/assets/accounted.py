"""What every asset does besides its own work: it says what it cost, and renews the index page."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import dagster as dg

from pipelines.contents import renew_index
from pipelines.execution.cost import measure
from pipelines.resources import Project

P = ParamSpec("P")
Body = Callable[Concatenate[dg.AssetExecutionContext, Project, P], dg.MaterializeResult[None]]


def accounted(body: Body[P]) -> Body[P]:
    """Return the body of an asset of one corpus, with its cost and index added to its metadata.

    What follows the project, if anything, is the asset's run config.
    """

    @functools.wraps(body)
    def with_account(
        context: dg.AssetExecutionContext, project: Project, *args: P.args, **config: P.kwargs
    ) -> dg.MaterializeResult[None]:
        with measure() as cost:
            result = body(context, project, *args, **config)
        workspace = project.workspace(context.partition_key)
        index = renew_index(workspace, context.asset_key, context.log.warning)
        return dg.MaterializeResult(
            metadata={**(result.metadata or {}), **cost.metadata(), **index},
            data_version=result.data_version,
        )

    # Dagster links to the file of a function's own code, and to the line of what it wraps.
    linked: Any = with_account
    linked.__code__ = linked.__code__.replace(
        co_filename=body.__code__.co_filename, co_firstlineno=body.__code__.co_firstlineno
    )
    accounted_body: Body[P] = linked
    return accounted_body
