"""What pages for people share, whoever they are for: staff, the admin, and partners.

Nothing here knows an interface or a page of its own. Rooms above build pages from it.
"""
