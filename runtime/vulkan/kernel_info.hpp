// SPDX-License-Identifier: Apache-2.0
// L1: what shadergen says about a kernel, and the argument wrappers of its generated Buffers.
#pragma once
#include "vulkan/tensor.hpp"
#include <cstdint>
#include <glm/vec2.hpp>
#include <glm/vec3.hpp>
#include <glm/vec4.hpp>

namespace weft::detail::vk {

enum class Access : uint8_t { read, write, read_write };

struct VariantInfo {
    const char* name;
    const char* defines;   ///< what it is compiled with, separated by commas
    const char* purpose;   ///< what it is for: shaders/variants.txt
    const uint32_t* words; ///< null: this build's glslc could not compile it
    size_t bytes;
    const uint32_t* capabilities; ///< SPIR-V capabilities the module declares
    uint32_t capability_count;
    uint64_t (*shared_bytes)(const uint32_t* spec); ///< of a workgroup, with these specialization constants
};

struct BindingInfo {
    const char* name;
    Access access;
    bool is_float; ///< the shader reads 32-bit floats here: the tensor bound must be f32
};

struct KernelInfo {
    const char* name;
    const VariantInfo* variants;
    uint32_t variant_count;
    const BindingInfo* bindings;
    uint32_t binding_count;
    const uint32_t* spec_ids; ///< constant_id of each field of Spec
    const char* const* spec_names;
    uint32_t spec_count;
    uint32_t push_bytes;
    uint32_t local[3];     ///< default workgroup size
    int32_t local_spec[3]; ///< index into Spec of the constant that sets it, or -1
};

// One field of a generated Buffers: no default, so that a forgotten buffer does not compile.
// Its access comes from the shader.
struct In {
    In(const Tensor& t) : tensor(t) {}
    Tensor tensor;
};
struct Out {
    Out(const Tensor& t) : tensor(t) {}
    Tensor tensor;
};
struct InOut {
    InOut(const Tensor& t) : tensor(t) {}
    Tensor tensor;
};

} // namespace weft::detail::vk
