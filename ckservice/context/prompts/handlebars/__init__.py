"""Handlebars templates: logic-less text with data in it, https://handlebarsjs.com/guide/.

The language is that of handlebars.js 4 with `noEscape`: what comes out is Markdown, in which `&lt;` would be noise.
There are no partials, decorators and raw blocks, and no helpers but those that are given. A template reads data and
nothing else: only names in mappings and places in lists lead anywhere. Beyond JavaScript, `items.0` needs no brackets,
members come in the order of the file, nothing is nothing in blocks too, and what calls an unknown helper is an error even without arguments.
"""

from ckservice.context.prompts.handlebars.errors import TemplateError
from ckservice.context.prompts.handlebars.rendering import render
from ckservice.context.prompts.handlebars.values import Helper

__all__ = ["Helper", "TemplateError", "render"]
