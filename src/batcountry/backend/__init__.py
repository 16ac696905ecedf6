"""The machine: devices, threads, memory, files and folders, and kernels for CPUs."""
