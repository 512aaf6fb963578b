"""Erik Satie: wide, slow chords."""

from tools.demo_corpus.score import Piece, Voice

GYMNOPEDIE = Piece(
    composer="Erik Satie",
    title="Gymnopédie No. 1 (bars 1-21)",
    split="train",
    metre="3/4",
    quarter_bpm=80,
    voices=(
        Voice(
            role="melody",
            bars="""
            R | R | R | R | r:4 f#5 a5 | g5 f#5 c#5 | b4 c#5 d5 | a4:2. |
            f#4~ | f#4~ | f#4~ | f#4 | r:4 f#5 a5 | g5 f#5 c#5 | b4 c#5 d5 | a4:2. |
            c#5 | f#5 | e4~ | e4~ | e4
            """,
        ),
        Voice(
            role="inner",
            bars="""
            {r:4 b3+d4+f#4:2 | r:4 a3+c#4+f#4:2 |}*8
            r:4 a3+c#4+f#4:2 | r:4 b3+d4+f#4:2 | r:4 g3+b3:2 | r:4 b3+d4+g4:2 | r:4 f3+a3+d4:2
            """,
        ),
        Voice(role="bass", bars="{g2:2. | d2 |}*8 f#2 | b1 | e2 | e2 | d2"),
    ),
    phrases="1 5 9 13 17",
    dynamics="1:pp 5:p< 7:mp> 9:p> 12:pp 13:p< 15:mp> 17:p< 18:mp> 21:pp",
    pedal="1-21/1",
    soft="1-4 9-12 20-21",
)
