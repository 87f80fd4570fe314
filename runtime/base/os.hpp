// SPDX-License-Identifier: Apache-2.0
// L0: what weft asks of the system beside the standard library, on POSIX and on Windows. Files are descriptors, whose
// bytes are never translated; what fails leaves its reason in errno. Any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace weft::detail::os {

/// Opens a file to read; a FIFO too, without waiting for who writes. -1: it cannot.
int open_to_read(const std::filesystem::path& path);
/// Makes a file that was not there, open to write: `name` gets a few letters behind it. -1: it cannot.
int create_temporary(std::string& name);
struct FileInfo {
    bool regular = false;
    uint64_t size = 0;
};
bool inform(int file, FileInfo& info);
/// At most `size` bytes; -1: it cannot, 0: there are no more.
int64_t read(int file, void* to, size_t size);
int64_t write(int file, const void* from, size_t size);
bool rewind(int file);
bool resize(int file, uint64_t size);
/// Gives a temporary file the rights that a new one has, and waits until it is on the disk.
bool settle(int file);
void close(int file);
/// The whole of a file that is not empty; nullptr: it cannot.
const std::byte* map(int file, size_t size);
void unmap(const std::byte* data, size_t size);
/// Of a part of a mapping: reads it, as one, before it is touched; and gives its memory back, to be read again if it
/// is.
void read_now(std::span<const std::byte> part);
void let_go(std::span<const std::byte> part);

/// Where programs keep what they can make again, for this user; empty: nowhere.
std::filesystem::path cache_dir();

/// Runs a program that is found as a shell finds it, with its standard error in a file that is open to write, and waits
/// for it. Its exit code; -1: it cannot be run.
int run(const std::vector<std::string>& command, int errors);

} // namespace weft::detail::os
