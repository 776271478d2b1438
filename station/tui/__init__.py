"""The operator's screen: shows the records and the lanes, and gives the desk's own commands."""
