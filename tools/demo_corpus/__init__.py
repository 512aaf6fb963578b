"""The built-in corpus: public-domain pieces entered as notes, and a pianist model to play them."""
