// SPDX-License-Identifier: Apache-2.0
// What the command line asks of the system: signals, terminals, and on Windows arguments and streams in UTF-8.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace app {

/// Makes signals that end a program set g_interrupted (command.hpp); a second one ends it at once. What cannot be
/// written, since nobody reads it or a file may not grow, shows as a failed write.
void catch_interrupts();
/// The program's arguments in UTF-8, its name first, after the streams were made such that their bytes are what is read
/// and written.
std::vector<std::string> open_console(int argc, char** argv);

enum class Stream { in, out, error };
/// Whether a standard stream is a terminal.
bool is_terminal(Stream stream);
/// Reads what standard input has by now, and waits if that is nothing: how many bytes; 0: it has ended; -1: a signal,
/// or what errno says.
int64_t read_some(std::span<char> bytes);
/// Whether nobody reads standard output any more.
bool reader_gone();

} // namespace app
