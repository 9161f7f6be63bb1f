"""Candidates: their estimators, the folds that they are searched over, and their scores.

Read in this order: `encoding` (where columns are in an estimator's matrix) and `categories` (as what), `parameters`
(the table's names in a spec), `origins` (which packages a spec may name), `nesting` (estimators within others),
`targets` (functions of the target), `estimators` and `preprocessing` (what is fitted), `predictions` and their
`scoring`, `folds`, `out_of_fold` and `deciding` (what labels are made by), `search` and `conformal`; then what is known
before a fit: `memory`, `resources`, `jobs` and `footprint`, `kinds` (what a path names), `demands` (of an estimator on
a table) and `checks` (all of it).
"""
