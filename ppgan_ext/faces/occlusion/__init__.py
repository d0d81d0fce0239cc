"""What lies over a face: glasses, masks, hands and other objects, found by a small network; and skin under glasses."""
