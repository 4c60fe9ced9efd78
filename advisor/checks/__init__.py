"""Checks of training records that advisor and runner share; stands on nothing but the standard library and numpy."""
