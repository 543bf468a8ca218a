"""The console's pages: what staff come to do, one package for each thing they work on.

Server-rendered; a page works without JavaScript and is made livelier by it. A page reads
models and writes through operations, with the member of staff as the actor. The admin
stays the place for raw rows. Templates and tests have the same names as the packages.
"""
