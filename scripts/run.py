"""`make run`: fetch the weights, start every process of the Procfile, say how to use them, stop them on Ctrl-C."""
