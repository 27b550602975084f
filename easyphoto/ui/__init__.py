"""The web page: one set of gradio panels for the program on its own and for the WebUI."""
