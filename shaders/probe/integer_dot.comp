// SPDX-License-Identifier: Apache-2.0
// Compiles where this glslc can say the instruction of lib/dot.glsl.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "dot.glsl"
layout(local_size_x = 1) in;
layout(binding = 0) buffer Words { uint words[]; };
void main() { words[0] = uint(dot_bytes(words[0], words[1])); }
