"""Where our copies of persons' LoRAs lie among the WebUI's; apart, since the start of a WebUI has to know it."""

FOLDER = ".easyphoto"  # gradio 3 hands out no file from below a dot-folder; webui/file_guard.py sees to the others
