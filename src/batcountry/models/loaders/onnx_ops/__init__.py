"""What ONNX's operators do, in PyTorch, each in all its forms of opset 7 to 21.

onnx2torch knows most operators to opset 17 only, and some otherwise than they are defined (LRN, CumSum, Softmax before opset 13).
"""
