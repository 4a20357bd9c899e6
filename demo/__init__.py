"""The main job of the product, played through on one machine with nothing faked."""
