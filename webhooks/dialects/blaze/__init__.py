"""BLAZE: the webhook registrations of a company and its shops (dispensary point of sale).

Its stack shows through in what it says: Jersey and Jackson, which cannot tell an absent
property from a null one, over MongoDB, whose ids are 24 hexadecimal digits.
"""
