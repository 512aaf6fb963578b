from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.evaluation.report.figures.heat_map import paint_heat_map


def painted(values: list[list[float | None]]) -> Axes:
    axis = Figure().subplots()
    cells = [["" if value is None else f"{value:g}" for value in row] for row in values]
    paint_heat_map(
        axis, values, cells, rows=["first", "second"], columns=["left", "right"],
        colours="Blues", low=0, high=1,
    )  # fmt: skip
    return axis


def test_rows_go_down_columns_go_right_and_numbers_stand_in_their_cells() -> None:
    axis = painted([[0.0, 0.25], [0.5, 1.0]])
    where = {text.get_text(): text.get_position() for text in axis.texts}
    assert where == {"0": (0.5, 0.5), "0.25": (1.5, 0.5), "0.5": (0.5, 1.5), "1": (1.5, 1.5)}
    assert axis.yaxis_inverted(), "the first row is on top"
    assert [label.get_text() for label in axis.get_xticklabels()] == ["left", "right"]


def test_numbers_can_be_read_on_dark_cells_and_gaps_are_blank() -> None:
    axis = painted([[0.0, None], [None, 1.0]])
    colours = {text.get_text(): text.get_color() for text in axis.texts if text.get_text()}
    assert colours == {"0": "black", "1": "white"}
    assert axis.collections[0].get_array().mask.tolist() == [[False, True], [True, False]]
