// SPDX-License-Identifier: Apache-2.0
#include "harness/shared_memory.hpp"
#include "base/check.hpp"
#include <algorithm>
#include <map>
#include <span>

namespace weft::test {
using namespace detail;
namespace {

struct Type {
    uint64_t bytes = 0, alignment = 1;
};

uint64_t up(uint64_t bytes, uint64_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

// Opcodes as in the SPIR-V specification, 3.42.
uint32_t computed(uint32_t opcode, std::span<const uint32_t> x) {
    switch (opcode) {
    case 128: return x[0] + x[1];
    case 130: return x[0] - x[1];
    case 132: return x[0] * x[1];
    case 134: return x[1] ? x[0] / x[1] : 0;
    case 137: return x[1] ? x[0] % x[1] : 0;
    case 164:
    case 170: return x[0] == x[1];
    case 165:
    case 171: return x[0] != x[1];
    case 166: return x[0] || x[1];
    case 167: return x[0] && x[1];
    case 168: return !x[0];
    case 169: return x[0] ? x[1] : x[2];
    case 172: return x[0] > x[1];
    case 174: return x[0] >= x[1];
    case 176: return x[0] < x[1];
    case 178: return x[0] <= x[1];
    case 194: return x[0] >> x[1];
    case 196: return x[0] << x[1];
    case 197: return x[0] | x[1];
    case 198: return x[0] ^ x[1];
    case 199: return x[0] & x[1];
    }
    weft_CHECK(false, "constants of shaders are computed by operations that this reader knows");
    return 0;
}

} // namespace

uint64_t shared_bytes(const vk::KernelInfo& kernel, uint32_t variant, const std::vector<uint32_t>& spec) {
    const vk::VariantInfo& v = kernel.variants[variant];
    const std::span<const uint32_t> words(v.words, v.bytes / 4);
    std::map<uint32_t, Type> types;
    std::map<uint32_t, uint32_t> pointed, value, spec_id;
    uint64_t bytes = 0;
    for (size_t at = 5; at < words.size();) { // behind the header
        const uint32_t opcode = words[at] & 0xffff, length = words[at] >> 16;
        const auto w = words.subspan(at, length);
        at += length;
        const auto given = [&](uint32_t otherwise) {
            const auto id = spec_id.find(w[2]);
            if (id == spec_id.end()) return otherwise;
            const auto* field = std::find(kernel.spec_ids, kernel.spec_ids + kernel.spec_count, id->second);
            return field == kernel.spec_ids + kernel.spec_count ? otherwise : spec[size_t(field - kernel.spec_ids)];
        };
        switch (opcode) {
        case 71: // OpDecorate: SpecId
            if (w[2] == 1) spec_id[w[1]] = w[3];
            break;
        case 20: types[w[1]] = {4, 4}; break;
        case 21:
        case 22: types[w[1]] = {w[2] / 8, w[2] / 8}; break;
        case 23: {
            const uint64_t one = types[w[2]].bytes;
            types[w[1]] = {one * w[3], one * (w[3] == 2 ? 2 : 4)};
            break;
        }
        case 28: {
            const Type element = types[w[2]];
            types[w[1]] = {up(element.bytes, element.alignment) * value[w[3]], element.alignment};
            break;
        }
        case 30: {
            Type all;
            for (const uint32_t member : w.subspan(2)) {
                all.alignment = std::max(all.alignment, types[member].alignment);
                all.bytes = up(all.bytes, types[member].alignment) + types[member].bytes;
            }
            types[w[1]] = {up(all.bytes, all.alignment), all.alignment};
            break;
        }
        case 32: pointed[w[1]] = w[3]; break;
        case 41: value[w[2]] = 1; break;
        case 42: value[w[2]] = 0; break;
        case 43: value[w[2]] = w[3]; break;
        case 48: value[w[2]] = given(1); break;
        case 49: value[w[2]] = given(0); break;
        case 50: value[w[2]] = given(w[3]); break;
        case 52: {
            std::vector<uint32_t> operands;
            for (const uint32_t id : w.subspan(4)) operands.push_back(value[id]);
            value[w[2]] = computed(w[3], operands);
            break;
        }
        case 59: // OpVariable: Workgroup
            if (w[3] == 4) {
                const Type type = types[pointed[w[1]]];
                bytes = up(bytes, type.alignment) + type.bytes;
            }
            break;
        case 54: return bytes; // the first function
        }
    }
    return bytes;
}

} // namespace weft::test
