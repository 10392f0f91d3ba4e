"""`hypseg evaluate` and `hypseg merge`: from options to what is asked, from counts to files and tables."""
