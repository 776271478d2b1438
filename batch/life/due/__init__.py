"""What each role must do, collected from every part of the work."""
