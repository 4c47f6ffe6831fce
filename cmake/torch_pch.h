// The one precompiled header of every target that sees torch. Sources still include what they use, narrowly.
#include <torch/torch.h>
