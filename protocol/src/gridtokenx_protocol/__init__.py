"""The signed meter reading, its units, topics and acknowledgements."""
