"""What measures the product, and what makes its own weights; none of it is installed with the package."""
