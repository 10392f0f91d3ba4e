"""Figures as lists of marks, written as SVG or drawn as pixels."""
