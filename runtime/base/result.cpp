// SPDX-License-Identifier: Apache-2.0
#include "base/result.hpp"
#include <filesystem>
#include <new>
#include <stdexcept>

namespace weft::detail {

Error error_of_exception() {
    const char* const memory = "the host has no memory left for this";
    try {
        throw;
    } catch (const std::bad_alloc&) {
        return {ErrorCode::out_of_memory, memory, {}};
    } catch (const std::length_error&) {
        return {ErrorCode::out_of_memory, memory, {}};
    } catch (const std::filesystem::filesystem_error& e) {
        return {ErrorCode::io, e.path1().string() + ": " + e.code().message(), {}};
    } catch (const std::exception& e) {
        return {ErrorCode::internal, std::string("something failed that should not: ") + e.what(), {}};
    } catch (...) {
        return {ErrorCode::internal, "something that is not a std::exception was thrown", {}};
    }
}

} // namespace weft::detail
