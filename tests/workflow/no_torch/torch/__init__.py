"""Stands in for PyTorch, which takes two seconds to import, where methods are asked for no more than their titles and
settings. Any name in it is a class, and decorates to the same function."""


class Anything(type):
    """Its attributes are such classes, too."""

    def __getattr__(cls, name: str) -> type:
        return __getattr__(name)


def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    decorate = {"__init__": lambda self, *_, **__: None, "__call__": lambda self, function: function}
    return Anything(name, (), decorate)
