"""Writing entities: all of a change or none of it, and never over what somebody else has written."""

from ckservice.context.saving.entity import save
from ckservice.context.saving.generated import save_new
from ckservice.context.saving.model import Saved

__all__ = ["Saved", "save", "save_new"]
