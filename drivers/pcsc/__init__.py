"""PC/SC transport; the only place that imports pyscard."""
