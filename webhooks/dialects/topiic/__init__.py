"""Topiic: the webhook settings of one API key of a merchant (subscription billing).

Its stack shows through in everything it says: ASP.NET Core with System.Text.Json, so
property names match in any case, errors are RFC 7807 problems and nulls are written.
"""
