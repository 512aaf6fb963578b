"""Ludwig van Beethoven: a bagatelle shared by the hands, and triplets in one pedal."""

from tools.demo_corpus.score import Piece, Voice

THEME = """
    e5:16 d#5 e5 b4 d5 c5 | a4:8 r:16 c4 e4 a4 | b4:8 r:16 e4 g#4 b4 |
    c5:8 r:16 e4 e5 d#5 | e5 d#5 e5 b4 d5 c5 | a4:8 r:16 c4 e4 a4 | b4:8 r:16 e4 c5 b4 |
"""
A_MINOR, E_MAJOR = "a2:16 e3 a3 r r:8 |", "e2:16 e3 g#3 r r:8 |"
UNDER_THEME = f"R | {A_MINOR} {E_MAJOR} {A_MINOR} R | {A_MINOR} {E_MAJOR}"

FUER_ELISE = Piece(
    composer="Ludwig van Beethoven",
    title="Bagatelle in A Minor, WoO 59, Für Elise (first section)",
    split="validation",
    metre="3/8",
    anacrusis="1/8",
    quarter_bpm=73,
    voices=(
        Voice(
            role="melody",
            bars="e5:16 d#5 |"
            + THEME
            + "a4:4 e5:16 d#5 |"
            + THEME
            + """
            a4:8 r:16 b4 c5 d5 | e5:8. g4:16 f5 e5 | d5:8. f4:16 e5 d5 | c5:8. e4:16 d5 c5 |
            b4:8 r:16 e4 e5 r | r e5 e6 r r d#5 | e5 r r d#5 e5 d#5 |"""
            + THEME
            + "a4:4.",
        ),
        Voice(
            role="bass",
            bars="R |"
            + UNDER_THEME
            + A_MINOR
            + UNDER_THEME
            + A_MINOR
            + f"""
            c3:16 g3 c4 r r:8 | g2:16 g3 b3 r r:8 | {A_MINOR} e2:16 e3 e4 r r e4 |
            e5 r r d#5 e5 r | r d#5 e5 r r:8 |"""
            + UNDER_THEME
            + "a2:16 e3 a3:4",
        ),
    ),
    phrases="0 5 8.3 13 16.2 20.2 23 27",
    dynamics="0:pp 2:p> 4:pp< 6:p> 8:pp< 10:p> 12:pp 14:p 16:p< 17:mf> 20:p> 22:pp 24:p> 28:pp",
    pedal="2/1 3/1 4/1 6/1 7/1 8/1 10/1 11/1 12/1 14/1 15/1 16-20/1 24/1 25/1 26/1 28-30/1",
    soft="0-1 22-23",
)

MOONLIGHT = Piece(
    composer="Ludwig van Beethoven",
    title="Sonata No. 14 in C-sharp Minor, Op. 27 No. 2, First Movement (bars 1-9)",
    split="train",
    metre="4/4",
    quarter_bpm=57,
    voices=(
        Voice(
            role="melody",
            bars="""
            R | R | R | R | r:2 r:4 g#4:8. g#4:16 | g#4:2. g#4:8. g#4:16 | g#4:2 a4 |
            g#4 f#4:4 b4 | e4 r r:2
            """,
        ),
        Voice(
            role="inner",
            bars="""
            {g#3:8t c#4 e4}*4 | {g#3 c#4 e4}*4 | {a3 c#4 e4}*2 {a3 d4 f#4}*2 |
            g#3 b#3 f#4 g#3 c#4 e4 g#3 c#4 d#4 f#3 b#3 d#4 | e3 g#3 c#4 {g#3 c#4 e4}*3 |
            {g#3 d#4 f#4}*4 | {g#3 c#4 e4}*2 {a3 c#4 f#4}*2 | {g#3 b3 e4}*2 {a3 b3 d#4}*2 |
            {g#3 b3 e4}*4
            """,
        ),
        Voice(
            role="bass",
            bars="""
            c#2+c#3:1 | b1+b2 | a1+a2:2 f#1+f#2 | g#1+g#2 g#1+g#2 | c#2+g#2+c#3:1 |
            b#1+g#2+b#2 | c#2+c#3:2 f#1+f#2 | b1+b2 b1+b2 | e2+e3:1
            """,
        ),
    ),
    phrases="1 5.4 7.3",
    dynamics="1:mp> 3:p< 4:mp> 5:p 6:mp< 7:mf> 9:p",
    pedal="1-2/1 3/2 4/4 5-6/1 7-8/2 9/1",
    soft="1-5",
)
