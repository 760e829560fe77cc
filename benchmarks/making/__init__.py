"""What makes the weights that come with the product."""
