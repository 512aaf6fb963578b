"""All operations. A YAML file or a stored row selects one by its name, the key `operation`."""

from typing import Annotated

from pydantic import Field

from degradation.articulation import Detached, UnevenArticulation
from degradation.difficulty import DifficultySag
from degradation.dynamics import DynamicsCompression, VelocityRoughness, VoicingLoss
from degradation.halting import CorrectedNotes, GoingBack, Halting, SlowPace
from degradation.hands import HandLag, HeavyHand, HeavyTouch
from degradation.pedal import PedalBlur, PedalLag, PedalMissed, PedalUnused
from degradation.phrasing import FlattenedPhrasing
from degradation.room import Room
from degradation.sound_effects import Bandpass, ColouredNoise, Equaliser, Gain, Noise
from degradation.timing import ChordJitter, Hesitation, OnsetJitter, TempoDrift, UnevenRuns
from degradation.wrong_notes import ChordNotesMissed, Slips, WrongNotes

NoteDamage = (
    OnsetJitter
    | ChordJitter
    | TempoDrift
    | Hesitation
    | WrongNotes
    | Slips
    | UnevenArticulation
    | VelocityRoughness
    | VoicingLoss
    | DynamicsCompression
    | FlattenedPhrasing
    | PedalLag
    | PedalMissed
    | PedalBlur
    | PedalUnused
    | SlowPace
    | Halting
    | GoingBack
    | CorrectedNotes
    | ChordNotesMissed
    | DifficultySag
    | UnevenRuns
    | HandLag
    | HeavyHand
    | HeavyTouch
    | Detached
)
SoundDamage = Bandpass | Noise | ColouredNoise | Equaliser | Gain | Room
AnyNoteOperation = Annotated[NoteDamage, Field(discriminator="operation")]
AnyOperation = Annotated[NoteDamage | SoundDamage, Field(discriminator="operation")]
