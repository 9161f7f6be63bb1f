"""How a candidate is judged beside a champion, on rows that neither was trained on.

Read in this order: `rows` (what is judged), `sums` and `ranks` (metrics as functions of resampled rows), `statistics`
(which metric is which), `bootstrap` (the interval of a gain).
"""
