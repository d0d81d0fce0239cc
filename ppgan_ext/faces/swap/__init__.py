"""What the classic fusion needs: one face drawn over another's, light and tone matched, the seam hidden."""
