"""Frédéric Chopin: a melody over repeated chords, and a chorale."""

from tools.demo_corpus.score import Piece, Voice

PRELUDE_4 = Piece(
    composer="Frédéric Chopin",
    title="Prelude in E Minor, Op. 28 No. 4 (bars 12-25)",
    split="test",
    metre="4/4",
    anacrusis="1/4",
    quarter_bpm=69,
    freedom=1.2,
    voices=(
        Voice(
            role="melody",
            bars="""
            d5:8t c5 b4 | b4:2. c5:4 | b4:2. c5:4 | b4:2. c5:4 |
            b4:8. a#4:16 a#4:8 b4:32 a#4 a4 a#4 g5:4 f#5:8. e5:16 |
            e5:8> d#5 c6> d#5 d#5 e5 g5 b4 | d5 c5 e5:8t e4 a4 f#4:4. a4:8 |
            f#4:2. /b4 a4:4 | f#4:2.~ f#4:8. e4:16 | e4:2. f#4:4 | e4:2. f#4:4 | e4:2 r |
            e3+f#3+b3+e4 d#3+f#3+b3+d#4 | e3+g3+b3+e4:1
            """,
        ),
        Voice(
            role="inner",
            bars="""
            r:4 | {g3+b3+e4:8}*8 | {f#3+a3+e4}*4 {f3+a3+d#4}*4 |
            {f3+g#3+d#4}*2 {f3+g#3+d4}*2 {e3+g#3+d4}*4 |
            {e3+g3+d4}*2 {e3+g3+c#4}*2 {c#3+e3+a#3}*2 {c3+e3+a3}*2 |
            b1+b2> {a3+c4+f#4+a4}*3 g3+b3+d#4+f#4 {g3+b3+e4}*3 |
            {a3+c4+e4}*2 a2 e3+f#3+c4 {b2+e3+b3}*2 {c3+e3+a3}*2 |
            {b2+e3+b3}*4 {c3+e3+a3}*4 | {b2+e3+b3}*4 {b2+d#3+b3}*2 {b2+d#3+a3}*2 |
            {c3+g3}*4 {c3+bb3}*2 {c3+e3+a3}*2 | {b2+e3+a3}*2 {b2+e3+g#3}*2 {b2+e3+g3}*4 |
            bb2+c3+g3:2 r | R | R
            """,
        ),
        Voice(role="bass", bars="R | {R |}*11 b1+b2:2 b1+f#2+b2 | e1+e2:1"),
    ),
    phrases="0 2.4 4.3 6.4 8.4 12",
    dynamics="0:mp> 1:p 3:p< 4:mf< 5:f> 6:mf> 7:p 9:p> 11:pp",
    pedal="1/1 2/2 3/4 4/4 5-8/2 9-11/2 12/2 13/1",
    soft="9-13",
)

PRELUDE_20 = Piece(
    composer="Frédéric Chopin",
    title="Prelude in C Minor, Op. 28 No. 20 (bars 1-8 and 13)",
    split="train",
    metre="4/4",
    quarter_bpm=48,
    voices=(
        Voice(
            role="melody",
            bars="""
            g4:4 ab4 g4:8. f4:16 eb4:4 | eb4 f4 eb4:8. db4:16 c4:4 |
            d4 e4 g4:8. f4:16 eb4:4 | d4 g4 b4:8. a4:16 g4:4 |
            eb5 eb5 d5 d5 | c5 d5 b4:8. a4:16 g4:4 | c5 ab4 g4:8. f4:16 eb4:4 |
            eb4 f4 eb4:8. d4:16 c4:4 | c5:1
            """,
        ),
        Voice(
            role="inner",
            bars="""
            g3+c4+eb4:4 ab3+c4+eb4 eb4:8. d4:16 eb3+g3+c4:4 |
            eb3+ab3+c4 f3+ab3+db4 c4:8. bb3:16 c3+eb3+ab3:4 |
            d3+f3+b3 e3+g3+bb3+c4 ab3+c4 g3+c4 | f#3+c4 g3+b3+d4 c4+d4+f#4 b3+d4 |
            eb4+g4 eb4+ab4 ab4:8. f#4:16 d4+g4:4 | c4+g4 c4+d4+f#4 d4+g4:8. c4:16 b3+d4:4 |
            c4+g4 ab3+c4 g3+d4 g3+c4 | eb3+ab3+c4 f3+ab3+db4 f3+g3+b3 eb3+g3 | c4+eb4+g4:1
            """,
        ),
        Voice(
            role="inner",
            bars="""
            r:2 g3+b3:4 r | r:2 db3+eb3+g3:4 r | R | R | r:2 d4:4 r | R | R | R | R
            """,
        ),
        Voice(
            role="bass",
            bars="""
            c2+c3:4 f1+f2 g1+g2 c2+c3 | ab1+ab2 db1+db2 eb1+eb2 ab1+ab2 |
            g1+g2 c1+c2 f1+f2 c2+c3 | d2+a2+d3 g1+g2 d1+d2 g1+g2 |
            c2+c3 c3+c4 b2+b3 bb2+bb3 | a2+a3 ab2+ab3 g2+g3 f2+f3 |
            eb2+eb3 f2+f3 b1+b2 c2+c3 | ab1+ab2 db1+db2 g1+g2 c1+c2 | c3+g3:1
            """,
        ),
    ),
    phrases="1 3 5 7",
    dynamics="1:f< 3:ff 4:ff 5:p 6:p> 7:pp 8:pp< 9:mp",
    pedal="1-8/4 9/1",
    soft="5-8",
)
