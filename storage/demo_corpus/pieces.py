"""The pieces of the demo corpus, in the order of its table."""

from storage.demo_corpus.bach import INVENTION, PRELUDE
from storage.demo_corpus.beethoven import FUER_ELISE, MOONLIGHT
from storage.demo_corpus.chopin import PRELUDE_4, PRELUDE_20
from storage.demo_corpus.mozart import SONATA
from storage.demo_corpus.petzold import MINUET
from storage.demo_corpus.satie import GYMNOPEDIE
from storage.demo_corpus.schumann import WILD_HORSEMAN

PIECES = (
    PRELUDE,
    INVENTION,
    MINUET,
    SONATA,
    FUER_ELISE,
    MOONLIGHT,
    PRELUDE_4,
    PRELUDE_20,
    WILD_HORSEMAN,
    GYMNOPEDIE,
)
