"""What a dialect is called where a row keeps only a slug, or the name of a wire profile."""

from webhooks.rest import desks


def title(stored: str) -> str:
    """As the forms name it; a dialect that is not installed by what the row says."""
    for desk in desks.all():
        if stored in {desk.slug, desk.profile.name}:
            return desk.title
    return stored
