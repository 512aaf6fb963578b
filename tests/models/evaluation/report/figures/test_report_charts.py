import dataclasses

from models.evaluation.report.document import Report
from models.evaluation.report.figures.report_charts import plain_huber


def test_plain_huber_is_the_logged_one_or_the_term_without_its_weight(report: Report) -> None:
    model = report.models[0]
    first = model.training.epochs[0]
    assert plain_huber(model, 2.0)[0] == first.logged["huber_plain"]
    bare = dataclasses.replace(first, logged={})
    training = dataclasses.replace(model.training, epochs=(bare,))
    assert plain_huber(dataclasses.replace(model, training=training), 2.0) == [
        first.terms["huber"] / 2
    ]
