"""Hearing notes and pedal in sound: spectrum in, performance out."""
