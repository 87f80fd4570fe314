// SPDX-License-Identifier: Apache-2.0
// L0: Result<T>, how everything that depends on device, file or user input reports failure.
#pragma once
#include <weft/error.hpp>

namespace weft::detail {

inline Error malformed(const std::string& rule) { return {ErrorCode::malformed, rule, {}}; }

/// Prefixes the message of a failed result, so that an error reads from the outside in:
/// "model.safetensors: header ...".
inline Error in_context(const std::string& where, Error error) {
    error.message = where + ": " + error.message;
    return error;
}

/// What became of the exception that is being handled: of memory, of a file, or a fault of weft's own.
Error error_of_exception();

} // namespace weft::detail

// Behind the body of a public function that returns a Result, written as `Result<T> f() try { ... } weft_CATCH`:
// the host process goes on, whatever a library, the system or a callback of the host's throws.
#define weft_CATCH                                                                                                     \
    catch (...) {                                                                                                      \
        return ::weft::detail::error_of_exception();                                                                   \
    }

// Leaves the enclosing function with the error of `expression` if it failed.
#define weft_TRY(expression)                                                                                           \
    do {                                                                                                               \
        if (auto weft_result_ = (expression); !weft_result_) return std::move(weft_result_).error();                   \
    } while (0)

// weft_ASSIGN(const T name, expression): declares or assigns from a Result<T>, or leaves the enclosing function with
// its error. Several statements: never the body of an unbraced if or for.
#define weft_CONCAT_(a, b) a##b
#define weft_CONCAT(a, b) weft_CONCAT_(a, b)
#define weft_ASSIGN_IMPL_(tmp, declaration, expression)                                                                \
    auto tmp = (expression);                                                                                           \
    if (!tmp) return std::move(tmp).error();                                                                           \
    declaration = std::move(tmp).value()
#define weft_ASSIGN(declaration, expression)                                                                           \
    weft_ASSIGN_IMPL_(weft_CONCAT(weft_tmp_, __LINE__), declaration, expression)
