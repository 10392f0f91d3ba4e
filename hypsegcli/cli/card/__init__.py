"""The model card that a hub of models wants: Markdown, with what programs read in front. All of it from the header."""
