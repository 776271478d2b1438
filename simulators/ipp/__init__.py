"""A real IPP Everywhere printer (CUPS' `ippeveprinter`) on a bench, whose pages come out as files."""
