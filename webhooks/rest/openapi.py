"""How the views of an interface are described in its OpenAPI document."""

from drf_spectacular import openapi


class AutoSchema(openapi.AutoSchema):
    """Offers the media types that a view reads.

    Some frameworks take a body of any other type for no body at all (see
    `parsing.Ignored`). A document does not offer such types: nothing of the body is read.
    """

    def map_parsers(self) -> list[str]:
        return [media for media in super().map_parsers() if "*" not in media]
