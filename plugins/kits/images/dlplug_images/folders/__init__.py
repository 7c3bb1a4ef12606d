"""Images from any folder: which files belong to which class, how each is decoded."""
