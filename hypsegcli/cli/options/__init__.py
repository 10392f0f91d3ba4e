"""The options of the commands: groups that commands take as parameters, and single ones.

None of these modules imports torch, and they do without postponed annotations, which would be evaluated for every
command again.
"""
