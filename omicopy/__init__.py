"""Copy OUTSCALE machine images (OMIs) between accounts and Regions."""

__version__ = "0.1.0"
