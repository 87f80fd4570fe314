// SPDX-License-Identifier: Apache-2.0
#include "schedule/order.hpp"
#include <algorithm>
#include <numeric>

namespace weft::detail {
namespace {

// The bytes of all temporaries that are needed at the fullest of the levels [first, last).
uint64_t fullest(const vk::Program& program, std::span<const Life> lives, uint32_t first, uint32_t last) {
    std::vector<uint64_t> bytes(last - first);
    for (size_t i = 0; i < lives.size(); ++i)
        for (uint32_t level = std::max(first, lives[i].first);
             lives[i].used() && level <= lives[i].last && level < last; ++level)
            bytes[level - first] += program.resources[i].bytes;
    return bytes.empty() ? 0 : std::ranges::max(bytes);
}

struct Place {
    uint32_t level = 0, height = 0; // calls that must come before, and behind, on the longest way
};

std::vector<Place> places_of(const vk::Program& program, std::span<const vk::Call> calls) {
    std::vector<std::vector<vk::Touch>> touches;
    for (const vk::Call& call : calls) touches.push_back(vk::touches(program, call));
    std::vector<Place> places(calls.size());
    std::vector<std::vector<size_t>> before(calls.size());
    for (size_t i = 0; i < calls.size(); ++i)
        for (size_t j = 0; j < i; ++j)
            if (vk::conflict(touches[j], touches[i])) {
                before[i].push_back(j);
                places[i].level = std::max(places[i].level, places[j].level + 1);
            }
    for (size_t i = calls.size(); i-- > 0;)
        for (const size_t j : before[i]) places[j].height = std::max(places[j].height, places[i].height + 1);
    return places;
}

} // namespace

std::vector<Life> lives_of(const vk::Program& program, std::span<const uint32_t> levels) {
    std::vector<Life> lives(program.resources.size());
    for (size_t i = 0; i < program.calls.size(); ++i)
        for (const vk::Tensor& t : program.calls[i].arguments)
            if (program.resources[t.resource].temporary) {
                lives[t.resource].first = std::min(lives[t.resource].first, levels[i]);
                lives[t.resource].last = std::max(lives[t.resource].last, levels[i]);
            }
    return lives;
}

std::vector<uint32_t> sort_by_levels(vk::Program& program) {
    const auto count = uint32_t(program.calls.size());
    std::vector<uint32_t> recorded(count), levels;
    std::iota(recorded.begin(), recorded.end(), 0);
    const uint64_t needed = fullest(program, lives_of(program, recorded), 0, count), most = needed + needed / 32;
    uint32_t base = 0;
    for (uint32_t begin = 0, end = 0; begin < count; begin = end) {
        while (end < count && program.calls[end].segment == program.calls[begin].segment) ++end;
        const std::span<vk::Call> calls(program.calls.data() + begin, end - begin);
        const std::vector<Place> places = places_of(program, calls);
        // The levels that are settled, those of this segment, and one for all that follows.
        std::vector<uint32_t> tried = levels;
        for (const Place& place : places) tried.push_back(base + place.level);
        const uint32_t top = std::ranges::max(std::span(tried).subspan(begin)) + 1;
        tried.resize(count, top);
        if (fullest(program, lives_of(program, tried), base, top) > most) {
            for (uint32_t i = begin; i < end; ++i) levels.push_back(base++);
            continue;
        }
        std::vector<uint32_t> order(calls.size());
        std::iota(order.begin(), order.end(), 0);
        std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) {
            return places[a].level != places[b].level ? places[a].level < places[b].level
                                                      : places[a].height > places[b].height;
        });
        std::vector<vk::Call> sorted;
        for (const uint32_t i : order) {
            sorted.push_back(std::move(calls[i]));
            levels.push_back(base + places[i].level);
        }
        std::ranges::move(sorted, calls.begin());
        base = top;
    }
    return levels;
}

} // namespace weft::detail
