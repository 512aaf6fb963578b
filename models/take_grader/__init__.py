"""The grader that is installed: grades whole takes from plain measures of their notes.

Imports neither torch nor dagster.
"""
