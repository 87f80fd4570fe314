// SPDX-License-Identifier: Apache-2.0
// L5: Metaspace's settings, which its pre-tokenizer and its decoder share.
#pragma once
#include "text/tokenizer/part.hpp"

namespace weft::detail::text {

struct Metaspace {
    enum Scheme { first, never, always };

    std::string replacement; ///< the character that stands for a space, as UTF-8
    Scheme scheme = always;  ///< where a replacement is put before the text
    bool split = true;

    static Result<Metaspace> read(const JsonObject& part) {
        Metaspace config;
        weft_ASSIGN(config.replacement, read_character(part, "replacement"));
        weft_ASSIGN(const std::string scheme, part.string_or("prepend_scheme", "always"));
        if (scheme == "first") config.scheme = first;
        else if (scheme == "never") config.scheme = never;
        else if (scheme != "always") return part.bad("prepend_scheme", "must be first, never or always");
        weft_ASSIGN(const bool add_prefix_space, part.boolean_or("add_prefix_space", true)); // the older spelling
        if (!add_prefix_space) {
            if (part.has("prepend_scheme") && config.scheme != never)
                return part.bad("add_prefix_space", "must agree with prepend_scheme");
            config.scheme = never;
        }
        weft_ASSIGN(config.split, part.boolean_or("split", true));
        return config;
    }
};

} // namespace weft::detail::text
