"""StyleGAN2 (arXiv 1912.04958) with ADA."""
