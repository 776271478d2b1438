"""Tokens of people: what an operator logs in with, signs with, and opens what is sealed to them."""
