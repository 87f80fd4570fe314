// SPDX-License-Identifier: Apache-2.0
#include "vulkan/machine.hpp"

namespace weft::detail::vk {
namespace {

constexpr uint32_t kAmd = 0x1002, kNvidia = 0x10de, kArm = 0x13b5, kBroadcom = 0x14e4, kIntel = 0x8086;

uint32_t registers_of(const DeviceSummary& s) {
    switch (s.vendor) {
    case kNvidia: return 112;
    case kAmd: return s.limits.subgroup_least < 64 ? 112 : 64; // GCN has none but subgroups of 64
    case kIntel: return 56;                                    // 128 registers of 32 bytes for 16 lanes
    case kArm:
    case kBroadcom: return 28; // 64 at most, and 32 for full occupancy
    default: return 64;        // Adreno and Apple have 128 to 192 at most
    }
}

} // namespace

Machine machine_of(const DeviceSummary& s) {
    Machine m{.lanes = s.limits.subgroup_size, .invocations = s.limits.invocations};
    if (s.type == "CPU") {
        m.kind = Machine::Kind::cpu;
        m.registers = 128; // what a few lines of the first cache hold for each lane
        m.threads = 1024;
        return m;
    }
    m.registers = registers_of(s);
    if (s.type == "integrated") m.threads = 8192;
    return m;
}

} // namespace weft::detail::vk
