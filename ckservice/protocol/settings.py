"""The settings of the process, for as long as it lives."""

from ckservice.jsonrpc.method import Request
from ckservice.model import NoParams, Params
from ckservice.settings import Settings, SettingsPatch


class UpdateParams(SettingsPatch, Params):
    """A JSON merge patch (RFC 7396) of the settings: what is left out stays, null goes back to the default."""


GET = Request("settings/get", NoParams, Settings, 'The settings in effect; secrets are shown as "set" or "unset".')
UPDATE = Request("settings/update", UpdateParams, Settings, "Change settings for as long as this process lives.")
