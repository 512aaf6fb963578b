"""The pieces of the demo corpus, in the order of its table."""

from tools.demo_corpus.bach import INVENTION, PRELUDE
from tools.demo_corpus.beethoven import FUER_ELISE, MOONLIGHT
from tools.demo_corpus.chopin import PRELUDE_4, PRELUDE_20
from tools.demo_corpus.mozart import SONATA
from tools.demo_corpus.petzold import MINUET
from tools.demo_corpus.satie import GYMNOPEDIE
from tools.demo_corpus.schumann import WILD_HORSEMAN

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
