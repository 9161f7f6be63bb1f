"""LightGBM's and XGBoost's models: their trees as they compute them, and what becomes of the leaves' sums.

`lightgbm` and `xgboost` read each what its library writes of a fitted model, which is ours and in memory; `forest` is
what both read it as.
"""
