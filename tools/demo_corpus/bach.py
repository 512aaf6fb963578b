"""Johann Sebastian Bach: broken chords, and two-part counterpoint."""

from tools.demo_corpus.score import Piece, Voice

PRELUDE_CHORDS = """
    c4 e4 g4 c5 e5
    c4 d4 a4 d5 f5
    b3 d4 g4 d5 f5
    c4 e4 g4 c5 e5
    c4 e4 a4 e5 a5
    c4 d4 f#4 a4 d5
    b3 d4 g4 d5 g5
    b3 c4 e4 g4 c5
    a3 c4 e4 g4 c5
    d3 a3 d4 f#4 c5
    g3 b3 d4 g4 b4
    g3 bb3 e4 g4 c#5
    f3 a3 d4 a4 d5
    f3 ab3 d4 f4 b4
    e3 g3 c4 g4 c5
    e3 f3 a3 c4 f4
    d3 f3 a3 c4 f4
    g2 d3 g3 b3 f4
    c3 e3 g3 c4 e4
"""
"""The prelude's five-note chords, one a bar, from the lowest note up; all are broken alike."""

CHORDS = [line.split() for line in PRELUDE_CHORDS.strip().splitlines()]

PRELUDE = Piece(
    composer="Johann Sebastian Bach",
    title="Prelude No. 1 in C Major, WTC I, BWV 846 (bars 1-19)",
    split="train",
    metre="4/4",
    quarter_bpm=88,
    freedom=0.8,
    voices=(
        Voice(
            role="melody",
            bars="|".join(f"{{r:8 {x}:16 {y} {z} {x} {y} {z}}}*2" for _, _, x, y, z in CHORDS),
        ),
        Voice(role="inner", bars="|".join(f"{{r:16 {x}:8.~ {x}:4}}*2" for _, x, *_ in CHORDS)),
        Voice(role="bass", bars="|".join(f"{{{x}:2}}*2" for x, *_ in CHORDS)),
    ),
    phrases="1 5 8 12 16",
    dynamics="1:p 4:p< 5:mf> 8:p 10:p< 12:mf 14:mp< 15:mf> 18:p 19:pp",
    pedal="1-19/1",
    soft="1-3 18-19",
)

INVENTION = Piece(
    composer="Johann Sebastian Bach",
    title="Invention No. 1 in C Major, BWV 772",
    split="train",
    metre="4/4",
    quarter_bpm=98,
    freedom=0.45,
    voices=(
        Voice(
            role="melody",
            bars="""
            r:16 c4 d4 e4 f4 d4 e4 c4 g4:8' c5' c5:32 b4 c5 b4 c5:8' |
            d5:16 g4 a4 b4 c5 a4 b4 g4 d5:8' g5' g5:32 f5 g5 f5 g5:8' |
            e5:16 a5 g5 f5 e5 g5 f5 a5 g5 f5 e5 d5 c5 e5 d5 f5 |
            e5 d5 c5 b4 a4 c5 b4 d5 c5 b4 a4 g4 f#4 a4 g4 b4 |
            a4:8' d4' c5:8. d5:16 b4 a4 g4 f#4 e4 g4 f#4 a4 |
            g4 b4 a4 c5 b4 d5 c5 e5 d5 b4:32 c5 d5:16 g5 b4:8 a4:16 g4 |
            g4:8' r r:4 r:16 g4 a4 b4 c5 a4 b4 g4 |
            f#4:8' r r:4 r:16 a4 b4 c5 d5 b4 c5 a4 |
            b4:8' r r:4 r:16 d5 c5 b4 a4 c5 b4 d5 |
            c5:8' r r:4 r:16 e5 d5 c5 b4 d5 c#5 e5 |
            d5:8' c#5' d5' e5' f5' a4' b4' c#5' |
            d5' f#4' g#4' a4' b4' c5' d5:4~ |
            d5:16 e4 f#4 g#4 a4 f#4 g#4 e4 e5 d5 c5 e5 d5 c5 b4 d5 |
            c5 a5 g#5 b5 a5 e5 f5 d5 g#4 f5 e5 d5 c5:8 b4:16 a4 |
            a4 a5 g5 f5 e5 g5 f5 a5 g5:2~ |
            g5:16 e5 f5 g5 a5 f5 g5 e5 f5:2~ |
            f5:16 g5 f5 e5 d5 f5 e5 g5 f5:2~ |
            f5:16 d5 e5 f5 g5 e5 f5 d5 e5:2~ |
            e5:16 c5 d5 e5 f5 d5 e5 c5 d5 e5 f5 g5 a5 f5 g5 e5 |
            f5 g5 a5 b5 c6 a5 b5 g5 c6:8' g5' e5 d5:16 c5 |
            c5 bb4 a4 g4 f4 a4 g4 bb4 a4 b4 c5 e4 d4 c5 f4 b4 |
            e4+g4+c5:1
            """,
        ),
        Voice(
            role="counter",
            bars="""
            r:2 r:16 c3 d3 e3 f3 d3 e3 c3 |
            g3:8' g2' r:4 r:16 g3 a3 b3 c4 a3 b3 g3 |
            c4:8' b3' c4' d4' e4' g3' a3' b3' |
            c4' e3' f#3' g3' a3' b3' c4:4~ |
            c4:16 d3 e3 f#3 g3 e3 f#3 d3 g3:8' b2' c3' d3' |
            e3' f#3' g3' e3' b2:8. c3:16 d3:8' d2' |
            r:16 g2 a2 b2 c3 a2 b2 g2 d3:8' g3' f#3' g3' |
            a3:16 d3 e3 f#3 g3 e3 f#3 d3 a3:8' d4' c4' d4' |
            g3:16 g4 f4 e4 d4 f4 e4 g4 f4:8' e4' f4' d4' |
            e4:16 a4 g4 f4 e4 g4 f4 a4 g4:8' f4' g4' e4' |
            f4:16 bb4 a4 g4 f4 a4 g4 bb4 a4 g4 f4 e4 d4 f4 e4 g4 |
            f4 e4 d4 c4 b3 d4 c4 e4 d4 c4 b3 a3 g#3 b3 a3 c4 |
            b3:8' e3' d4:8. e4:16 c4 b3 a3 g3 f#3 a3 g#3 b3 |
            a3 c4 b3 d4 c4 e4 d4 f4 e4:8' a3' e4' e3' |
            a3' a2' r:4 r:16 e4 d4 c4 b3 d4 c#4 e4 |
            d4:2~ d4:16 a3 b3 c4 d4 b3 c4 a3 |
            b3:2~ b3:16 d4 c4 b3 a3 c4 b3 d4 |
            c4:2~ c4:16 g3 a3 bb3 c4 a3 bb3 g3 |
            a3:8' bb3' a3' g3' f3' d4' c4' bb3' |
            a3' f4' e4' d4' e4:16 d3 e3 f3 g3 e3 f3 d3 |
            e3:8' c3' d3' e3' f3:16 d3 e3 f3 g3:8' g2' |
            c2+c3:1
            """,
        ),
    ),
    phrases="1 3 5 7 9 11 13 15 17 19 21",
    dynamics="1:mp 3:mp> 5:p< 6:mf 7:p< 11:mp< 14:mf 15:p 17:pp< 20:mf 22:mp",
    pedal="6/2 14/2 22/1",
)
