"""What holds for every route: fields, errors, pages, limits of a connection."""
