"""What the pages read from the database beside what the API reads."""
