"""The pages of the console.

Each thing that staff work on has one name, for its addresses, its templates and its code: a
module where it is small, else a package with `views` and `forms`. `pages` is what all of them
share. A page reads models and writes through operations, with the member of staff as the
actor. It works without JavaScript.
"""
