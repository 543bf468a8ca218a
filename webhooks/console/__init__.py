"""The parts that all pages for people share: those of the console, and those of the admin.

No page and no interface is defined here. The rooms above build their pages from it.
"""
