"""What a performance should be called: scores, labeling functions and how good those are."""
