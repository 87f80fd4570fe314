// SPDX-License-Identifier: Apache-2.0
// L0: threads where the system gives them; where it gives none the work is done all the same.
#pragma once
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

namespace weft::detail {

/// Starts `work` on a thread of its own; where there is none to be had, does it here and
/// returns a thread that is not joinable.
template <class F>
std::thread start_thread(F work) {
    try {
        return std::thread(work);
    } catch (const std::system_error&) {
        work();
        return {};
    }
}

/// Runs `work()` on up to `count` threads at once, the calling one among them, and waits for all:
/// each call must take what is left to do until nothing is.
template <class F>
void run_on_threads(size_t count, const F& work) {
    struct Joined {
        std::vector<std::thread> list;
        ~Joined() {
            for (auto& thread : list) thread.join();
        }
    } threads;
    threads.list.reserve(count);
    try {
        for (size_t i = 1; i < count; ++i) threads.list.emplace_back(std::cref(work));
    } catch (const std::system_error&) {
        // those that there are do it all
    }
    work();
}

} // namespace weft::detail
