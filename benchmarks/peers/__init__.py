"""What people write today in Python instead of Skylift: the same detector, losses, distillation and loader in PyTorch and OpenCV.

Written as their users write them (mmdetection's structure, torch's own modules and defaults), not tuned further and not slowed down.
check.py shows that the numbers are Skylift's; benchmarks/against_python.py compares the cost.
"""
