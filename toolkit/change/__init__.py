"""Change on the skin: two photographs of one side of one face, laid over each other and compared spot by spot."""

from toolkit.change.register import Registration, register_charts

__all__ = ["Registration", "register_charts"]
