"""`dlplug new`: a folder with a plugin that works, to be changed into one's own."""
