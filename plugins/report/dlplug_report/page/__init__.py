"""A report of one run or of many: what it says, written as HTML, as Markdown or to W&B."""
