import math
import re

from models.evaluation.report.figures.line_chart import Line, LineChart, nice_ticks


def test_ticks_are_round_and_span_the_data() -> None:
    assert nice_ticks(0.02, 0.93) == [0.0, 0.5, 1.0]
    assert nice_ticks(48, 101) == [40, 60, 80, 100, 120]
    assert nice_ticks(1, 8, whole=True) == [2, 4, 6, 8]
    assert nice_ticks(3, 3, whole=True) == [3]
    assert nice_ticks(-0.0004, 0.0009)[0] <= -0.0004


def test_points_rise_to_the_right_and_gaps_are_left_out() -> None:
    line = Line(name="a", colour="blue", x=[1, 2, 3, 4], y=[0.0, None, math.nan, 1.0], marked=4)
    svg = LineChart(title="loss <&>", lines=[line], x_label="epoch").__html__()
    (path,) = re.findall(r'd="M([^"]*)" fill="none"', svg)
    (x0, y0), (x1, y1) = (map(float, point.split()) for point in path.split("L"))
    assert x0 < x1
    assert y0 > y1, "up is more"
    assert "var(--blue)" in svg
    assert svg.count("<circle") == 1
    assert "loss &lt;&amp;&gt;" in svg
    assert "nan" not in svg


def chart_of(y: float | None) -> str:
    line = Line(name="a", colour="red", x=[1], y=[y])
    return LineChart(title="x", lines=[line], x_label="epoch").__html__()


def test_one_epoch_is_a_dot_and_no_value_is_nothing() -> None:
    one = chart_of(0.3)
    assert one.count("<circle") == 1
    none = chart_of(None)
    assert "<circle" not in none
    assert "nan" not in none
