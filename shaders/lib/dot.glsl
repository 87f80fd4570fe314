// SPDX-License-Identifier: Apache-2.0
// Integer dot products of four signed bytes (VK_KHR_shader_integer_dot_product), by the SPIR-V instruction itself:
// older compilers lack the GLSL extension. No bindings.
#extension GL_EXT_spirv_intrinsics : require

// Capabilities DotProduct and DotProductInput4x8BitPacked, OpSDot, packed as four bytes a word.
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6019, 6018], id = 4450)
int packed_dot(uint a, uint b, spirv_literal int packing);
int dot_bytes(uint a, uint b) { return packed_dot(a, b, 0); }
