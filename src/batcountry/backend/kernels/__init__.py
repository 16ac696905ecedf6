"""Operations that PyTorch is slow at on a CPU, as autograd functions of our own."""
