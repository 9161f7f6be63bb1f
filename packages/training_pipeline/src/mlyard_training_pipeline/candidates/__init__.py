"""Candidates: their estimators, the folds that they are searched over, and their scores."""
