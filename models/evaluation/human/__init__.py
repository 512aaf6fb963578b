"""Whether functions and models follow listeners: PercePiano's ratings beside what we measure."""
