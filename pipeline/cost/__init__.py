"""What tokens cost: dated price tables, charges, upper bounds and the budget."""
