// SPDX-License-Identifier: Apache-2.0
// Runs glslc rather than linking libshaderc: Debian's libshaderc leaves symbols of glslang undefined,
// and this serves development only.
#include "vulkan/shader_compiler.hpp"
#include "base/file.hpp"
#include "base/os.hpp"
#include <cerrno>
#include <cstring>

namespace weft::detail::vk {
namespace {

/// A file that goes away with its owner.
struct TemporaryFile {
    std::string path = (std::filesystem::temp_directory_path() / "weft-shader").string();
    int fd = os::create_temporary(path);
    ~TemporaryFile() {
        if (fd < 0) return;
        os::close(fd);
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
    }
};

} // namespace

Result<std::vector<uint32_t>> compile_shader(const std::filesystem::path& shaders, const KernelInfo& kernel,
                                             const VariantInfo& variant) {
    std::filesystem::path file;
    std::error_code code;
    for (std::filesystem::directory_iterator it(shaders, code), end; !code && it != end; it.increment(code)) {
        std::error_code not_there;
        if (auto candidate = it->path() / (std::string(kernel.name) + ".comp");
            std::filesystem::exists(candidate, not_there))
            file = candidate;
    }
    if (file.empty())
        return Error{ErrorCode::not_found,
                     shaders.string() + ": there is no " + kernel.name + ".comp in any of its folders",
                     {}};
    TemporaryFile words, messages;
    if (words.fd < 0 || messages.fd < 0)
        return Error{ErrorCode::io, "cannot make a temporary file to compile shaders into", {}};
    std::vector<std::string> arguments{"glslc",
                                       "--target-env=vulkan1.1",
                                       "-fshader-stage=comp",
                                       "-I" + (shaders / "lib").string(),
                                       file.string(),
                                       "-o",
                                       words.path};
    const std::string defines = variant.defines;
    for (size_t at = 0; at < defines.size();) {
        const size_t end = std::min(defines.find(',', at), defines.size());
        arguments.push_back("-D" + defines.substr(at, end - at));
        at = end + 1;
    }
    const int result = os::run(arguments, messages.fd);
    if (result < 0)
        return Error{
            ErrorCode::not_found, std::string("cannot run glslc (Debian: package glslc): ") + std::strerror(errno), {}};
    if (result != 0) {
        auto text = read_file(messages.path);
        return Error{ErrorCode::malformed, file.string() + ": does not compile", {text ? *text : "glslc said nothing"}};
    }
    weft_ASSIGN(const std::string bytes, read_file(words.path));
    std::vector<uint32_t> module(bytes.size() / 4);
    std::memcpy(module.data(), bytes.data(), module.size() * 4);
    return module;
}

} // namespace weft::detail::vk
