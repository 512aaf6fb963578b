"""When Dagster makes a thing again by itself."""

import dagster as dg

_CHANGED: dg.AutomationCondition = (  # type: ignore[type-arg] # what Dagster's own methods take
    dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
    | dg.AutomationCondition.code_version_changed()
)

MAKE_AGAIN_WHAT_CHANGED = (
    _CHANGED.since_last_handled()
    & ~dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)
"""Make a partition again once when what it follows from, or its code, has another version.

It waits for what it follows from, so that a change runs down the graph stage by stage. What
was never made is left alone: a recipe that is there, but was not asked for, may mean hours of
computing. Models and reports do not have it: when to train is a person's decision.
"""
