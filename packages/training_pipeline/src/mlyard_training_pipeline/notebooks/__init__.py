"""A pipeline that somebody fitted in a notebook, made into one that a version holds.

There it takes a DataFrame with the columns of the table and says the classes themselves; here engines take one matrix
of numbers, in which a category is a code, and say positions of classes. `translation` rewrites the steps: `lookups`
those that take categories, each of which becomes a table of what the original makes of every category, and `classes`
the rest. `frames` are the rows as the notebook had them, on which `comparison` holds the two against each other.
`origin` asks whether it has seen the rows held out, and `spec_file` is the spec of such a training.
"""
