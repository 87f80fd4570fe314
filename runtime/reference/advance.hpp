// SPDX-License-Identifier: Apache-2.0
// Reference of advance() in kernels/sample.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft::reference {
using namespace detail;

struct Advanced {
    struct Row {
        uint32_t slot, first, count, past, length, read, write, memory, id = 0;
        uint32_t turn = 0; // along every axis of positions
        bool stops = false;
    };
    std::vector<Row> rows;
    uint32_t ring = 0;
    std::vector<uint32_t> ends;
    static constexpr uint32_t kNoToken = ~0u;

    void step() {
        std::erase_if(rows, [&](const Row& r) {
            return r.id == kNoToken || (r.stops && std::find(ends.begin(), ends.end(), r.id) != ends.end());
        });
        for (size_t s = 0; s < rows.size(); ++s) {
            Row& r = rows[s];
            r.past += r.count;
            r.count = 1;
            r.first = uint32_t(s);
            r.length = std::max(r.length, r.past + 1);
            r.read = r.write;
            ++r.turn;
        }
        ++ring;
    }
    /// Most tokens of a sequence after the coming step.
    uint32_t longest() const {
        uint32_t most = 0;
        for (const Row& r : rows) most = std::max(most, r.past + 1);
        return most;
    }
};

} // namespace weft::reference
