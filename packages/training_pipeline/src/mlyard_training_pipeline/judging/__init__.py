"""How a candidate is judged beside a champion, on rows that neither was trained on.

Read in this order: `rows` (what is judged), `sums` and `ranks` (metrics as functions of resampled rows), `statistics`
(which metric is which), `blocks` (what is drawn together), `bootstrap` (the interval of a gain), `enough` (whether
there are rows to say anything), `luck` (how much of a score may be chance); then what a spec may ask beside the
champion: `calibration` and `conditions`.
"""
