"""The versions that serve.

How one is loaded (`version`, `engines`), kept (`cache`, `models`), run (`lanes`) and followed (`deployment`, `poller`).
"""
