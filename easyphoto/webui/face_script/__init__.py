"""The WebUI's always-on script "EasyPhoto": puts persons into whatever txt2img and img2img generate."""
