"""The condition under which Dagster makes a partition again by itself."""

import dagster as dg

_CHANGED: dg.AutomationCondition = (  # type: ignore[type-arg] # what Dagster's own methods take
    dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
    | dg.AutomationCondition.code_version_changed()
)

_BLOCKED: dg.AutomationCondition = dg.AutomationCondition.any_deps_match(  # type: ignore[type-arg]
    ~dg.AutomationCondition.all_checks_match(
        dg.AutomationCondition.check_passed(), blocking_only=True
    )
)
"""A blocking check of any partition of a dependency failed, or has not judged its newest rows.
Dagster's own `all_deps_blocking_checks_passed` is content with one partition of several."""

REMATERIALIZE_ON_CHANGE = (
    _CHANGED.since_last_handled()
    & ~dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
    & ~_BLOCKED
)
"""Rematerialize a partition when a dependency's data version or the code version changes.

It waits for its dependencies, so that a change propagates stage by stage, and stops where a
blocking check of one failed. Missing partitions are not made: a recipe or a corpus that nobody
asked for may mean hours of computing. Models and reports do not have this condition: a person
decides when to train.
"""
