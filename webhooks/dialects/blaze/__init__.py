"""BLAZE: the webhook registrations of a company and its shops (dispensary point of sale).

Error messages follow its framework: Jersey and Jackson, which treat an absent property like
a null one. Ids are those of MongoDB: 24 hexadecimal digits.
"""
