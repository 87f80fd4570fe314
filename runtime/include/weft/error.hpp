// SPDX-License-Identifier: Apache-2.0
// Public: Error, Result<T> and Status. Whatever depends on a device, a file or the user returns
// one of these, and then throws nothing.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace weft {

enum class ErrorCode {
    invalid_argument, ///< the caller's or the user's value breaks a rule
    not_found,        ///< a file, tensor, key or device that is not there
    malformed,        ///< a file that breaks its format's rules
    unsupported,      ///< a feature, architecture or device capability weft or the device lacks
    out_of_memory,    ///< host, device or budget
    device_lost,      ///< the driver gave the device up; destroy it and everything made from it
    io,               ///< the operating system refused a read or write
    not_finite,       ///< a model's results are NaN or infinite
    cancelled,        ///< the caller asked to stop
    internal,         ///< a bug in weft or in a driver
};

/// What went wrong: one sentence that names the thing and the rule, and where useful a list of reasons, one a line.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;
    std::vector<std::string> reasons;

    /// The message followed by the reasons, each on its own indented line.
    std::string text() const {
        std::string all = message;
        for (const auto& reason : reasons) all += "\n  - " + reason;
        return all;
    }
};

namespace detail {
/// Writes a line to standard error and aborts.
[[noreturn]] inline void end_process(const std::string& why) {
    std::fprintf(stderr, "weft: %s\n", why.c_str());
    std::abort();
}
} // namespace detail

/// A value or an Error. Test it before value(), * or ->: those of a failed result end the process with its text, as
/// error() of one that did not fail does (a programmer's error).
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    T& value() & { return *held(); }
    const T& value() const& { return *held(); }
    T&& value() && { return std::move(*held()); }
    Error& error() & { return *failure(); }
    const Error& error() const& { return *failure(); }
    Error&& error() && { return std::move(*failure()); }
    T* operator->() { return held(); }
    const T* operator->() const { return held(); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    /// A value of its own, so that `for (auto& x : *numbers())` walks what is still there.
    T operator*() && { return std::move(*held()); }

private:
    T* held() { return const_cast<T*>(std::as_const(*this).held()); }
    const T* held() const {
        if (!*this)
            detail::end_process("the value of a failed result was asked for: " + std::get_if<1>(&state_)->text());
        return std::get_if<0>(&state_);
    }
    Error* failure() { return const_cast<Error*>(std::as_const(*this).failure()); }
    const Error* failure() const {
        if (*this) detail::end_process("the error of a result that did not fail was asked for");
        return std::get_if<1>(&state_);
    }

    std::variant<T, Error> state_;
};

struct Ok {};
/// Success without a value, or an Error: `return Ok{};`.
using Status = Result<Ok>;

} // namespace weft
