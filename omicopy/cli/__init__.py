"""The command line: it parses options, calls one function of `omicopy.api`, and prints the result."""
