"""Robert Schumann: a staccato ride, its tune now in one hand, now in the other."""

from tools.demo_corpus.score import Piece, Voice

RIDE = """
    a4:8' e4' a4' c5' a4' c5' | e5> c5 f5' e5' c5' a4' | b4> g#4 c5' b4' g#4' e4' |
    a4' e4' c5' b4' r e4' |
    a4' e4' a4' c5' a4' c5' | e5> c5 f5' e5' c5' a4' | b4> g#4 c5' b4' g#4' e4' |
"""
LOW_RIDE = """
    f3' c3' f3' a3' f3' a3' | c4> a3 d4' c4' a3' f3' | g3> e3 a3' g3' e3' c3' |
"""
CHORDS = """
    a3+c4:8' r r a3+c4+e4' r r | a3+c4+e4:4> a3+d4+f4:8 a3+c4+e4' r r |
    e3+g#3+b3:4> e3+a3+c4:8 e3+g#3+b3' r r |
"""
UNDER_RIDE = f"{CHORDS} a3+c4' r a3+c4' e3+g#3+b3' r r | {CHORDS} a3+c4' r e3+b3' a3+c4' r r |"
ABOVE_LOW_RIDE = """
    c4+f4+a4:8' r r c4+f4+a4' r r | f4+a4:4> f4+a4:8 f4+a4' r r |
    e4+g4+c5:4> e4+g4+c5:8 e4+g4+c5' r r |
"""

WILD_HORSEMAN = Piece(
    composer="Robert Schumann",
    title="Album for the Young, Op. 68, No. 8, The Wild Horseman",
    split="validation",
    metre="6/8",
    anacrusis="1/8",
    quarter_bpm=162,
    freedom=0.4,
    voices=(
        Voice(
            role="melody",
            bars=f"""
            e4:8' | {RIDE} a4' e4' g#4' a4' r e4' | {RIDE} a4' e4' g#4' a4' r c3' |
            {LOW_RIDE} f3' c3' a3' c3+g3' r c3' | {LOW_RIDE} f3' c3' e3' f3' r e4' |
            {RIDE} a4' e4' g#4' a4:4.'
            """,
        ),
        Voice(
            role="inner",
            touch="staccato",
            bars=f"""
            R | {UNDER_RIDE} {UNDER_RIDE}
            {ABOVE_LOW_RIDE} f4+a4+c5:8' a4' f4' e4+g4' r r |
            {ABOVE_LOW_RIDE} c4+f4+a4:8' r c4+g4' f4' r r |
            {CHORDS} a3+c4' r a3+c4' e3+g#3+b3' r r | {CHORDS} a3+c4' r e3+b3' a3+c4:4.'
            """,
        ),
    ),
    phrases="0 4.6 8.6 12.6 16.6 20.6 24.6 28.6",
    dynamics="0:mf 2:f> 4:mf 6:f> 8:mf 10:f> 12:mf 14:f> 16:mf 17:mp< 19:f> 20:mp 22:f> 24:mp"
    " 25:mf 26:f> 28:mf 30:f 32:f",
    pedal="2/2 3/2 6/2 7/2 10/2 11/2 14/2 15/2 26/2 27/2 30/2 31/2",
)
