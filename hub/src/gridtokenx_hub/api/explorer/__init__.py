"""What is on the chain, decoded and explained."""
