"""`dlplug verify`: seeds trained, compared with a target and recorded; tables written from the records."""
