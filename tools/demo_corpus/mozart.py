"""Wolfgang Amadeus Mozart: a tune over an Alberti bass, then scales."""

from tools.demo_corpus.score import Piece, Voice

SECOND_THEME = """
    d6:8 b5 g5:4. a5:16 b5 a5:8 g5 |
    a5:32 g5 a5 g5 a5 g5 f#5:16 f#5:4 r:2 |
"""
MURMUR = "{b3:16 d4}*8 | c4 d4 b3 d4 a3 d4 b3 d4 c4 d4 b3 d4 c4 d4 a3 d4 |"

SONATA = Piece(
    composer="Wolfgang Amadeus Mozart",
    title="Sonata No. 16 in C Major, K. 545, First Movement (bars 1-28)",
    split="train",
    metre="4/4",
    quarter_bpm=136,
    freedom=0.55,
    voices=(
        Voice(
            role="melody",
            bars="""
            c5:2 e5:4 g5 | b4:4. c5:16 d5 c5:4 r | a5:2 g5:4 c6 |
            g5 g5:32 f5 g5 f5 e5:16 f5 e5:4 r |
            a4:8 b4:16 c5 d5 e5 f5 g5 a5 g5 f5 e5 d5 c5 b4 a4 |
            g4:8 a4:16 b4 c5 d5 e5 f5 g5 f5 e5 d5 c5 b4 a4 g4 |
            f4:8 g4:16 a4 b4 c5 d5 e5 f5 e5 d5 c5 b4 a4 g4 f4 |
            e4:8 f4:16 g4 a4 b4 c5 d5 e5 d5 c5 b4 a4 g4 f4 e4 |
            d4:8 e4:16 f4 g4 a4 b4 c#5 d5 a4 b4 c#5 d5 e5 f5 g5 |
            a5 b5 c6 b5 a5 g5 f5 e5 f5 g5 a5 g5 f5 e5 d5 c5 |
            b4:8> g5 e5' c5' d5> g5 e5' c5' | d5:4' b4+d5+g5' g4' r | R |"""
            + 2 * SECOND_THEME
            + """
            d6:4> r:16 d6 b5 g5 e5:4 r:16 e5 g5 e5 | c6:4> r:16 c6 a5 f#5 d5:4 r:16 d5 f#5 d5 |
            b5:4> r:16 b5 g5 e5 c5:4 r:16 c5 e5 c5 | a5:4> r:16 a5 f#5 d5 b4:4 r:16 g5 d5 b4 |
            a4:2 /b4 c5:4' /d#5 e5' | /g#5 a5:4. b5:32 a5 g#5 a5 c6:8 a5 c6 a5 |
            b5 g5 d6:2> c6:16 b5 a5 g5 | {b5:16t a5}*11 g5 a5 |
            g5:4 g5:16 d5 g5 b5 d6 b5 g5 b5 c6 a5 f#5 a5 |
            g5:4 g4:16 d4 g4 b4 d5 b4 g4 b4 c5 a4 f#4 a4 | g4:4' d5+b5' b4+g5' r
            """,
        ),
        Voice(
            role="inner",
            bars="""
            {c4:8 g4 e4 g4}*2 | d4 g4 f4 g4 c4 g4 e4 g4 | c4 a4 f4 a4 c4 g4 e4 g4 |
            b3 g4 d4 g4 c4 g4 e4 g4 |
            f4:4' r r f3+c4' | e3+c4' r r e3+c4' | d3+c4' r r d3+b3' | c3+c4' r r c3+e3' |
            f3+a3:1 | f3:4. g3:8 a3:4. f#3:8 | {g2:16 b2 d3 g3 g2 c3 e3 g3}*2 |
            g2:4' g3' g2' r | {c#4:16 d4}*4 {c4 d4}*4 |"""
            + 2 * MURMUR
            + """
            r:16 b3 d4 g4 b4:4 r:16 c4 e4 g4 c5:4 | r:16 a3 c4 f#4 a4:4 r:16 b3 d4 f#4 b4:4 |
            r:16 g3 b3 e4 g4:4 r:16 a3 c4 e4 a4:4 | r:16 f#3 a3 d4 f#4:4 r:16 g3 b3 d4 g4:4 |
            {c4+e4:8'}*8 | {c4+e4'}*8 | {d4:16 b4 g4 b4}*4 | {d4 c5 f#4 c5}*4 |
            g4+b4:4' r r d4+a4+c5' | g4+b4' r r d3+a3+c4' | g3+b3' g2+g3' g2+g3' r
            """,
        ),
    ),
    phrases="1 5 9 13.3 18 22 26",
    dynamics="1:mp 3:mf> 5:p< 6:mp 8:p 9:p< 11:f 13:p 14:mp 18:mf> 22:p< 24:f 26:mf< 28:f",
    pedal="1-4/2 18-21/2 25/1",
)
