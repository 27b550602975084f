"""The face toolbox that ships with the program: small ONNX networks and classical image processing."""
