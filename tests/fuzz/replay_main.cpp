// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: the corpus as it is, then random mutations of it for a fixed time.
// It finds less than libFuzzer, which follows coverage, but runs with every compiler.
//
//   TARGET [--seconds S] [--seed N] [--once NOTE] FILE-OR-DIRECTORY...
//
// Every input is a function of the seed and its number. One that fails or takes too long
// is left in the file TARGET-failure.
// A second run would therefore show nothing new: with --once it ends after the corpus if the file NOTE, which a run
// that passes leaves behind, is younger than the program and the corpus and tells of as many seconds.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// There with a sanitizer, which ends the process without a signal.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using Bytes = std::vector<uint8_t>;
using Random = std::mt19937_64;

constexpr unsigned kSecondsAnInput = 20;
// An allocation sized by a number in the input fails instead of passing unseen.
constexpr rlim_t kMemory = rlim_t(4) << 30;

std::string failure_path;
const Bytes* current = nullptr;

// Only calls that are allowed in a signal handler.
void save_current() {
    const int file = ::open(failure_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || !current) return;
    const ssize_t written = ::write(file, current->data(), current->size());
    ::close(file);
    const char* text =
        written == ssize_t(current->size()) ? "\nfuzz: the input is in " : "\nfuzz: a part of the input is in ";
    [[maybe_unused]] ssize_t ignored = ::write(2, text, std::strlen(text));
    ignored = ::write(2, failure_path.data(), failure_path.size());
    ignored = ::write(2, "\n", 1);
}

void on_signal(int number) {
    std::signal(number, SIG_DFL);
    save_current();
    std::raise(number);
}

void run(const Bytes& input) {
    current = &input;
    ::alarm(kSecondsAnInput);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    ::alarm(0);
}

size_t below(Random& random, size_t limit) { return limit == 0 ? 0 : size_t(random() % limit); }

// One of the numbers at which careless code breaks, as 1 to 8 bytes.
Bytes interesting_number(Random& random) {
    static constexpr uint64_t numbers[] = {0,
                                           1,
                                           0x7f,
                                           0x80,
                                           0xff,
                                           0x7fff,
                                           0xffff,
                                           0x7fffffff,
                                           0x80000000,
                                           0xffffffff,
                                           uint64_t(1) << 62,
                                           uint64_t(1) << 63,
                                           ~uint64_t(0),
                                           ~uint64_t(7)};
    const uint64_t number = numbers[below(random, std::size(numbers))];
    Bytes bytes(size_t(1) << below(random, 4));
    std::memcpy(bytes.data(), &number, bytes.size());
    return bytes;
}

Bytes interesting_text(Random& random) {
    static constexpr const char* texts[] = {"0",
                                            "-1",
                                            "1e999",
                                            "0.5",
                                            "18446744073709551615",
                                            "18446744073709551616",
                                            "9223372036854775807",
                                            "4294967296",
                                            "null",
                                            "true",
                                            "[]",
                                            "{}",
                                            "[[[[[[[[",
                                            "\"\"",
                                            "\\u0000",
                                            "\\ud800",
                                            "Infinity",
                                            "NaN",
                                            ",",
                                            "}",
                                            "]",
                                            "\"",
                                            ":",
                                            "\xff\xfe",
                                            "\xf0\x9f\x98\x80",
                                            " "};
    const std::string text = texts[below(random, std::size(texts))];
    return Bytes(text.begin(), text.end());
}

void mutate_once(Bytes& bytes, const Bytes& other, Random& random) {
    const size_t at = below(random, bytes.size() + 1),
                 length = 1 + below(random, std::min<size_t>(bytes.size() - at, 64));
    const auto position = bytes.begin() + ptrdiff_t(at),
               end = bytes.begin() + ptrdiff_t(std::min(at + length, bytes.size()));
    const auto replace = [&](const Bytes& with) { bytes.insert(bytes.erase(position, end), with.begin(), with.end()); };
    switch (below(random, 9)) {
    case 0: // flip a bit
        if (at < bytes.size()) bytes[at] ^= uint8_t(1 << below(random, 8));
        break;
    case 1: // change a byte
        if (at < bytes.size()) bytes[at] = uint8_t(random());
        break;
    case 2: bytes.erase(position, end); break;
    case 3: bytes.erase(position, bytes.end()); break;
    case 4: { // repeat a piece
        const Bytes piece(position, end);
        bytes.insert(position, piece.begin(), piece.end());
        break;
    }
    case 5: { // overwrite with a number, in place
        const Bytes number = interesting_number(random);
        for (size_t i = 0; i < number.size() && at + i < bytes.size(); ++i) bytes[at + i] = number[i];
        break;
    }
    case 6: replace(interesting_text(random)); break;
    case 7: { // a piece of another input
        const size_t from = below(random, other.size()),
                     size = below(random, std::min<size_t>(other.size() - from, 256) + 1);
        replace(Bytes(other.begin() + ptrdiff_t(from), other.begin() + ptrdiff_t(from + size)));
        break;
    }
    case 8: { // a run of decimal digits becomes another number, as sizes and offsets in text are
        size_t digit = at;
        while (digit < bytes.size() && !(bytes[digit] >= '0' && bytes[digit] <= '9')) ++digit;
        if (digit == bytes.size()) break;
        size_t stop = digit;
        while (stop < bytes.size() && bytes[stop] >= '0' && bytes[stop] <= '9') ++stop;
        const std::string number =
            std::to_string(below(random, 2) ? random() >> below(random, 64) : below(random, 300));
        const auto after = bytes.erase(bytes.begin() + ptrdiff_t(digit), bytes.begin() + ptrdiff_t(stop));
        bytes.insert(after, number.begin(), number.end());
        break;
    }
    }
}

Bytes mutated(const std::vector<Bytes>& corpus, uint64_t seed, uint64_t number, size_t longest) {
    Random random(seed * 0x9e3779b97f4a7c15u + number);
    Bytes bytes = corpus[below(random, corpus.size())];
    const Bytes& other = corpus[below(random, corpus.size())];
    for (size_t times = 1 + below(random, 4); times > 0; --times) mutate_once(bytes, other, random);
    if (bytes.size() > longest) bytes.resize(longest);
    return bytes;
}

std::vector<std::filesystem::path> corpus_files(const std::vector<std::filesystem::path>& paths) {
    std::vector<std::filesystem::path> files;
    for (const auto& path : paths) {
        if (!std::filesystem::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
            if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end()); // a directory has no order of its own
    return files;
}

std::vector<Bytes> read_corpus(const std::vector<std::filesystem::path>& files) {
    std::vector<Bytes> corpus;
    for (const auto& path : files) {
        std::ifstream file(path, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
        if (file.bad() || !file.is_open()) {
            std::fprintf(stderr, "fuzz: %s: cannot read\n", path.c_str());
            std::exit(2);
        }
    }
    return corpus;
}

// Whether `note` tells that this program has passed `seconds` of mutations of these files before.
bool passed_before(const std::filesystem::path& note, std::vector<std::filesystem::path> files, double seconds,
                   uint64_t seed) {
    std::error_code error;
    const auto written = std::filesystem::last_write_time(note, error);
    if (error) return false;
    files.push_back(std::filesystem::read_symlink("/proc/self/exe", error));
    for (const auto& file : files)
        if (std::filesystem::last_write_time(file, error) >= written || error) return false;
    double noted_seconds = 0;
    uint64_t noted_seed = 0;
    size_t noted_files = 0;
    std::ifstream(note) >> noted_seconds >> noted_seed >> noted_files;
    return noted_seconds >= seconds && noted_seed == seed && noted_files == files.size();
}

double number_argument(const char* name, const char* text) {
    char* end = nullptr;
    const double value = text ? std::strtod(text, &end) : 0;
    if (!text || *end || end == text || !(value >= 0)) {
        std::fprintf(stderr, "fuzz: %s wants a number\n", name);
        std::exit(2);
    }
    return value;
}

} // namespace

int main(int argc, char** argv) {
    double seconds = 0;
    uint64_t seed = 1;
    std::vector<std::filesystem::path> paths;
    std::filesystem::path note;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--seconds") == 0) {
            seconds = number_argument(argv[i], argv[i + 1]);
            ++i;
        } else if (std::strcmp(argv[i], "--seed") == 0) {
            seed = uint64_t(number_argument(argv[i], argv[i + 1]));
            ++i;
        } else if (std::strcmp(argv[i], "--once") == 0 && i + 1 < argc) note = argv[++i];
        else paths.push_back(argv[i]);
    }
    failure_path = std::filesystem::path(argv[0]).filename().string() + "-failure";
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) std::signal(number, on_signal);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(save_current);
    } else { // sanitizers reserve more addresses than this
        const rlimit limit{kMemory, kMemory};
        ::setrlimit(RLIMIT_AS, &limit);
    }

    const std::vector<std::filesystem::path> files = corpus_files(paths);
    const std::vector<Bytes> corpus = read_corpus(files);
    if (corpus.empty()) {
        std::fprintf(stderr, "fuzz: no corpus; usage: %s [--seconds S] [--seed N] [--once NOTE] FILE-OR-DIRECTORY...\n",
                     argv[0]);
        return 2;
    }
    size_t longest = 4096;
    for (const Bytes& input : corpus) longest = std::max(longest, 2 * input.size());
    for (const Bytes& input : corpus) run(input);
    if (!note.empty() && passed_before(note, files, seconds, seed)) {
        std::printf("fuzz: %zu inputs of the corpus passed; their mutations did so before, with this very program\n",
                    corpus.size());
        return 0;
    }

    uint64_t count = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end) run(mutated(corpus, seed, count++, longest));
    std::printf("fuzz: %zu inputs of the corpus and %llu mutations of them passed, seed %llu\n", corpus.size(),
                static_cast<unsigned long long>(count), static_cast<unsigned long long>(seed));
    if (!note.empty()) std::ofstream(note) << seconds << ' ' << seed << ' ' << files.size() + 1 << '\n';
    return 0;
}
