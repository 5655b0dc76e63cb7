"""The version, in a file of its own: a module that needs it does not import the package's public face."""

__version__ = "0.1.0"
