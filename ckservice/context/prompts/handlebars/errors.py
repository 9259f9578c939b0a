"""What a template can have wrong with it."""


class TemplateError(Exception):
    """A template is broken, asks for what there is not, or takes too much.

    Attributes:
        message: what is wrong.
        offset: where, in characters from its beginning.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
