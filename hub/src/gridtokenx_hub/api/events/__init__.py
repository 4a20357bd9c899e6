"""The programs' events: kept, filtered, and sent as they come."""
