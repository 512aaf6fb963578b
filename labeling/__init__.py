"""Labels: the scores of a draw, nine labeling functions, and how good those functions are."""
