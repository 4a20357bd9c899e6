"""What an installer runs on the device: installation, and renewal of its certificate."""
