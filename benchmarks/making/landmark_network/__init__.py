"""How the landmark network is made: Face Mesh read from its .tflite file, trained on, written as ONNX."""
