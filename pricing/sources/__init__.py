"""One small adapter a price list: the bytes it publishes to rows in the form of pricing/data. No network, no disk."""
