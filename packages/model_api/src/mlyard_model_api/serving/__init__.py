"""The versions that serve, in the order in which one comes to serve.

Who sees that a champion moved (`registry`, `watch`, `followers`, `follower`), how its files come here and stay
(`download`, `cache`, `history`), how it is loaded (`loading`: `marks`, `turns`, `memory`, `trial`; what may have to be
stopped runs in `children`), what it is then (`version`, `answers`, `lanes`; its engine is one of `mlyard_shared`), and
where requests find it (`models`). `assembly` puts these together; `orders` are what a person asks of a running API.
"""
