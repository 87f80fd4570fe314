// SPDX-License-Identifier: Apache-2.0
// Tests of L0 io: safetensors files, good and broken. Each broken one must be refused in words that
// name the file, the tensor and the rule.
#include "base/json.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "unit/goldens.hpp"
#include "unit/temporary_directory.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstring>
#include <limits>

using namespace weft;
using namespace weft::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

std::string with_length(uint64_t length, const std::string& rest) {
    std::string file(8, '\0');
    std::memcpy(file.data(), &length, 8);
    return file + rest;
}

std::string file_of(const std::string& header, size_t data_bytes) {
    return with_length(header.size(), header + std::string(data_bytes, '\0'));
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

template <class T>
std::span<const std::byte> raw(const std::vector<T>& values) {
    return std::as_bytes(std::span(values));
}

const std::string kA = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";

} // namespace

TEST_CASE("safetensors: a file on disk gives its tensors in the order of their bytes") {
    const test::TemporaryDirectory directory;
    const std::string header = R"({"z":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
                               R"("b":{"dtype":"I64","shape":[],"data_offsets":[12,20]},)"
                               R"("a":{"dtype":"U8","shape":[4],"data_offsets":[8,12]},)"
                               R"("empty":{"dtype":"F16","shape":[3,0],"data_offsets":[20,20]},)"
                               R"("__metadata__":{"format":"pt","note":"\u00e4"}}   )";
    std::string bytes = file_of(header, 20);
    const float z[2] = {1.5f, -2.0f};
    const int64_t b = -7;
    std::memcpy(bytes.data() + bytes.size() - 20, z, 8);
    std::memcpy(bytes.data() + bytes.size() - 12, "\1\2\3\4", 4);
    std::memcpy(bytes.data() + bytes.size() - 8, &b, 8);
    const auto path = directory.write("model.safetensors", bytes);

    auto opened = SafetensorsFile::open(path);
    REQUIRE(opened);
    const SafetensorsFile file = std::move(*opened); // moving keeps the views
    REQUIRE(file.tensors().size() == 4);
    CHECK(file.tensors()[0].name == "z");
    CHECK(file.tensors()[1].name == "a");
    CHECK(file.tensors()[2].name == "b");
    CHECK(file.tensors()[3].name == "empty");
    CHECK(file.find("z")->shape == std::vector<uint64_t>{1, 2});
    CHECK(*read_f32(*file.find("z")) == std::vector<float>{1.5f, -2.0f});
    CHECK(*read_i64(*file.find("a")) == std::vector<int64_t>{1, 2, 3, 4});
    CHECK(file.find("b")->count() == 1);
    CHECK(*read_i64(*file.find("b")) == std::vector<int64_t>{-7});
    CHECK(file.find("empty")->count() == 0);
    CHECK(file.find("c") == nullptr);
    CHECK(file.find("") == nullptr);
    CHECK(file.metadata().at("note") == "\u00e4");
    CHECK(file.origin() == path.string());
}

TEST_CASE("safetensors: what the format allows is accepted") {
    const auto good = [](const std::string& bytes) {
        INFO(bytes);
        const auto file = SafetensorsFile::parse(bytes_of(bytes), "good.safetensors");
        INFO((file ? "" : file.error().message));
        CHECK(bool(file));
    };
    good(file_of("{}", 0));
    good(file_of(R"({"__metadata__":{}})", 0));
    good(file_of(R"({"__metadata__":null})", 0));
    good(file_of("{" + kA + "}  \n\t", 8));
    // Unaligned.
    good(file_of(
        R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
        5));
    good(file_of(R"({"e":{"dtype":"F32","shape":[0],"data_offsets":[8,8]},)" + kA +
                     R"(,"f":{"dtype":"F32","shape":[5,0],"data_offsets":[0,0]}})",
                 8));
    good(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"new":{"shape":[[1,"x"]],"deep":{}},)"
                 R"("also":null,"more":1.5}})",
                 8));
    good(file_of(R"({"a":{"dtype":"F4","shape":[3,2],"data_offsets":[0,3]}})", 3));
    good(file_of(R"({"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}})", 3));
    good(file_of(R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1));
}

TEST_CASE("safetensors: a broken header is refused with the file and the rule") {
    const auto refuse = [](const std::string& bytes, const std::string& rule) {
        const auto file = SafetensorsFile::parse(bytes_of(bytes), "dir/bad.safetensors");
        CAPTURE(bytes.substr(0, 200), rule);
        REQUIRE_FALSE(file);
        CHECK(file.error().code == ErrorCode::malformed);
        CHECK_THAT(file.error().message, StartsWith("dir/bad.safetensors: "));
        CHECK_THAT(file.error().message, ContainsSubstring(rule));
    };
    refuse("", "is no safetensors file: it is empty, 0 bytes, as an interrupted download leaves it");
    refuse("1234567", "is no safetensors file: it begins with '1234567'");
    refuse("\x01\xff\n", "is no safetensors file: it begins with '\\x01\\xff\\x0a'");
    refuse("<!DOCTYPE html>\n<html>",
           "is no safetensors file: it begins with '<!DOCTYPE html>', not with a header, so it is a web page");
    refuse("\xef\xbb\xbf \r\n<HTML lang=\"en\"><body>Sign in</body>", "so it is a web page");
    refuse("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "so it is a web page");
    refuse(R"({"error": "Access to the model is restricted", "code": 403})",
           "it begins with '{\"error\": \"Access to the model i'");
    refuse(std::string("PK\x03\x04\0\0\x08\x08\0\0", 10), "so it is a zip archive");
    refuse(std::string("GGUF\x03\0\0\0\x02\0", 10), "it begins with 'GGUF', not with a header, so it is a GGUF file");
    refuse(with_length(3, "{}"),
           "header length 3 reaches beyond the end of the file of 10 bytes: the file is not whole");
    refuse(with_length(100'000'001, "{}"), "header length 100000001 is over the format's limit of 100000000 bytes");
    refuse(with_length(~uint64_t(0), "{}"), "is over the format's limit");
    refuse(with_length(100'000'000, "{}"), "reaches beyond the end");
    refuse("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
           "so it is a Git LFS pointer and not the file itself, which 'git lfs pull' fetches");
    refuse(with_length(0, ""), "is no safetensors file");
    refuse(file_of(" {}", 0), "is no safetensors file");
    refuse(file_of("[]", 0), "is no safetensors file");
    refuse(file_of("{]", 0), "header is not valid JSON at byte 2");
    refuse(file_of("{\"a\":", 0), "header is not valid JSON");
    refuse(file_of("{} x", 0), "header is not valid JSON");
    refuse(file_of("{\"a\xff\":1}", 0), "header is not valid JSON");
    refuse(file_of(std::string("{}\0 x", 5), 0), "header is not valid JSON: it has a zero byte");
    refuse(file_of("{" + std::string(100'000, '['), 0), "header is not valid JSON");
    refuse(file_of("{\"a\":" + std::string(100'000, '['), 0), "tensor 'a': must be an object");
    refuse(file_of("{\"a\":{\"x\":" + std::string(100'000, '['), 0), "header is not valid JSON");
    refuse(file_of("{\"" + std::string(100'000, 'x'), 0), "header is not valid JSON");
    refuse(file_of(R"({"__metadata__":[]})", 0), "__metadata__: must be an object of strings");
    refuse(file_of(R"({"__metadata__":{"k":1}})", 0), "__metadata__: the value of 'k' must be a string");
    refuse(file_of(R"({"__metadata__":{"k":{}}})", 0), "__metadata__: the value of 'k' must be a string");
    refuse(file_of(R"({"__metadata__":{"k":"1","k":"2"}})", 0), "__metadata__: the key 'k' occurs twice");
    refuse(file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "__metadata__: the key occurs twice");
    refuse(file_of(R"({"__metadata__":{"k\u0000":"1"}})", 0), "__metadata__: the key 'k\\x00' has a zero byte");
    refuse(file_of(R"({"__metadata__":{"k":"1\u0000"}})", 0), "__metadata__: the value of 'k' has a zero byte");
    refuse(file_of("{" + kA + "}", 9), "1 bytes at the end of the file belong to no tensor; the last one is 'a'");
    refuse(file_of("{}", 4), "4 bytes at the end of the file belong to no tensor");
}

TEST_CASE("safetensors: a broken tensor is refused with the file, the tensor and the rule") {
    const auto refuse = [](const std::string& entries, size_t data_bytes, const std::string& tensor,
                           const std::string& rule) {
        const auto bytes = file_of("{" + entries + "}", data_bytes);
        const auto file = SafetensorsFile::parse(bytes_of(bytes), "dir/bad.safetensors");
        CAPTURE(entries.substr(0, 300), rule);
        REQUIRE_FALSE(file);
        CHECK(file.error().code == ErrorCode::malformed);
        CHECK_THAT(file.error().message, StartsWith("dir/bad.safetensors: tensor " + tensor + ": "));
        CHECK_THAT(file.error().message, ContainsSubstring(rule));
    };
    const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
        return R"("w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
    };
    // The entry itself.
    refuse(R"("w":1)", 0, "'w'", "must be an object with dtype, shape and data_offsets");
    refuse(R"("w":null)", 0, "'w'", "must be an object");
    refuse(R"("w":{})", 0, "'w'", "has no dtype");
    refuse(R"("w":{"dtype":"F32","data_offsets":[0,0]})", 0, "'w'", "has no shape");
    refuse(R"("w":{"dtype":"F32","shape":[0]})", 0, "'w'", "has no data_offsets");
    refuse(R"("w":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]})", 0, "'w'", "dtype occurs twice");
    refuse(R"("w":{"shape":[0],"shape":[0]})", 0, "'w'", "shape occurs twice");
    refuse(R"("w":{"data_offsets":[0,0],"data_offsets":[0,0]})", 0, "'w'", "data_offsets occurs twice");
    refuse(entry(R"("F33")", "[2]", "[0,8]"), 8, "'w'", "dtype 'F33' is not a type of the format");
    refuse(entry(R"("f32")", "[2]", "[0,8]"), 8, "'w'", "dtype 'f32' is not a type of the format");
    refuse(entry("32", "[2]", "[0,8]"), 8, "'w'", "dtype must be a string");
    refuse(entry("{}", "[2]", "[0,8]"), 8, "'w'", "dtype must be a string");
    for (const char* shape :
         {"2", "[2.0]", "[-2]", "[\"2\"]", "[[2]]", "[{}]", "[null]", "{}", "[18446744073709551616]"})
        refuse(entry(R"("F32")", shape, "[0,8]"), 8, "'w'", "shape must be a list of whole numbers below 2^64");
    for (const char* offsets : {"8", "[8]", "[]", "[0,4,8]", "[0,-8]", "[0,8.0]", "[[0,8]]", "{}", "[0,\"8\"]"})
        refuse(entry(R"("F32")", "[2]", offsets), 8, "'w'", "data_offsets must be two whole numbers below 2^64");
    std::string many = "[1";
    for (int i = 0; i < 64; ++i) many += ",1";
    refuse(entry(R"("F32")", many + "]", "[0,4]"), 4, "'w'", "shape has more than 64 dimensions");
    // Its size.
    refuse(entry(R"("F32")", "[2]", "[8,0]"), 8, "'w'", "data_offsets [8, 0] end before they begin");
    refuse(entry(R"("F32")", "[2]", "[0,9]"), 8, "'w'",
           "data_offsets [0, 9] reach beyond the end of the file, which has 8 bytes of data");
    refuse(entry(R"("F32")", "[2]", "[18446744073709551608,18446744073709551615]"), 8, "'w'",
           "reach beyond the end of the file");
    refuse(entry(R"("F32")", "[3]", "[0,8]"), 8, "'w'", "shape [3] of F32 needs 12 bytes, data_offsets [0, 8] give 8");
    refuse(entry(R"("F16")", "[2]", "[0,8]"), 8, "'w'", "shape [2] of F16 needs 4 bytes, data_offsets [0, 8] give 8");
    refuse(entry(R"("F32")", "[0]", "[0,8]"), 8, "'w'", "needs 0 bytes");
    // 2^66 wraps to 0.
    refuse(entry(R"("F32")", "[8589934592,8589934592]", "[0,0]"), 0, "'w'",
           "shape [8589934592, 8589934592] of F32 overflows 64 bits");
    refuse(entry(R"("U64")", "[4611686018427387904]", "[0,0]"), 0, "'w'", "overflows 64 bits");
    refuse(entry(R"("F4")", "[3]", "[0,1]"), 1, "'w'", "shape [3] of F4 does not end on a byte boundary");
    refuse(entry(R"("F6_E3M2")", "[2]", "[0,1]"), 1, "'w'", "does not end on a byte boundary");
    // Its neighbours.
    refuse(kA + R"(,"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]})", 12, "'b'",
           "data_offsets [4, 12] overlap tensor 'a' by 4 bytes");
    refuse(kA + R"(,"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 8, "'b'", "overlap tensor 'a' by 8 bytes");
    refuse(kA + R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]})", 8, "'b'", "overlap tensor 'a' by 5 bytes");
    refuse(kA + R"(,"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]})", 8, "'b'", "overlap tensor 'a'");
    refuse(kA + R"(,"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]})", 20, "'b'",
           "data_offsets [12, 20] leave a gap of 4 bytes before them");
    refuse(R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})", 8, "'b'", "leave a gap of 4 bytes");
    refuse(kA + "," + kA, 8, "'a'", "the name occurs twice");
    refuse(kA + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},)"
                R"("a":{"dtype":"U8","shape":[1],"data_offsets":[9,10]})",
           10, "'a'", "the name occurs twice");
    // Its name: what a terminal would obey is written out, and a long one is cut.
    refuse(R"("w\u001b[2J":1)", 0, R"('w\x1b[2J')", "must be an object");
    refuse(R"("w\u0000":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})", 0, R"('w\x00')", "the name has a zero byte");
    refuse('"' + std::string(1000, 'w') + "\":1", 0, "'" + std::string(160, 'w') + "...'", "must be an object");
}

TEST_CASE("safetensors: opening names the path of what is missing, a directory or empty") {
    const test::TemporaryDirectory directory;
    const auto missing = SafetensorsFile::open(directory / "no.safetensors");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == ErrorCode::not_found);
    CHECK_THAT(missing.error().message, StartsWith((directory / "no.safetensors").string()));
    CHECK_THAT(SafetensorsFile::open(directory.path()).error().message, StartsWith(directory.path().string()));
    const auto empty = directory.write("empty.safetensors", "");
    CHECK_THAT(SafetensorsFile::open(empty).error().message, StartsWith(empty.string() + ": is no safetensors file"));
}

TEST_CASE("safetensors: every type is found by its name and has its size") {
    size_t bits = 0;
    for (size_t i = 0; i < kFileTypes; ++i) {
        CHECK(file_type(name_of(FileType(i))) == FileType(i));
        bits += bits_of(FileType(i));
    }
    CHECK(bits == 4 + 2 * 6 + 8 * 8 + 4 * 16 + 3 * 32 + 4 * 64);
    CHECK(bits_of(FileType::bf16) == 16);
    CHECK(bits_of(FileType::boolean) == 8);
    CHECK_FALSE(file_type(""));
    CHECK_FALSE(file_type("F3"));
}

TEST_CASE("safetensors: numbers are read from every type that has them") {
    const auto floats = [](FileType type, const auto& words) {
        return *read_f32({"t", type, {words.size()}, raw(words)});
    };
    using Floats = std::vector<float>;
    CHECK(floats(FileType::f32, std::vector<float>{1, -0.5f}) == Floats{1, -0.5f});
    CHECK(floats(FileType::f64, std::vector<double>{1, 0.1}) == Floats{1, 0.1f});
    CHECK(floats(FileType::f16, std::vector<uint16_t>{0x3c00, 0xc000, 1}) == Floats{1, -2, 0x1p-24f});
    CHECK(floats(FileType::bf16, std::vector<uint16_t>{0x3f80, 0xc000}) == Floats{1, -2});
    CHECK(floats(FileType::boolean, std::vector<uint8_t>{0, 1, 2}) == Floats{0, 1, 1});
    CHECK(floats(FileType::i8, std::vector<int8_t>{-128, 127}) == Floats{-128, 127});
    CHECK(floats(FileType::u64, std::vector<uint64_t>{~uint64_t(0)}) == Floats{0x1p64f});
    // The corners of the 8-bit types: one, the smallest, the largest.
    CHECK(floats(FileType::f8_e4m3, std::vector<uint8_t>{0x38, 0x01, 0x7e, 0xb8}) == Floats{1, 0x1p-9f, 448, -1});
    CHECK(floats(FileType::f8_e5m2, std::vector<uint8_t>{0x3c, 0x01, 0x7b, 0xbc}) == Floats{1, 0x1p-16f, 57344, -1});
    CHECK(floats(FileType::f8_e4m3fnuz, std::vector<uint8_t>{0x40, 0x01, 0x7f, 0xc0}) == Floats{1, 0x1p-10f, 240, -1});
    CHECK(floats(FileType::f8_e5m2fnuz, std::vector<uint8_t>{0x40, 0x01, 0x7f, 0xc0}) ==
          Floats{1, 0x1p-17f, 57344, -1});
    CHECK(floats(FileType::f8_e8m0, std::vector<uint8_t>{127, 0, 254}) == Floats{1, 0x1p-127f, 0x1p127f});
    CHECK(std::isinf(floats(FileType::f8_e5m2, std::vector<uint8_t>{0x7c})[0]));
    for (const auto& [type, word] : {std::pair(FileType::f8_e4m3, 0x7f),
                                     {FileType::f8_e4m3, 0xff},
                                     {FileType::f8_e5m2, 0x7d},
                                     {FileType::f8_e4m3fnuz, 0x80},
                                     {FileType::f8_e5m2fnuz, 0x80},
                                     {FileType::f8_e8m0, 0xff}})
        CHECK(std::isnan(floats(type, std::vector<uint8_t>{uint8_t(word)})[0]));

    const auto integers = [](FileType type, const auto& words) {
        return *read_i64({"t", type, {words.size()}, raw(words)});
    };
    using Integers = std::vector<int64_t>;
    CHECK(integers(FileType::i16, std::vector<int16_t>{-5}) == Integers{-5});
    CHECK(integers(FileType::u32, std::vector<uint32_t>{~0u}) == Integers{0xffffffff});
    CHECK(integers(FileType::i64, std::vector<int64_t>{std::numeric_limits<int64_t>::min()}) ==
          Integers{std::numeric_limits<int64_t>::min()});
    CHECK(integers(FileType::boolean, std::vector<uint8_t>{1, 0}) == Integers{1, 0});

    const std::vector<uint64_t> big{~uint64_t(0)};
    CHECK_THAT(read_i64({"t", FileType::u64, {1}, raw(big)}).error().message, ContainsSubstring("tensor 't'"));
    CHECK_THAT(read_i64({"t", FileType::f32, {2}, raw(big)}).error().message,
               ContainsSubstring("F32, which cannot be read as integers"));
    CHECK_THAT(read_f32({"t", FileType::f4, {16}, raw(big)}).error().message,
               ContainsSubstring("F4, which cannot be read as floats"));
    CHECK(read_f32({"t", FileType::c64, {1}, raw(big)}).error().code == ErrorCode::unsupported);
}

TEST_CASE("safetensors: what is written is read back, wide types first and aligned") {
    const std::vector<uint8_t> flags{1, 0, 1};
    const std::vector<float> weights{1, 2, 3, 4, 5, 6};
    const std::vector<uint16_t> halves{0x3c00};
    const std::vector<TensorView> tensors{{"flags", FileType::boolean, {3}, raw(flags)},
                                          {"h", FileType::f16, {}, raw(halves)},
                                          {"w \"quoted\"\n", FileType::f32, {2, 3}, raw(weights)},
                                          {"none", FileType::f64, {0, 4}, {}}};
    const test::TemporaryDirectory directory;
    const auto path = directory / "out.safetensors";
    REQUIRE(write_safetensors(path, tensors, {{"format", "pt"}}));
    const auto file = SafetensorsFile::open(path);
    REQUIRE(file);
    CHECK(directory.count() == 1);
    CHECK(file->metadata() == std::map<std::string, std::string>{{"format", "pt"}});
    REQUIRE(file->tensors().size() == 4);
    CHECK(file->tensors()[0].name == "none");
    CHECK(file->tensors()[3].name == "flags");
    for (const auto& tensor : tensors) {
        const auto* read = file->find(tensor.name);
        REQUIRE(read);
        CHECK(read->type == tensor.type);
        CHECK(read->shape == tensor.shape);
        CHECK(std::equal(read->bytes.begin(), read->bytes.end(), tensor.bytes.begin(), tensor.bytes.end()));
        CHECK((reinterpret_cast<uintptr_t>(read->bytes.data()) * 8) % bits_of(read->type) == 0);
    }
    REQUIRE(write_safetensors(path, {}));
    CHECK(SafetensorsFile::open(path)->tensors().empty());
}

TEST_CASE("safetensors: what the reader would refuse is not written") {
    const std::vector<float> two{1, 2};
    const test::TemporaryDirectory directory;
    const auto refuse = [&](std::vector<TensorView> tensors, const std::string& rule) {
        const auto status = write_safetensors(directory / "out.safetensors", tensors);
        REQUIRE_FALSE(status);
        CHECK(status.error().code == ErrorCode::invalid_argument);
        CHECK_THAT(status.error().message, ContainsSubstring("out.safetensors"));
        CHECK_THAT(status.error().message, ContainsSubstring(rule));
        CHECK(directory.count() == 0);
    };
    const TensorView good{"a", FileType::f32, {2}, raw(two)};
    refuse({good, good}, "tensor 'a': the name is taken");
    refuse({{"__metadata__", FileType::f32, {2}, raw(two)}}, "the name is taken");
    refuse({{"a", FileType::f32, {3}, raw(two)}}, "tensor 'a': shape [3] of F32 needs 12 bytes");
    refuse({{"a\xff", FileType::f32, {2}, raw(two)}}, "not UTF-8");
    refuse({{std::string("a\0b", 3), FileType::f32, {2}, raw(two)}}, "zero byte");
}

TEST_CASE("safetensors: all reference files are read") {
    weft_GOLDEN(root, "README.md");
    size_t files = 0, tensors = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root.parent_path())) {
        if (entry.path().extension() != ".safetensors" || entry.path().parent_path().filename() == "malformed")
            continue;
        const auto file = SafetensorsFile::open(entry.path());
        INFO((file ? entry.path().string() : file.error().message));
        REQUIRE(file);
        ++files;
        for (const auto& tensor : file->tensors()) {
            ++tensors;
            REQUIRE(file->find(tensor.name) == &tensor);
            REQUIRE(read_f32(tensor)->size() == tensor.count());
        }
    }
    INFO(files << " files, " << tensors << " tensors");
    CHECK(files > 0);
    CHECK(tensors >= files);
}
