// SPDX-License-Identifier: Apache-2.0
// L1: what kernels choose the shapes of their work by.
#pragma once
#include "vulkan/physical_device.hpp"

namespace weft::detail::vk {

/// A device as a kernel sees it that cuts its work. Plain data, derived from what the driver reports by machine_of()
/// alone; tests make others, to run the shapes of one device on another.
struct Machine {
    enum class Kind : uint32_t {
        cpu, ///< a software driver: registers are memory, lanes load one by one, barriers are dear
        gpu
    };
    Kind kind = Kind::gpu; ///< from the device's type. A GPU with small subgroups is none the less a GPU
    uint32_t lanes = 1;    ///< of a subgroup, as reported; a compiler may take fewer
    /// 32-bit values that the arrays of a thread may hold, so that nothing spills and other subgroups run while one
    /// waits for memory: about four of them or more. From the vendor, as compilers report it.
    uint32_t registers = 64;
    uint32_t invocations = 128; ///< most threads a workgroup
    uint32_t threads = 65536;   ///< that fill the device: a guess by its type

    bool is_cpu() const { return kind == Kind::cpu; }
    /// The same for kernels that compute long on what they have loaded: products and attention do with half of the
    /// subgroups.
    uint32_t registers_of_few() const { return registers * 3 / 2; }
};

Machine machine_of(const DeviceSummary& summary);

} // namespace weft::detail::vk
