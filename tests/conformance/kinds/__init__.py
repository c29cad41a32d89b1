"""One module per kind of case; see the package above for their form."""
