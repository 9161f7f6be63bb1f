"""The routes: each takes a request apart, asks the middle, and gives its answer."""
