"""The console's pages: what staff come to do, in the look of the admin beside it.

Server-rendered; a page works without JavaScript and is made livelier by it. A page reads
models and writes through operations, with the member of staff as the actor. The admin
stays the place for raw rows; the two share a navigation by settings and no code.
"""
