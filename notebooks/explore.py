"""Looks at a recipe's rows and listens to them: `marimo edit notebooks/explore.py`."""

import marimo

app = marimo.App(width="medium", app_title="pianograde: a recipe's rows")


@app.cell
def _():
    import marimo as mo
    from matplotlib.figure import Figure

    from labeling.functions import LABELING_FUNCTIONS
    from models.evaluation.report.figures.palette import TIER_COLOURS
    from pipelines.pictures.before_after import before_and_after
    from pipelines.settings import recipe_names
    from pipelines.workspace import open_workspace
    from storage.replay import find_row, replay
    from storage.tables import table_exists

    return (
        Figure, LABELING_FUNCTIONS, TIER_COLOURS, before_and_after, find_row, mo, open_workspace,
        recipe_names, replay, table_exists,
    )  # fmt: skip


@app.cell
def _(mo, open_workspace, recipe_names, table_exists):
    workspace = open_workspace(None)  # PIANOGRADE_CORPUS chooses one of several
    made = [name for name in recipe_names() if table_exists(workspace.table(name, "samples"))]
    mo.stop(not made, mo.md(f"No recipe was made yet: run `{workspace.command()}`."))
    recipe = mo.ui.dropdown(made, value="phase2" if "phase2" in made else made[0], label="recipe")

    def ask(sql):
        """Return the answer to a query as a pandas DataFrame."""
        return workspace.connect(recipe.value, sql).sql(sql).df()

    def shown(rows):
        """Return a table without boxes to tick and small charts."""
        return mo.ui.table(rows, selection=None, show_column_summaries=False)

    return ask, recipe, shown, workspace


@app.cell
def _(ask, mo, recipe, workspace):
    counts = ask("select count(*) as rows, count(distinct composition) as pieces from samples")
    mo.vstack(
        [
            mo.md(
                f"# The rows of recipe {recipe.value}\n\n{counts['rows'][0]:,} graded versions of "
                f"passages from {counts['pieces'][0]} pieces of corpus {workspace.corpus.name}. "
                "Every answer below comes of a query; the last cell takes one of your own."
            ),
            recipe,
        ]
    )
    return


@app.cell
def _(ask, mo, shown):
    mo.vstack([mo.md("## Tier × composer"), shown(ask("from tier_by_composer order by all"))])
    return


@app.cell
def _(LABELING_FUNCTIONS, mo):
    function = mo.ui.dropdown(
        [one.name for one in LABELING_FUNCTIONS], value="MIDITimingVariance", label="function"
    )
    mo.vstack([mo.md("## Does a labeling function tell the tiers apart?"), function])
    return (function,)


@app.cell
def _(Figure, TIER_COLOURS, ask, function, mo):
    scores = ask(
        f"select tier, {function.value}_score as score from samples "
        "where duplicate_of is null and score is not null"
    )
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.add_subplot()
    of_tiers = [scores.loc[scores["tier"] == tier, "score"] for tier in TIER_COLOURS]
    boxes = axes.boxplot(of_tiers, orientation="horizontal", patch_artist=True, widths=0.6)
    for box, middle, colour in zip(
        boxes["boxes"], boxes["medians"], TIER_COLOURS.values(), strict=True
    ):
        box.set_facecolor(colour)
        middle.set_color("black")
    axes.set_yticks(
        range(1, 5), [f"{t} ({len(s)})" for t, s in zip(TIER_COLOURS, of_tiers, strict=True)]
    )
    axes.invert_yaxis()
    axes.set_xlabel(f"{function.value}: score, 0 to 100 (box: middle half of the rows)")
    axes.spines[["top", "right"]].set_visible(False)
    mo.as_html(figure)
    return


@app.cell
def _(ask, mo, shown):
    conflicts = ask(
        "select dimension, function, other_function, count(*) as rows, "
        "round(avg(difference), 1) as mean_difference, "
        "round(quantile_cont(difference, 0.95), 1) as exceeded_by_one_in_20 "
        "from function_conflicts group by all order by all"
    )
    mo.vstack([mo.md("## Where two functions contradict each other"), shown(conflicts)])
    return


@app.cell
def _(ask, mo):
    rows = (
        ask(
            "select sample_id, tier, title, start_s from samples where duplicate_of is null "
            "order by hash(sample_id)"
        )
        .groupby("tier")
        .head(10)
    )
    choices = {
        f"{row.tier}: {row.title}, from {row.start_s:g} s ({row.sample_id[-2:]})": row.sample_id
        for row in rows.sort_values(["tier", "title", "start_s"]).itertuples()
    }
    first = next((name for name in choices if name.startswith("poor")), next(iter(choices)))
    chosen = mo.ui.dropdown(choices, value=first, label="row", full_width=True)
    mo.vstack([mo.md("## Hear and see a row, before and after"), chosen])
    return (chosen,)


@app.cell
def _(before_and_after, chosen, find_row, mo, recipe, replay, workspace):
    from storage.audio import encode_flac

    row = find_row([workspace.table(recipe.value, "pairs")], chosen.value)
    heard = replay(row, workspace.root)
    picture = before_and_after(
        heard.clean, heard.clean_sound, heard.degraded, heard.sound,
        f"{row['composer']}: {row['title']}, tier {row['tier']}",
    )  # fmt: skip
    players = [
        mo.vstack([mo.md(name), mo.audio(encode_flac(sound))])
        for name, sound in (("before", heard.clean_sound), ("after", heard.sound))
    ]
    mo.vstack(
        [
            mo.hstack(players, justify="start", wrap=True),
            mo.image(picture, alt="piano roll, pedal and spectrogram, before and after"),
            mo.md(f"`{chosen.value}`: `pianograde replay` writes its files."),
        ]
    )
    return


@app.cell
def _(mo):
    sql = mo.ui.text_area(
        "select tier, count(*) as rows, avg(jitter_ms) as jitter_ms from samples group by tier",
        label="SQL",
        full_width=True,
    ).form()
    mo.vstack([mo.md("## A query of your own (docs/cookbook.md has twelve)"), sql])
    return (sql,)


@app.cell
def _(ask, mo, shown, sql):
    mo.stop(not sql.value)
    shown(ask(sql.value))
    return


if __name__ == "__main__":
    app.run()
