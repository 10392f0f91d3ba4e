"""The options of the commands: groups that commands take as parameters, and single ones. Imports no torch."""
