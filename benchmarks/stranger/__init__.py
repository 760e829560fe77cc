"""The starter model on half faces painted, and graded, by a hand that took no part in training."""
