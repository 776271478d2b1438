"""From approved item to finished token: plan, steps, lanes, journal."""
