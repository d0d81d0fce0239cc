"""Parts of training that several families share."""
