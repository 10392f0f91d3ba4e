"""What runs the network: one file for each engine, one interface, one answer."""
