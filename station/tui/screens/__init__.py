"""One module or package for each area of the desk."""
