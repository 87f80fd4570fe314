// SPDX-License-Identifier: Apache-2.0
// L0: the way from a public handle to what is behind it, and back, for weft's own layers.
#pragma once
#include <utility>

namespace weft::detail {

struct Access {
    template <class Handle>
    static auto& state(Handle& handle) {
        return *handle.state_;
    }
    /// As the handle holds it.
    template <class Handle>
    static auto& held(Handle& handle) {
        return handle.state_;
    }
    template <class Handle, class State>
    static Handle make(State state) {
        return Handle(std::move(state));
    }
};

} // namespace weft::detail
