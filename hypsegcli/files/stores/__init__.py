"""Objects of stores: read in ranges, written whole, listed, claimed. Imported only where an address is given."""
