"""A meter's way in and out: one-time codes, claims, registration, and every change after it."""
