"""What several families train with."""
