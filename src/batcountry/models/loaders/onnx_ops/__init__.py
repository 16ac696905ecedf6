"""What ONNX's operators do, in PyTorch, each in all its forms of opset 7 to 21."""
