// SPDX-License-Identifier: Apache-2.0
#include "schedule/views.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

// Where windows of a side of `size` begin, and its end.
std::vector<uint32_t> cuts(uint32_t size, uint32_t window, uint32_t shift) {
    std::vector<uint32_t> at = {0};
    for (uint32_t next = shift ? shift : window; next < size; next += window) at.push_back(next);
    at.push_back(size);
    return at;
}

std::vector<ViewSequence> windows_of(const View& view, PictureRows p) {
    std::vector<ViewSequence> all;
    const uint32_t shift = p.down <= view.window || p.across <= view.width() ? 0 : view.shift;
    const auto down = cuts(p.down, view.window, shift), across = cuts(p.across, view.width(), shift);
    for (size_t y = 0; y + 1 < down.size(); ++y)
        for (size_t x = 0; x + 1 < across.size(); ++x) {
            ViewSequence window{{}, across[x + 1] - across[x]};
            for (uint32_t row = down[y]; row < down[y + 1]; ++row)
                for (uint32_t i = across[x]; i < across[x + 1]; ++i) window.rows.push_back(row * p.across + i);
            all.push_back(std::move(window));
        }
    return all;
}

} // namespace

std::vector<ViewSequence> sequences_of(const View& view, PictureRows p, std::span<const uint32_t> extra) {
    if (view.order == View::Order::windows) return windows_of(view, p);
    const bool columns = view.order == View::Order::columns || view.order == View::Order::snake_columns,
               snake = view.order == View::Order::snake || view.order == View::Order::snake_columns;
    const uint32_t lines = columns ? p.across : p.down, length = columns ? p.down : p.across;
    std::vector<uint32_t> patches; // their rows in the stage
    for (uint32_t row = 0; row < p.count() + extra.size(); ++row)
        if (!std::ranges::binary_search(extra, row)) patches.push_back(row);
    std::vector<uint32_t> rows;
    for (uint32_t line = 0; line < lines; ++line)
        for (uint32_t i = 0; i < length; ++i) {
            const uint32_t at = snake && line % 2 ? length - 1 - i : i, y = columns ? at : line,
                           x = columns ? line : at;
            rows.push_back(patches[y * p.across + (view.mirrored ? p.across - 1 - x : x)]);
        }
    for (const uint32_t place : extra) rows.insert(rows.begin() + ptrdiff_t(place), place);
    if (view.reversed) std::ranges::reverse(rows);
    return {{std::move(rows)}};
}

std::vector<uint32_t> turns_of(std::span<const uint32_t> rows, PictureRows p, std::span<const uint32_t> extra) {
    constexpr uint32_t kNone = 0, kRight = 1, kLeft = 2, kUp = 3, kDown = 4;
    const auto way = [&](uint32_t from, uint32_t to) {
        if (std::ranges::binary_search(extra, from) || std::ranges::binary_search(extra, to)) return kNone;
        const auto patch = [&](uint32_t row) {
            return row - uint32_t(std::ranges::lower_bound(extra, row) - extra.begin());
        };
        const uint32_t a = patch(from), b = patch(to);
        if (a / p.across == b / p.across) return b == a + 1 ? kRight : a == b + 1 ? kLeft : kNone;
        return b == a + p.across ? kDown : a == b + p.across ? kUp : kNone;
    };
    std::vector<uint32_t> turns;
    for (size_t i = 0; i < rows.size(); ++i) turns.push_back(i ? way(rows[i - 1], rows[i]) : kNone);
    return turns;
}

} // namespace weft::detail
