"""The pictures of the README, taken of a console that has thirty days behind it.

`make pictures` writes docs/images; `python -m tests.pictures --serve` leaves that console
open, to be looked at. Everybody and everything in it is made up.
"""
