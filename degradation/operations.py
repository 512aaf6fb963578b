"""Every operation there is, told apart in YAML and in rows by its name."""

from typing import Annotated

from pydantic import Field

from degradation.articulation import UnevenArticulation
from degradation.channel import Bandpass
from degradation.coloured_noise import ColouredNoise
from degradation.dynamics import DynamicsCompression
from degradation.equaliser import Equaliser
from degradation.gain import Gain
from degradation.hesitation import Hesitation
from degradation.melody_balance import VoicingLoss
from degradation.noise import Noise
from degradation.pedal import PedalBlur, PedalLag, PedalMissed
from degradation.phrasing import FlattenedPhrasing
from degradation.pitch import WrongNotes
from degradation.room import Room
from degradation.roughness import VelocityRoughness
from degradation.slips import Slips
from degradation.tempo import TempoDrift
from degradation.timing import ChordJitter, OnsetJitter

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
)
SoundDamage = Bandpass | Noise | ColouredNoise | Equaliser | Gain | Room
Operation = Annotated[NoteDamage | SoundDamage, Field(discriminator="operation")]
OperationOnNotes = Annotated[NoteDamage, Field(discriminator="operation")]
