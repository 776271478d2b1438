"""What happens to an order; every rule of issuing lives here."""
