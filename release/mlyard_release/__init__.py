"""What a change of a package touches, and how a package is released."""
