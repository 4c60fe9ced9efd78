"""Advice to text and files; nothing is computed here, and only here is anything rounded."""
