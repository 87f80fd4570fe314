// SPDX-License-Identifier: Apache-2.0
// Reading and writing what a user names, and the end of standard output.
#include "files.hpp"
#include "console.hpp"
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace app {
namespace {

weft::Error io_error(const std::string& path, const char* what) {
    return {weft::ErrorCode::io,
            path + ": " + what + (errno ? std::string(": ") + std::strerror(errno) : std::string()),
            {}};
}

} // namespace

weft::Result<std::string> read_file(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        return weft::Error{weft::ErrorCode::invalid_argument, path + ": is a directory, a text file is needed", {}};
    errno = 0;
    std::ifstream in(std::filesystem::path(path), std::ios::binary);
    if (!in)
        return weft::Error{weft::ErrorCode::not_found,
                           path + ": cannot open" + (errno ? std::string(": ") + std::strerror(errno) : std::string()),
                           {}};
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (in.bad()) return io_error(path, "cannot read");
    return text;
}

weft::Result<std::string> read_input() {
    std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    if (g_interrupted) return weft::Error{weft::ErrorCode::cancelled, "stopped", {}};
    return text;
}

weft::Status write_file(const std::string& path, const std::string& text) {
    std::error_code failed;
    // A pipe, a terminal, a device: written to, never replaced.
    if (std::filesystem::exists(path, failed) && !std::filesystem::is_regular_file(path, failed)) {
        std::ofstream out(std::filesystem::path(path), std::ios::binary);
        errno = 0;
        if (!out.write(text.data(), std::streamsize(text.size())).flush()) return io_error(path, "cannot write");
        return weft::Ok{};
    }
    const std::string partial = path + ".partial";
    const auto give_up = [&] {
        const auto error = io_error(path, "cannot write");
        std::filesystem::remove(partial, failed);
        return error;
    };
    {
        errno = 0;
        std::ofstream out(std::filesystem::path(partial), std::ios::binary);
        if (!out.write(text.data(), std::streamsize(text.size())).flush()) return give_up();
    }
    std::filesystem::rename(partial, path, failed);
    if (failed) return give_up();
    return weft::Ok{};
}

int finish_output(int code) {
    errno = 0;
    const bool written = bool(std::cout.flush()) & (std::fflush(stdout) == 0) & !std::ferror(stdout);
    if (written) return code;
    const int why = errno;
    if (!reader_gone())
        std::cerr << "weft: standard output: cannot write"
                  << (why ? std::string(": ") + std::strerror(why) : std::string()) << "\n";
    return code == kDone ? kFailed : code;
}

} // namespace app
