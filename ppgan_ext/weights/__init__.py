"""Where numbers come from: the catalog of known models, the cache and downloads, readers and strict loading."""
