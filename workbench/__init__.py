"""What stands behind `./run`: standard library only, because it sets up all the rest."""
