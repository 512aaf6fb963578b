"""Christian Petzold: a dance in two voices, long given to Bach."""

from tools.demo_corpus.score import Piece, Voice

OPENING = """
    d5:4 g4:8 a4 b4 c5 | d5:4 g4' g4' | e5:4 c5:8 d5 e5 f#5 | g5:4 g4' g4' |
    c5:4 d5:8 c5 b4 a4 | b4:4 c5:8 b4 a4 g4 |
"""

MINUET = Piece(
    composer="Christian Petzold",
    title="Minuet in G Major, BWV Anh. 114",
    split="test",
    metre="3/4",
    quarter_bpm=138,
    freedom=0.6,
    voices=(
        Voice(
            role="melody",
            bars=OPENING
            + "f#4:4 g4:8 a4 b4 g4 | /b4 a4:2. |"
            + OPENING
            + """
            a4:4 b4:8 a4 g4 f#4 | g4:2. |
            b5:4 g5:8 a5 b5 g5 | a5:4 d5:8 e5 f#5 d5 | g5:4 e5:8 f#5 g5 d5 |
            c#5:4 b4:8 c#5 a4:4' | a4:8 b4 c#5 d5 e5 f#5 | g5:4' f#5' e5' | f#5' a4' c#5' |
            d5:2. |
            d5:4 g4:8 f#4 g4:4' | e5:4 g4:8 f#4 g4:4' | d5:4' c5' b4' | a4:8 g4 f#4 g4 a4:4' |
            d4:8 e4 f#4 g4 a4 b4 | c5:4' b4' a4' | b4:8 d5 g4:4 f#4 | b3+d4+g4:2.
            """,
        ),
        Voice(
            role="inner",
            touch="detached",
            bars="b3+d4:2 r:4 | {R |}*23 r:4 d4:2 | r:4 e4:2 | R | R | r:2 f#3:4 | R | R | R",
        ),
        Voice(
            role="counter",
            touch="detached",
            bars="""
            g3:2 a3:4 | b3:2. | c4 | b3 | a3 | g3 | d4:4 b3 g3 | d4:4 d3:8 c4 b3 a3 |
            b3:2 a3:4 | g3 b3 g3 | c4:2. | b3:4 c4:8 b3 a3 g3 | a3:2 f#3:4 | g3:2 b3:4 |
            c4 d4 d3 | g3:2 g2:4 |
            g3:2. | f#3 | e3:4 g3 e3 | a3:2 a2:4 | a3:2. | b3:4 d4 c#4 | d4 f#3 a3 | d4 d3 c4 |
            b3:2 b3:4 | c4:2 c4:4 | b3 a3 g3 | d4:2 r:4 |
            d3:2. | e3:4 g3 f#3 | g3 b2 d3 | g3 d3 g2
            """,
        ),
    ),
    phrases="1 5 9 13 17 21 25 29",
    dynamics="1:mp 5:mp> 8:p 9:p< 13:mp> 16:p 17:mf> 20:p< 22:mf 24:mp 25:pp< 27:p 29:p< 32:mf",
    pedal="8/1 16/1 24/1 32/1",
)
