"""Verbs over what any plugin can see: lists, tables, records, completion, the doctor."""
