"""What a photo shows of a head: its hair and where that ends, its bare skin, its beard, the person it belongs to."""
