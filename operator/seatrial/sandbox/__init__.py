"""Processes of their own for users' expressions and bodies of answers, so that neither can hold the operator up."""
