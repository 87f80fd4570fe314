// SPDX-License-Identifier: Apache-2.0
#include "schedule/placement.hpp"
#include "kernels/place_rows.hpp"
#include <algorithm>

namespace weft::detail {

uint32_t uncut(std::span<const uint32_t> ids, int64_t placeholder, uint32_t end) {
    while (end > 0 && end < ids.size() && int64_t(ids[end - 1]) == placeholder && int64_t(ids[end]) == placeholder)
        ++end;
    return end;
}

std::vector<uint32_t> cut_between(std::span<const uint32_t> ids, int64_t placeholder, uint32_t most) {
    std::vector<uint32_t> ends;
    const auto count = uint32_t(ids.size());
    for (uint32_t done = 0; done < count; done = ends.back()) {
        uint32_t end = std::min(most, count - done) + done;
        // Before those that do not fit, if others are there; else behind them.
        if (uncut(ids, placeholder, end) != end) {
            uint32_t before = end;
            while (before > done && int64_t(ids[before - 1]) == placeholder) --before;
            end = before > done ? before : uncut(ids, placeholder, end);
        }
        ends.push_back(end);
    }
    return ends;
}

void Placement::add(uint32_t down, uint32_t across) {
    if (placed_all()) rows_ = 0;
    pictures_.push_back({rows_, down, across, {}});
    rows_ += down * across;
}

uint32_t Placement::left() const {
    uint32_t n = 0;
    for (const Picture& p : pictures_) n += p.count() - uint32_t(p.at.size());
    return n;
}

bool Placement::begun() const {
    return std::ranges::any_of(pictures_, [](const Picture& p) { return !p.at.empty() && !p.placed(); });
}

std::vector<uint32_t> Placement::place(std::span<const uint32_t> ids, uint32_t placeholder, uint32_t position) {
    if (!left() || std::ranges::find(ids, placeholder) == ids.end()) return {};
    auto picture = std::ranges::find_if(pictures_, [](const Picture& p) { return !p.placed(); });
    std::vector<uint32_t> places(ids.size(), kernel::kNoPlace);
    for (size_t i = 0; i < ids.size() && picture != pictures_.end(); ++i) {
        if (ids[i] != placeholder) continue;
        places[i] = picture->first + uint32_t(picture->at.size());
        picture->at.push_back(position + uint32_t(i));
        if (picture->placed()) ++picture;
    }
    return places;
}

uint32_t Placement::turn(uint32_t position) const {
    uint32_t saved = 0; // a picture takes as many places as its longer side has rows
    for (const Picture& p : pictures_)
        if (p.placed() && p.at.back() < position) saved += p.count() - std::max(p.down, p.across);
    return position - saved;
}

std::vector<uint32_t> Placement::turns(uint32_t position, uint32_t count) const {
    std::vector<uint32_t> all(3 * size_t(count));
    for (uint32_t i = 0; i < count; ++i)
        for (size_t axis = 0; axis < 3; ++axis) all[axis * count + i] = turn(position + i);
    for (const Picture& p : pictures_) {
        if (p.at.empty() || p.at.back() < position) continue; // most, once a text goes on behind its pictures
        for (uint32_t n = 0; n < p.at.size(); ++n) {
            const uint32_t at = p.at[n];
            if (at < position || at >= position + count) continue;
            const uint32_t first = turn(p.at[0]), places[] = {first, first + n / p.across, first + n % p.across};
            for (size_t axis = 0; axis < 3; ++axis) all[axis * count + at - position] = places[axis];
        }
    }
    return all;
}

bool Placement::cut(uint32_t length) {
    const auto behind = [&](const Picture& p) { return p.at.empty() || p.at[0] >= length; };
    for (const Picture& p : pictures_)
        if (!behind(p) && p.at.back() >= length) return false;
    const auto first = std::ranges::find_if(pictures_, behind);
    if (first != pictures_.end()) {
        pictures_.erase(first, pictures_.end());
        rows_ = 0;
        for (const Picture& p : pictures_) rows_ = std::max(rows_, p.first + p.count());
    }
    return true;
}

} // namespace weft::detail
